"""Signing in with a mailed code, with a password, and setting one."""

import pytest
from django.core import mail
from django.test import Client
from django.urls import reverse

from accounts.models import Member
from accounts.tests.mails import mailed_code, mailed_link

PASSWORD = "lamp river seven"
LOGIN = reverse("account_login")
CODE = reverse("account_request_login_code")
CONFIRM = reverse("account_confirm_login_code")
RESET = reverse("account_reset_password")
DASHBOARD = reverse("dashboard")


def signed_in(client: Client) -> bool:
    return "_auth_user_id" in client.session


@pytest.fixture
def with_password(member: Member) -> Member:
    member.set_password(PASSWORD)
    member.save()
    return member


def test_by_code(client: Client, member: Member) -> None:
    response = client.post(CODE, {"email": member.email.upper()})
    assert response.headers["Location"] == CONFIRM
    assert mail.outbox[0].to == [member.email]
    page = client.get(CONFIRM)
    assert member.email in page.content.decode()
    response = client.post(CONFIRM, {"code": mailed_code()})
    assert response.headers["Location"] == DASHBOARD
    assert signed_in(client)


def test_code_keeps_where_to_go(client: Client, member: Member) -> None:
    response = client.post(CODE, {"email": member.email, "next": "/notice/"})
    response = client.post(response.headers["Location"], {"code": mailed_code()})
    assert response.headers["Location"] == "/notice/"


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example/", "javascript:x"])
def test_code_goes_nowhere_else(client: Client, member: Member, target: str) -> None:
    client.post(CODE, {"email": member.email, "next": target})
    response = client.post(CONFIRM, {"code": mailed_code(), "next": target})
    assert response.headers["Location"] == DASHBOARD


def test_code_works_once(client: Client, member: Member) -> None:
    client.post(CODE, {"email": member.email})
    code = mailed_code()
    client.post(CONFIRM, {"code": code})
    client.post(reverse("account_logout"))
    client.post(CONFIRM, {"code": code})
    assert not signed_in(client)


def test_code_is_for_the_browser_that_asked(client: Client, member: Member) -> None:
    Client().post(CODE, {"email": member.email})
    client.post(CONFIRM, {"code": mailed_code()})
    assert not signed_in(client)


def test_three_wrong_codes_end_it(client: Client, member: Member) -> None:
    client.post(CODE, {"email": member.email})
    code = mailed_code()
    for _try in range(2):
        response = client.post(CONFIRM, {"code": "XXXXXX"})
        assert response.status_code == 200
        assert "not the code from the mail" in response.content.decode()
    client.post(CONFIRM, {"code": "XXXXXX"})
    client.post(CONFIRM, {"code": code})
    assert not signed_in(client)


def test_start_again(client: Client, member: Member) -> None:
    client.post(CODE, {"email": "mistyped@example.org"})
    assert client.get(LOGIN).status_code == 302  # a code is awaited
    response = client.post(reverse("account_logout"), {"next": LOGIN})
    assert response.headers["Location"] == LOGIN
    assert client.get(LOGIN).status_code == 200


def test_by_password(client: Client, with_password: Member) -> None:
    response = client.post(LOGIN, {"login": "Anna@Example.org", "password": PASSWORD})
    assert response.headers["Location"] == DASHBOARD
    assert signed_in(client)


def test_wrong_password(client: Client, with_password: Member) -> None:
    response = client.post(LOGIN, {"login": with_password.email, "password": "wrong"})
    assert response.status_code == 200
    assert "do not belong together" in response.content.decode()
    assert not signed_in(client)


def test_inactive_member(client: Client, with_password: Member) -> None:
    Member.objects.update(is_active=False)
    response = client.post(LOGIN, {"login": with_password.email, "password": PASSWORD})
    assert response.headers["Location"] == reverse("account_inactive")
    assert "This account is closed" in client.get(response.headers["Location"]).content.decode()
    assert not signed_in(client)


def test_session_ends_when_the_account_is_closed(client: Client, with_password: Member) -> None:
    client.post(LOGIN, {"login": with_password.email, "password": PASSWORD})
    Member.objects.update(is_active=False)
    assert client.get(reverse("account_change_password")).status_code == 302


def test_sign_out_by_post_only(client: Client, member: Member) -> None:
    client.force_login(member)
    page = client.get(reverse("account_logout"))
    assert "Sign out?" in page.content.decode()
    assert signed_in(client)
    response = client.post(reverse("account_logout"))
    assert response.headers["Location"] == reverse("notice")
    assert not signed_in(client)


def test_set_a_password_by_mail(client: Client, member: Member) -> None:
    """A member without a password gets one that way too."""
    response = client.post(RESET, {"email": member.email})
    assert response.headers["Location"] == reverse("account_reset_password_done")
    link = mailed_link()
    response = client.get(link)
    form = response.headers["Location"]
    assert "Save the password" in client.get(form).content.decode()
    response = client.post(form, {"password1": PASSWORD, "password2": PASSWORD})
    assert response.headers["Location"] == reverse("account_reset_password_from_key_done")
    assert Member.objects.get().check_password(PASSWORD)
    assert "does not work any more" in Client().get(link).content.decode()


def test_reset_link_does_not_follow_the_host_header(client: Client, member: Member) -> None:
    client.post(RESET, {"email": member.email}, headers={"host": "localhost"})
    assert "http://127.0.0.1" in str(mail.outbox[0].body)


def test_reset_passwords_must_agree(client: Client, member: Member) -> None:
    client.post(RESET, {"email": member.email})
    form = client.get(mailed_link()).headers["Location"]
    response = client.post(form, {"password1": PASSWORD, "password2": "other words here"})
    page = response.content.decode()
    assert 'href="#id_password2"' in page
    assert 'aria-describedby="id_password2_error"' in page
    assert 'id="id_password2_error"' in page


@pytest.mark.parametrize("name", ["account_change_password", "account_set_password"])
def test_pages_that_need_a_sign_in(client: Client, db: None, name: str) -> None:
    response = client.get(reverse(name))
    assert response.headers["Location"].startswith(LOGIN)


def test_set_and_change_a_password(client: Client, member: Member) -> None:
    client.force_login(member)
    change, set_ = reverse("account_change_password"), reverse("account_set_password")
    assert client.get(change).headers["Location"] == set_
    response = client.post(set_, {"password1": PASSWORD, "password2": PASSWORD})
    assert response.headers["Location"] == DASHBOARD
    assert signed_in(client)
    new = "green chair monday"
    wrong = client.post(change, {"oldpassword": "x", "password1": new, "password2": new})
    assert "not your current password" in wrong.content.decode()
    client.post(change, {"oldpassword": PASSWORD, "password1": new, "password2": new})
    assert Member.objects.get().check_password(new)


def test_confirm_by_password(client: Client, with_password: Member) -> None:
    client.force_login(with_password)
    url = reverse("account_reauthenticate")
    assert "once more" in client.get(url).content.decode()
    assert client.post(url, {"password": "wrong"}).status_code == 200
    assert client.post(url, {"password": PASSWORD}).headers["Location"] == DASHBOARD


def test_confirm_without_a_password(client: Client, member: Member) -> None:
    client.force_login(member)
    assert client.get(reverse("account_reauthenticate")).headers["Location"] == DASHBOARD


def test_login_page_offers_both_ways(client: Client, db: None) -> None:
    page = client.get(LOGIN, {"next": "/notice/"}).content.decode()
    by_code, by_password = page.index('id="by-code"'), page.index('id="by-password"')
    assert by_code < by_password
    assert page.count('name="next" value="/notice/"') == 2
    for part in (
        'autocomplete="email"',
        'autocomplete="username"',
        'autocomplete="current-password"',
        '<label for="id_email">',
        '<label for="id_login">',
        '<label for="id_password">',
    ):
        assert part in page
    assert "placeholder" not in page


def test_signed_in_member_needs_no_login_page(client: Client, member: Member) -> None:
    client.force_login(member)
    for url in (LOGIN, CODE, CONFIRM):
        assert client.get(url).headers["Location"] == DASHBOARD


def test_mail_in_the_members_language(client: Client, member: Member, tmp_path: object) -> None:
    Member.objects.update(language="fr-CA")
    client.post(CODE, {"email": member.email}, headers={"accept-language": "en"})
    message = mail.outbox[0]
    assert "<" not in str(message.body)
    assert "&" not in message.subject
    assert mailed_code()


def test_mail_that_cannot_be_sent(
    client: Client, member: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_arguments: object, **_values: object) -> None:
        raise ConnectionRefusedError

    monkeypatch.setattr("django.core.mail.EmailMultiAlternatives.send", broken)
    for email in (member.email, "nobody@example.org"):
        page = Client().post(CODE, {"email": email}, follow=True)
        assert page.status_code == 200
        assert "could not be sent" in page.content.decode()
