"""What allauth offers and this site does not, and pages asked for in a wrong way."""

import pytest
from django.core import mail
from django.test import Client
from django.urls import NoReverseMatch, reverse

from accounts.models import Member

DASHBOARD = reverse("dashboard")
SIGN_UP = {
    "email": "new@example.org",
    "password1": "lamp river seven",
    "password2": "lamp river seven",
}


@pytest.mark.parametrize("method", ["get", "post"])
def test_sign_up_is_closed(client: Client, db: None, method: str, settings: object) -> None:
    response = getattr(client, method)(reverse("account_signup"), SIGN_UP)
    page = response.content.decode()
    assert response.status_code == 200
    assert "No sign-up needed" in page
    assert settings.OPERATOR_NAME in page  # type: ignore[attr-defined]
    assert not Member.objects.exists()
    assert not mail.outbox


@pytest.mark.parametrize("method", ["get", "post"])
def test_addresses_are_changed_on_the_host(client: Client, member: Member, method: str) -> None:
    client.force_login(member)
    response = getattr(client, method)(
        reverse("account_email"), {"action_add": "", "email": "evil@example.org"}
    )
    assert response.headers["Location"] == DASHBOARD
    assert not member.emailaddress_set.exists()  # type: ignore[attr-defined]


def test_verification_pages_are_closed(client: Client, db: None) -> None:
    for url in (
        reverse("account_email_verification_sent"),
        reverse("account_confirm_email", args=["any-key"]),
    ):
        assert client.get(url).headers["Location"] == DASHBOARD


@pytest.mark.parametrize("name", ["account_change_phone", "account_signup_by_passkey"])
def test_pages_nobody_asked_for(name: str) -> None:
    with pytest.raises(NoReverseMatch):
        reverse(name)


def test_the_folder_itself_leads_on(client: Client, member: Member) -> None:
    assert client.get("/accounts/").status_code == 302
    assert client.get("/accounts/nonsense/").status_code == 404


PAGES = [
    "account_login",
    "account_request_login_code",
    "account_reset_password",
    "account_reset_password_done",
    "account_reset_password_from_key_done",
    "account_inactive",
    "account_signup",
]


@pytest.mark.parametrize("name", PAGES)
def test_pages_are_part_of_the_site(client: Client, db: None, name: str) -> None:
    """Our layout, and nothing that the Content-Security-Policy refuses."""
    response = client.get(reverse(name))
    page = response.content.decode()
    assert response.status_code == 200
    assert 'rel="stylesheet"' in page
    assert page.count("<h1") == 1
    for refused in ("<style", " style=", "<script>", " onclick=", "javascript:"):
        assert refused not in page
    assert "script-src 'self'" in response.headers["Content-Security-Policy"]


@pytest.mark.parametrize("name", ["account_login", "account_request_login_code"])
@pytest.mark.parametrize("method", ["put", "delete", "patch"])
def test_wrong_method(client: Client, db: None, name: str, method: str) -> None:
    assert getattr(client, method)(reverse(name)).status_code in {200, 405}
    assert not mail.outbox


@pytest.mark.parametrize("name", ["account_inactive", "account_reset_password_done"])
def test_pages_take_no_post(client: Client, db: None, name: str) -> None:
    assert client.post(reverse(name)).status_code == 405


@pytest.mark.parametrize(
    "name", ["account_login", "account_request_login_code", "account_reset_password"]
)
def test_forms_need_the_csrf_token(db: None, name: str) -> None:
    client = Client(enforce_csrf_checks=True)
    assert client.post(reverse(name), {"email": "anna@example.org"}).status_code == 403
    assert not mail.outbox
