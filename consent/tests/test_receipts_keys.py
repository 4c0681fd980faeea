"""The keys of receipts: published, named by their thumbprint, made by a command."""

import io
import json

import pytest
from django.core.management import call_command
from django.test import Client

from consent.tests.receipts import RFC_8037_KEY, RFC_8037_THUMBPRINT, new_key
from privacydash.env import signing_keys


@pytest.mark.django_db
def test_all_public_keys_are_published_and_no_private_one(settings):
    settings.RECEIPT_KEYS = [RFC_8037_KEY, new_key()]
    answer = Client().get("/.well-known/jwks.json")
    assert answer["Content-Type"] == "application/jwk-set+json"
    keys = json.loads(answer.content)["keys"]
    assert keys[0] == {
        "kty": "OKP",
        "crv": "Ed25519",
        "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
        "use": "sig",
        "alg": "EdDSA",
        "kid": RFC_8037_THUMBPRINT,  # RFC 8037, A.3
    }
    assert len({key["kid"] for key in keys}) == 2
    assert all("d" not in key for key in keys)


@pytest.mark.django_db
def test_the_keys_may_be_cached_and_read_from_other_sites():
    answer = Client().get("/.well-known/jwks.json")
    assert answer["Cache-Control"] == "public, max-age=3600"
    assert answer["Access-Control-Allow-Origin"] == "*"
    assert not answer.cookies
    assert Client().post("/.well-known/jwks.json").status_code == 405


def test_the_command_makes_a_key_that_the_setting_takes(monkeypatch):
    out = io.StringIO()
    call_command("make_receipt_key", stdout=out)
    call_command("make_receipt_key", stdout=out)
    first, second = out.getvalue().split()
    assert first != second
    monkeypatch.setenv("RECEIPT_KEYS", f"{second}, {first}")
    assert signing_keys("RECEIPT_KEYS") == [second, first]
