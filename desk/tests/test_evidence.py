"""Evidence files come from strangers: limits, types by content, and attachments only."""

import io
import uuid

import pytest
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from django.test import RequestFactory

from accounts.models import MemberAccess
from consent.erasure import erase
from desk.evidence import clean_name, examine, keep
from desk.models import Evidence

pytestmark = pytest.mark.django_db
BASE = "/admin/desk/memberpage/"
FORM = "multipart/form-data; boundary=x"
MAIL = b"From: a@example.org\r\nSubject: I object\r\nDate: today\r\n\r\nHello"
GOOD = {
    "pdf": ("a.pdf", b"%PDF-1.4 x"),
    "png": ("a.png", b"\x89PNG\r\n\x1a\n x"),
    "jpeg": ("a.JPG", b"\xff\xd8\xff\xe0 x"),
    "text": ("a.txt", "Ich widerspreche. Zoë".encode()),
    "eml": ("a.eml", MAIL),
}


@pytest.mark.parametrize("kind", GOOD)
def test_what_is_taken(kind):
    name, content = GOOD[kind]
    assert examine(SimpleUploadedFile(name, content)).kind == kind


@pytest.mark.parametrize(("name", "content"), [
    ("a.pdf", b"<html><script>alert(1)</script>"),
    ("a.png", b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>"),
    ("a.txt", b"\xef\xbb\xbf <!DOCTYPE html>"),
    ("a.pdf", b"MZ\x90\x00 an executable"),
    ("a.pdf", b"PK\x03\x04 an archive"),
    ("a.pdf", GOOD["png"][1]),
    ("a.png", GOOD["pdf"][1]),
    ("a.txt", b"text \x00 with NUL"),
    ("a.txt", b"\x1b[2J terminal"),
    ("a.pdf", b""),
])  # fmt: skip
def test_what_lies_about_its_type_is_refused(name, content):
    with pytest.raises(ValidationError):
        examine(SimpleUploadedFile(name, content))


def test_what_is_too_large(settings):
    settings.EVIDENCE_MAX_BYTES = 100
    assert examine(SimpleUploadedFile("a.pdf", GOOD["pdf"][1].ljust(100, b" ")))
    with pytest.raises(ValidationError, match="larger"):
        examine(SimpleUploadedFile("a.pdf", GOOD["pdf"][1].ljust(101, b" ")))


class Endless(io.RawIOBase):
    """A body of which every byte that is read is counted."""

    taken = 0

    def readable(self):
        return True

    def read(self, size=-1):
        self.taken += size
        return b"x" * min(size, 65_536)


def test_a_gigabyte_is_refused_before_it_is_read(agent, anna):
    """It is refused by its length, before the session or the token is looked at."""
    body = Endless()
    agent.get(BASE)  # for the cookie of the token
    agent.handler.enforce_csrf_checks = True
    answer = agent.generic(
        "POST", f"{BASE}anna/do/object/", b"",
        **{"CONTENT_LENGTH": str(10**9), "CONTENT_TYPE": FORM, "wsgi.input": body},
    )  # fmt: skip
    assert answer.status_code == 400
    assert body.taken == 0


def test_without_a_length_nothing_is_read():
    request = RequestFactory().generic(
        "POST", "/", b"",
        **{"CONTENT_LENGTH": "", "CONTENT_TYPE": FORM, "wsgi.input": Endless()},
    )  # fmt: skip
    assert not request.FILES


def test_it_goes_out_as_an_attachment_only(agent, anna, act):
    script = SimpleUploadedFile('"><script>alert(1)</script>.txt', b"I object")
    page = act(agent, "object", way="mail", evidence=script).content.decode()
    assert "<script>alert" not in page
    kept = Evidence.objects.get()
    answer = agent.get(f"{BASE}evidence/{kept.key}/")
    assert answer.content == b"I object"
    assert answer["Content-Disposition"] == (
        f'attachment; filename="evidence-{kept.sha256[:12]}.txt"'
    )
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Content-Security-Policy"] == "default-src 'none'; sandbox"
    look = MemberAccess.objects.filter(what="exported").get()
    assert (look.by, look.member_ref) == ("support-agent", "anna")
    assert "ticket 4711" in look.reason


def test_it_is_not_for_those_who_have_not_said_why(agent, lead, anna, act):
    act(agent, "object", way="mail", evidence=SimpleUploadedFile("a.txt", b"I object"))
    key = Evidence.objects.get().key
    assert lead.get(f"{BASE}evidence/{key}/").status_code == 403
    assert agent.get(f"{BASE}evidence/{uuid.uuid4()}/").status_code == 404


def test_it_lies_outside_the_web_root_under_a_random_name(anna, settings, tmp_path):
    kept = keep(member=anna, examined=examine(SimpleUploadedFile("../../x.pdf", b"%PDF-1")), by="x")
    files = [path for path in (tmp_path / "evidence").rglob("*") if path.is_file()]
    assert [path.name for path in files] == [kept.key.hex]
    assert files[0].stat().st_mode & 0o077 == 0
    assert not str(tmp_path).startswith(str(settings.STATIC_ROOT))


def test_a_file_that_was_exchanged_is_not_given_out(agent, anna, act, tmp_path):
    act(agent, "object", way="mail", evidence=SimpleUploadedFile("a.txt", b"I object"))
    key = Evidence.objects.get().key
    path = next(path for path in (tmp_path / "evidence").rglob("*") if path.is_file())
    path.write_bytes(b"I allow")
    assert agent.get(f"{BASE}evidence/{key}/").status_code == 409
    path.unlink()
    assert agent.get(f"{BASE}evidence/{key}/").status_code == 409


def test_an_erasure_takes_the_file(anna, tmp_path, django_capture_on_commit_callbacks):
    with transaction.atomic():
        keep(member=anna, examined=examine(SimpleUploadedFile("a.pdf", b"%PDF-1")), by="x")
    with django_capture_on_commit_callbacks(execute=True):
        erase(anna.pk)
    assert not Evidence.objects.exists()
    assert not [path for path in (tmp_path / "evidence").rglob("*") if path.is_file()]


def test_without_a_place_nothing_is_taken(settings):
    settings.EVIDENCE_DIR = ""
    with pytest.raises(ValidationError, match="EVIDENCE_DIR"):
        examine(SimpleUploadedFile("a.pdf", b"%PDF-1"))


@pytest.mark.parametrize(("name", "clean"), [
    ("../../etc/passwd", "passwd"), ("C:\\temp\\letter.pdf", "letter.pdf"), ("a\0b\r\nc", "abc"),
    ("fdp\u202egpj.exe", "fdpgpj.exe"), ("", "no name"), ("x" * 500, "x" * 200),
])  # fmt: skip
def test_names_are_cleaned(name, clean):
    assert clean_name(name) == clean
