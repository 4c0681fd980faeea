"""Staff reach Django admin with a second factor; members see nothing of it."""

import time
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, generate_totp_secret, hotp_value
from django.contrib.auth.models import Group
from django.core import mail
from django.test import Client
from django.urls import URLPattern, reverse

from accounts import second_factor_urls
from accounts.models import Member
from accounts.tests.mails import mailed_code
from tests.people import make_member, sign_in_staff

pytestmark = pytest.mark.django_db

ADMIN = reverse("admin:index")
LOGIN = reverse("account_login")
INDEX = reverse("mfa_index")
ROLE = "Support agent"
PASSWORD = "lamp river seven"
PAGES = [
    reverse(str(page.name), kwargs={"pk": 1} if "<int:pk>" in str(page.pattern) else {})
    for page in second_factor_urls.urlpatterns
    if isinstance(page, URLPattern) and page.name != "mfa_authenticate"
]


@pytest.fixture
def agent() -> Member:
    person = make_member("agent@staff.example", is_staff=True)
    person.set_password(PASSWORD)
    person.save()
    person.groups.set(Group.objects.filter(name=ROLE))
    return person


def code(secret: str, later: int = 0) -> str:
    return format_hotp_value(hotp_value(secret, int(time.time()) // 30 + later))


def give_app(person: Member) -> str:
    secret = generate_totp_secret()
    TOTP.activate(person, secret)
    return secret


def sign_in(client: Client, person: Member, following: str = ADMIN) -> Any:
    values = {"login": person.email, "password": PASSWORD, "next": following}
    return client.post(LOGIN, values)


def set_up_app(client: Client) -> Any:
    page = reverse("mfa_activate_totp")
    client.get(page)
    return client.post(page, {"code": code(client.session["mfa.totp.secret"])})


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("superuser", [True, False])
def test_without_one_staff_are_led_to_set_it_up(
    client: Client, agent: Member, superuser: bool
) -> None:
    Member.objects.filter(pk=agent.pk).update(is_superuser=superuser)
    assert sign_in(client, agent).headers["Location"] == ADMIN
    for url in (ADMIN, reverse("admin:accounts_member_changelist"), f"{ADMIN}no/such/page/"):
        assert client.get(url).headers["Location"].startswith(INDEX)
    assert "Set one up now" in client.get(INDEX).content.decode()
    shown = client.get(reverse("mfa_activate_totp")).content.decode()
    assert client.session["mfa.totp.secret"] in shown
    assert "<svg" in shown
    done = set_up_app(client)
    assert done.headers["Location"] == reverse("mfa_view_recovery_codes")
    assert client.get(done.headers["Location"]).content.decode().count("<code>") == 10
    assert client.get(ADMIN).status_code == 200
    assert {"TOTP" in str(sent.body) for sent in mail.outbox} == {True, False}  # and the codes
    assert all(sent.to == [agent.email] for sent in mail.outbox)


@pytest.mark.django_db(transaction=True)
def test_its_owner_is_told_when_it_goes(client: Client, agent: Member) -> None:
    sign_in_staff(client, agent)
    client.post(reverse("mfa_deactivate_totp"))
    assert "removed from your account" in str(mail.outbox[0].body)
    assert client.get(ADMIN).headers["Location"].startswith(INDEX)


def test_a_code_by_mail_is_not_enough(client: Client, agent: Member) -> None:
    secret = give_app(agent)
    values = {"email": agent.email, "next": ADMIN}
    sent = client.post(reverse("account_request_login_code"), values)
    asked = client.post(sent.headers["Location"], {"code": mailed_code()})
    assert asked.headers["Location"].startswith(reverse("mfa_authenticate"))
    assert "_auth_user_id" not in client.session
    client.post(asked.headers["Location"], {"code": code(secret)})
    assert client.get(ADMIN).status_code == 200


def test_a_wrong_code_sets_nothing_up(client: Client, agent: Member) -> None:
    sign_in(client, agent)
    page = reverse("mfa_activate_totp")
    client.get(page)
    wrong = code(client.session["mfa.totp.secret"], later=5)
    assert client.post(page, {"code": wrong}).status_code == 200
    assert not Authenticator.objects.exists()
    assert client.get(ADMIN).status_code == 302


def test_an_old_sign_in_sets_nothing_up(client: Client, agent: Member) -> None:
    """A browser that was left open, or a stolen cookie, is not enough."""
    client.force_login(agent)
    for url in (INDEX, reverse("mfa_activate_totp"), reverse("mfa_add_webauthn")):
        page = client.get(url).content.decode()
        assert "sign in again" in page
        assert "secret" not in page
    client.post(reverse("mfa_activate_totp"), {"code": "000000"})
    assert not Authenticator.objects.exists()


def test_who_has_one_is_asked_at_sign_in(client: Client, agent: Member) -> None:
    secret = give_app(agent)
    assert sign_in(client, agent).headers["Location"] == reverse("mfa_authenticate")
    assert "/login/" in client.get(ADMIN).headers["Location"]  # not signed in yet
    page = reverse("mfa_authenticate")
    assert client.post(page, {"code": code(secret, later=5)}).status_code == 200
    assert client.post(page, {"code": code(secret)}).headers["Location"] == ADMIN
    assert client.get(ADMIN).status_code == 200


def test_a_code_works_once(agent: Member) -> None:
    secret, first, second = give_app(agent), Client(), Client()
    used = code(secret)
    for client in (first, second):
        sign_in(client, agent)
        client.post(reverse("mfa_authenticate"), {"code": used})
    assert first.get(ADMIN).status_code == 200
    assert "/login/" in second.get(ADMIN).headers["Location"]


def test_wrong_codes_are_limited(client: Client, agent: Member) -> None:
    secret = give_app(agent)
    sign_in(client, agent)
    page = reverse("mfa_authenticate")
    for _try in range(12):
        client.post(page, {"code": "000000"})
    assert "Too many tries" in client.post(page, {"code": code(secret)}).content.decode()


def test_a_recovery_code_stands_in_once(agent: Member) -> None:
    give_app(agent)
    spare = RecoveryCodes.activate(agent).get_unused_codes()[0]
    for expected in (200, 302):
        client = Client()
        sign_in(client, agent)
        client.post(reverse("mfa_authenticate"), {"code": spare})
        assert client.get(ADMIN).status_code == expected


def test_a_session_from_before_is_asked(client: Client, agent: Member) -> None:
    client.force_login(agent)
    secret = give_app(agent)
    asked = client.get(reverse("admin:ledger_entry_changelist")).headers["Location"]
    assert asked.startswith(reverse("mfa_reauthenticate"))
    for url in (INDEX, reverse("mfa_deactivate_totp"), reverse("mfa_view_recovery_codes")):
        assert client.get(url).headers["Location"].startswith(reverse("mfa_reauthenticate"))
    assert "once" in client.get(asked).content.decode()
    done = client.post(asked, {"code": code(secret), "next": ADMIN})
    assert done.headers["Location"] == ADMIN
    assert client.get(ADMIN).status_code == 200


def test_a_session_with_one_that_was_taken_away_is_not_enough(
    client: Client, agent: Member
) -> None:
    sign_in_staff(client, agent)
    assert client.get(ADMIN).status_code == 200
    Authenticator.objects.all().delete()
    assert client.get(ADMIN).headers["Location"].startswith(INDEX)


def test_what_is_posted_without_one_is_not_done(
    client: Client, agent: Member, other: Member
) -> None:
    Member.objects.filter(pk=agent.pk).update(is_superuser=True)
    client.force_login(agent)
    url = reverse("admin:accounts_member_change", args=[other.pk])
    values = {"member_ref": other.member_ref, "email": other.email, "country": "DE"}
    assert client.post(url, values).headers["Location"].startswith(INDEX)
    assert Member.objects.get(pk=other.pk).country == "FR"


@pytest.mark.parametrize("url", PAGES)
@pytest.mark.parametrize("method", ["get", "post"])
def test_members_have_no_such_pages(client: Client, member: Member, url: str, method: str) -> None:
    assert getattr(client, method)(url).headers["Location"].startswith(LOGIN)
    client.force_login(member)
    assert getattr(client, method)(url).status_code == 404


def test_members_sign_in_as_ever(client: Client, member: Member) -> None:
    """Also somebody who was staff once and has a second factor from then."""
    member.set_password(PASSWORD)
    member.save()
    give_app(member)
    assert sign_in(client, member, "/").headers["Location"] == "/"
    assert client.get(reverse("mfa_authenticate")).status_code == 302
    assert "second-factor" not in client.get("/").content.decode()


def test_no_inline_script_and_no_other_language(client: Client, agent: Member) -> None:
    give_app(agent)
    sign_in(client, agent)
    pages = [client.get(reverse("mfa_authenticate"), headers={"accept-language": "de"})]
    sign_in_staff(client, agent)
    fresh = [INDEX, reverse("mfa_list_webauthn"), reverse("mfa_generate_recovery_codes")]
    pages += [client.get(url, headers={"accept-language": "de"}) for url in fresh]
    for page in pages:
        text = page.content.decode()
        assert page.status_code == 200
        assert '<html lang="en"' in text
        for refused in ("<style", " style=", "<script>", " onclick=", "javascript:", "data:image"):
            assert refused not in text


def test_the_secret_is_not_kept_in_the_clear(agent: Member, settings: Any) -> None:
    secret = give_app(agent)
    factor = Authenticator.objects.get()
    assert secret not in str(factor.data)
    settings.SECRET_KEY_FALLBACKS, settings.SECRET_KEY = [settings.SECRET_KEY], "n" * 50
    assert factor.wrap().validate_code(code(secret))  # after a rotation of keys


def test_a_superuser_takes_a_lost_one_away(client: Client, agent: Member) -> None:
    boss = Member.objects.create_superuser("boss@example.org", member_ref="boss")
    sign_in_staff(client, boss)
    secret = give_app(agent)
    factor = Authenticator.objects.get(user=agent)
    page = reverse("admin:mfa_authenticator_change", args=[factor.pk])
    assert str(factor.data["secret"]) not in client.get(page).content.decode()
    assert secret not in client.get(page).content.decode()
    assert client.post(page, {"type": "webauthn"}).status_code == 403
    client.post(reverse("admin:mfa_authenticator_delete", args=[factor.pk]), {"post": "yes"})
    assert not Authenticator.objects.filter(user=agent).exists()


def test_nobody_else_does(client: Client, agent: Member) -> None:
    sign_in_staff(client, agent)
    factor = Authenticator.objects.get()
    for name in ("change", "delete"):
        url = reverse(f"admin:mfa_authenticator_{name}", args=[factor.pk])
        assert client.post(url, {"post": "yes"}).status_code == 403
    assert client.get(reverse("admin:mfa_authenticator_changelist")).status_code == 403
