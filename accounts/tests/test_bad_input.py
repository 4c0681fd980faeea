"""NUL, a megabyte and nonsense in every field of the sign-in pages: an answer, never an error."""

from urllib.parse import quote

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Member

NASTY = {
    "nul": "a\x00b@example.org",
    "megabyte": "x" * 1_000_000,
    "megabyte address": "x" * 1_000_000 + "@example.org",
    "surrogate": "\udcff@example.org".encode("utf-8", "surrogateescape"),
    "right-to-left": "\u202e@example.org",
    "empty": "",
    "spaces": "   ",
    "line end": "a@example.org\r\nBcc: b@example.org",
}
FORMS = {
    "account_login": ("login", "password", "next", "remember"),
    "account_request_login_code": ("email", "next"),
    "account_reset_password": ("email", "next"),
    "account_logout": ("next",),
    "account_signup": ("email", "password1"),
}
MEMBERS_FORMS = {
    "account_change_password": ("oldpassword", "password1", "password2", "next"),
    "account_reauthenticate": ("password", "next"),
}
PASSWORD = "lamp river seven"


@pytest.fixture
def with_password(member: Member) -> Member:
    member.set_password(PASSWORD)
    member.save()
    return member


@pytest.mark.parametrize("value", NASTY.values(), ids=NASTY.keys())
@pytest.mark.parametrize("name", FORMS)
def test_anonymous(member: Member, name: str, value: str) -> None:
    good = {"login": member.email, "email": member.email, "password": PASSWORD}
    for field in FORMS[name]:
        data = {k: v for k, v in good.items() if k in FORMS[name]} | {field: value}
        assert Client().post(reverse(name), data).status_code < 500


@pytest.mark.parametrize("value", NASTY.values(), ids=NASTY.keys())
@pytest.mark.parametrize("name", MEMBERS_FORMS)
def test_signed_in(client: Client, with_password: Member, name: str, value: str) -> None:
    client.force_login(with_password)
    for field in MEMBERS_FORMS[name]:
        data = {"oldpassword": PASSWORD, "password": PASSWORD, field: value}
        assert client.post(reverse(name), data).status_code < 500


@pytest.mark.parametrize("value", NASTY.values(), ids=NASTY.keys())
def test_code(member: Member, value: str) -> None:
    client = Client()
    client.post(reverse("account_request_login_code"), {"email": member.email})
    assert client.post(reverse("account_confirm_login_code"), {"code": value}).status_code < 500


@pytest.mark.parametrize(
    "key", ["0-0", "a-\x00", "zzzzzzzzzzzzzzzzzzzzzzzz-x", "1-set-password", "1-" + "x" * 5_000]
)
def test_reset_link(client: Client, member: Member, key: str) -> None:
    response = client.get(f"/accounts/password/reset/key/{quote(key)}/")
    assert response.status_code == 200
    assert "does not work any more" in response.content.decode()


@pytest.mark.parametrize("target", ["\x00", "x" * 5_000, "http://[::1", "///evil.example"])
def test_where_to_go_in_the_address(client: Client, member: Member, target: str) -> None:
    for name in ("account_login", "account_request_login_code", "account_reset_password"):
        assert client.get(reverse(name), {"next": target}).status_code < 500
    client.force_login(member)
    assert client.get(reverse("account_login"), {"next": target}).status_code < 500


def test_language_of_the_browser(client: Client, db: None, settings: object) -> None:
    for value in ("x" * 10_000, "de-" * 3_000, "\x00", "*", "de;q=x", "../../etc"):
        client.cookies["django_language"] = value.replace("\x00", "%00")
        response = client.get(reverse("account_login"), headers={"accept-language": value})
        assert response.status_code == 200


def test_json_instead_of_a_form(client: Client, member: Member) -> None:
    """allauth answers scripts in JSON; it tells them no more than it tells people."""
    response = client.post(
        reverse("account_login"),
        {"login": member.email, "password": "wrong"},
        headers={"x-requested-with": "XMLHttpRequest"},
    )
    assert response.status_code == 400
