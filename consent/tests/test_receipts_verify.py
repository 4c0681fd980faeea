"""/verify/: what is real is shown, what is not is told in clear words, and nothing is kept."""

import base64
import hashlib
import hmac
import json
import logging

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from joserfc import jws

from consent import signing
from consent.receipt_views import CHECK_LIMIT
from consent.signing import TYPE, public_keys
from consent.tests.receipts import download, new_key
from tests.people import choose

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("notice", "sql_store")]

REAL = "This receipt is real."
CHANGED = "The signature does not match."
UNKNOWN_KEY = "signed with a key that we do not know"
NO_RECEIPT = "This is not a receipt from us."
TOO_LARGE = "That is too large to be a receipt."
NOTHING = "Nothing was sent."
ANSWERS = (REAL, CHANGED, UNKNOWN_KEY, NO_RECEIPT, TOO_LARGE, NOTHING)


@pytest.fixture
def document(client, member):
    choose("anna", notice_version=1, notice_language="en")
    client.force_login(member)
    return download(client)


def check(sent: object = "", **fields: object) -> str:
    """Which answer a stranger gets."""
    text = sent if isinstance(sent, str) else json.dumps(sent)
    page = Client().post("/verify/", {"receipt": text, **fields}).content.decode()
    (answer,) = [answer for answer in ANSWERS if answer in page]
    assert ("Objection, saved on" in page) == (answer == REAL)
    return answer


def encode(part: object) -> str:
    raw = part if isinstance(part, bytes) else json.dumps(part).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def decode(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def test_the_page_is_for_everybody():
    answer = Client().get("/verify/")
    assert answer.status_code == 200
    assert b"Check a receipt" in answer.content
    assert not any(words in answer.content.decode() for words in ANSWERS)
    assert "no-store" in answer["Cache-Control"]
    assert Client().head("/verify/").status_code == 200
    assert Client().put("/verify/").status_code == 405


def test_the_file_as_it_is_pasted(document):
    assert check(document) == REAL


def test_the_file_as_it_is_uploaded(document):
    for start in (b"", b"\xef\xbb\xbf"):  # some editors put a byte order mark before
        file = SimpleUploadedFile("receipt-1.json", start + json.dumps(document).encode())
        assert check(file=file) == REAL


def test_the_signed_text_alone(document):
    token = document["jws"]
    assert check(token) == REAL
    assert check(f"  {token}\n") == REAL
    lines = "\r\n ".join(token[i : i + 60] for i in range(0, len(token), 60))
    assert check(f"Its signed text: {lines} \n\n Page 1") == REAL


def test_what_is_shown_is_what_was_signed(document):
    page = Client().post("/verify/", {"receipt": json.dumps(document)}).content.decode()
    assert "Training of generative AI" in page
    assert "Germany (EU and EEA)" in page
    assert document["receipt"]["record_id"] in page


@pytest.mark.parametrize("what", ["payload", "signature", "readable part"])
def test_tampered(document, what):
    header, payload, signature = document["jws"].split(".")
    if what == "payload":
        said = json.loads(decode(payload))
        said["event"]["event_time"] = "2020-01-01T00:00:00.000Z"
        payload = encode(said)
    elif what == "signature":
        signature = ("A" if signature[0] != "A" else "B") + signature[1:]
    else:
        document["receipt"]["event"]["event_type"] = "allowed"
    assert check({**document, "jws": f"{header}.{payload}.{signature}"}) == CHANGED


def test_signed_by_somebody_else(document, settings):
    settings.RECEIPT_KEYS = [new_key()]
    assert check(document) == UNKNOWN_KEY


def test_somebody_else_who_names_our_key(document, settings, client):
    ours = settings.RECEIPT_KEYS
    header = document["jws"].split(".")[0]
    settings.RECEIPT_KEYS = [new_key()]
    forged = ".".join([header, *download(client)["jws"].split(".")[1:]])
    settings.RECEIPT_KEYS = ours
    assert check(forged) == CHANGED


def test_a_retired_key_still_verifies_and_a_dropped_one_does_not(document, settings, client):
    old, new = settings.RECEIPT_KEYS[0], new_key()
    settings.RECEIPT_KEYS = [new, old]
    assert check(document) == REAL
    renewed = download(client)
    kids = [json.loads(decode(d["jws"].split(".")[0]))["kid"] for d in (document, renewed)]
    assert kids == [key["kid"] for key in reversed(public_keys()["keys"])]
    settings.RECEIPT_KEYS = [new]
    assert check(document) == UNKNOWN_KEY
    assert check(renewed) == REAL


@pytest.mark.parametrize("alg", ["none", "HS256", "ES256", "Ed25519", "eddsa", "", None, 7])
def test_the_token_does_not_choose_how_it_is_checked(document, alg):
    """With "none" nothing is signed; with HS256 the secret would be the public key."""
    header, payload, signature = document["jws"].split(".")
    signed = f"{encode({**json.loads(decode(header)), 'alg': alg})}.{payload}"
    key = public_keys()["keys"][0]
    macs = [
        encode(hmac.digest(secret, signed.encode(), hashlib.sha256))
        for secret in (decode(key["x"]), json.dumps(key).encode())
    ]
    for end in ("", signature, *macs, *(mac.ljust(86, "A") for mac in macs)):
        assert check({"jws": f"{signed}.{end}"}) == NO_RECEIPT


def test_what_else_our_key_may_have_signed_is_no_receipt(document, settings):
    kid, key = next(iter(signing._keys(tuple(settings.RECEIPT_KEYS)).items()))
    payload = json.dumps(document["receipt"])
    for typ in ({}, {"typ": "JWT"}):
        token = jws.serialize_compact(
            {"alg": "EdDSA", "kid": kid, **typ}, payload, key, algorithms=["EdDSA"]
        )
        assert check(token) == NO_RECEIPT
    header = json.loads(decode(document["jws"].split(".")[0]))
    assert header == {"alg": "EdDSA", "typ": TYPE, "kid": kid}


NONSENSE = {
    "word": "hello",
    "nul": "\0",
    "nul in json": '{"jws": "\0"}',
    "surrogate": '{"jws": "\\udcff"}',
    "dots": "..",
    "empty parts": "eyJ..",
    "list": "[]",
    "number": "1" * 5000,
    "deep": "[" * 100_000,
    "deep object": '{"jws":' * 20_000,
    "no jws": '{"receipt": {}}',
    "jws is no text": '{"jws": 1}',
    "header is no json": f"eyJx.eyJx.{'A' * 86}",
    "header is a list": f"{encode([])}.e30.{'A' * 86}",
    "header names a list": f"{encode({'alg': 'EdDSA', 'typ': TYPE, 'kid': []})}.e30.{'A' * 86}",
    "critical": f"{encode({'alg': 'EdDSA', 'typ': TYPE, 'kid': 'x', 'crit': ['b64']})}.e30.AAAA",
    "many starts": "eyJ" * 80_000,
    "many parts": "eyJa." * 50_000,
    "html": "<script>alert(1)</script>",
}


@pytest.mark.parametrize("text", NONSENSE.values(), ids=NONSENSE.keys())
@pytest.mark.timeout(20)
def test_nonsense_is_answered_in_clear_words(text):
    answers = {check(text), check(file=SimpleUploadedFile("x", text.encode("utf-8", "replace")))}
    assert answers <= {NO_RECEIPT, UNKNOWN_KEY}


def test_a_picture_is_no_receipt():
    assert check(file=SimpleUploadedFile("x.png", bytes(range(256)) * 400)) == NO_RECEIPT


def test_nothing_sent():
    assert check("") == check("  \n") == check(file=SimpleUploadedFile("x", b" ")) == NOTHING


@pytest.mark.parametrize("size", [CHECK_LIMIT, 1_000_000, 5_000_000])
def test_too_large(size):
    for sent in ({"receipt": "x" * size}, {"file": SimpleUploadedFile("x", b"x" * size)}):
        answer = Client().post("/verify/", sent)
        assert answer.status_code == 413
        assert TOO_LARGE in answer.content.decode()


def test_a_body_that_is_no_form():
    answer = Client().post("/verify/", b"\xff\0", content_type="application/json")
    assert answer.status_code == 200
    assert NOTHING in answer.content.decode()
    answer = Client().post("/verify/", b"x", content_type="multipart/form-data; boundary=")
    assert answer.status_code == 400


def test_nothing_is_kept_or_logged(document, caplog, django_assert_num_queries, settings, tmp_path):
    caplog.set_level(logging.DEBUG)
    settings.FILE_UPLOAD_TEMP_DIR = tmp_path
    stranger = Client(enforce_csrf_checks=True)
    file = SimpleUploadedFile("receipt-1.json", json.dumps(document).encode())
    with django_assert_num_queries(0):
        answer = stranger.post("/verify/", {"file": file, "receipt": "x"})
    assert REAL in answer.content.decode()
    assert "no-store" in answer["Cache-Control"]
    assert settings.SESSION_COOKIE_NAME not in answer.cookies
    assert "anna" not in caplog.text
    assert document["jws"][:40] not in caplog.text
    assert list(tmp_path.iterdir()) == []
