"""Sessions know whose they are, end when they must, and a row that is gone is not written back."""

from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.contrib import auth
from django.contrib.sessions.backends.base import UpdateError
from django.forms import model_to_dict
from django.http import HttpRequest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import Member, Session
from accounts.sessions import SessionStore
from accounts.tests.mails import mailed_code

pytestmark = pytest.mark.django_db


def ask_for_a_code(client: Client, email: str) -> None:
    client.post(reverse("account_request_login_code"), {"email": email})


def whose(client: Client) -> Any:
    return client.get("/").wsgi_request.user


def as_django_finds_it(key: str) -> Any:
    request = HttpRequest()
    request.session = SessionStore(key)
    return auth.get_user(request)


def test_one_query_finds_session_and_member(
    client: Client, member: Member, django_assert_num_queries: Any
) -> None:
    client.force_login(member)
    store = SessionStore(client.session.session_key)
    with django_assert_num_queries(1):
        found = store.signed_in()
        assert found is not None
        assert found.has_usable_password() is False
    theirs = as_django_finds_it(client.session.session_key or "")
    assert model_to_dict(found) == model_to_dict(theirs)
    assert found.joined_at == theirs.joined_at
    assert not found._state.adding
    found.state_country("FR")
    assert Member.objects.get().stated_country == "FR"


def test_somebody_who_is_not_signed_in_has_a_session_too(client: Client, db: None) -> None:
    ask_for_a_code(client, "nobody@example.org")
    store = SessionStore(client.session.session_key)
    assert store.signed_in() is None
    assert store["account_login"]
    assert not whose(client).is_authenticated


def test_a_new_password_ends_other_sessions(client: Client, member: Member) -> None:
    client.force_login(member)
    assert whose(client) == member
    member.set_password("lamp river seven")
    member.save()
    assert not whose(client).is_authenticated
    assert not Session.objects.exists()


def test_a_closed_account_and_an_ended_session(client: Client, member: Member) -> None:
    client.force_login(member)
    Member.objects.update(is_active=False)
    assert not whose(client).is_authenticated
    Member.objects.update(is_active=True)
    assert whose(client) == member
    Session.objects.update(expire_date=timezone.now() - timedelta(seconds=1))
    assert not whose(client).is_authenticated


def test_signing_out_ends_the_session_for_who_has_kept_its_key(
    client: Client, member: Member
) -> None:
    client.force_login(member)
    thief = Client()
    thief.cookies[settings.SESSION_COOKIE_NAME] = client.session.session_key or ""
    assert whose(thief) == member
    client.post(reverse("account_logout"))
    assert not whose(thief).is_authenticated


def test_a_key_from_before_the_sign_in_is_worth_nothing(client: Client, member: Member) -> None:
    ask_for_a_code(client, member.email)
    planted = client.session.session_key or ""
    thief = Client()
    thief.cookies[settings.SESSION_COOKIE_NAME] = planted
    client.post(reverse("account_confirm_login_code"), {"code": mailed_code()})
    assert whose(client) == member
    assert client.session.session_key != planted
    assert not whose(thief).is_authenticated


@pytest.mark.parametrize(
    "key", ["", "x", "a" * 32, "' OR ''='", '"aaaaaaaa\\000aaaa"', "é" * 32, "b" * 100_000]
)
def test_a_forged_key(client: Client, member: Member, key: str) -> None:
    Client().force_login(member)
    client.cookies.load(f"{settings.SESSION_COOKIE_NAME}={key}")
    if settings.SESSION_COOKIE_NAME not in client.cookies:
        client.cookies[settings.SESSION_COOKIE_NAME] = key
    assert not whose(client).is_authenticated


def test_forged_data(client: Client, member: Member) -> None:
    client.force_login(member)
    row = Session.objects.get()
    Session.objects.update(session_data=row.session_data[:-1] + "-")
    assert not whose(client).is_authenticated


@pytest.mark.parametrize(
    ("name", "value"),
    [
        (auth.HASH_SESSION_KEY, ""),
        (auth.HASH_SESSION_KEY, "0" * 64),
        (auth.BACKEND_SESSION_KEY, "accounts.retired.Backend"),
        (auth.SESSION_KEY, "1000000"),
    ],
)
def test_data_that_does_not_fit(client: Client, member: Member, name: str, value: str) -> None:
    client.force_login(member)
    data = SessionStore().encode({**client.session, name: value})
    Session.objects.update(session_data=data)
    assert not whose(client).is_authenticated


def test_the_row_does_not_say_who_is_signed_in(
    client: Client, member: Member, other: Member
) -> None:
    """What is signed does; the row serves to find it."""
    client.force_login(member)
    Session.objects.update(member=other)
    assert SessionStore(client.session.session_key).signed_in() is None
    assert whose(client) == member


def test_a_change_of_the_sites_key(client: Client, member: Member, settings: Any) -> None:
    client.force_login(member)
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another " * 8
    old = client.session.session_key
    assert whose(client) == member
    assert client.session.session_key != old
    assert SessionStore(client.session.session_key).signed_in() == member
    settings.SECRET_KEY_FALLBACKS = []
    assert whose(client) == member
    settings.SECRET_KEY = "a third " * 8
    assert not whose(client).is_authenticated


def test_from_the_code_on_a_session_is_the_members(client: Client, member: Member) -> None:
    ask_for_a_code(client, member.email)
    assert Session.objects.get().member == member
    client.post(reverse("account_confirm_login_code"), {"code": mailed_code()})
    assert client.get("/").wsgi_request.user == member
    assert Session.objects.get().member == member


def test_an_address_that_nobody_has_is_nobodys_session(client: Client) -> None:
    ask_for_a_code(client, "nobody@example.org")
    assert Session.objects.get().member is None


def test_all_sessions_go_with_the_member(member: Member, other: Member) -> None:
    clients = [Client() for _ in range(3)]
    clients[0].force_login(member)
    ask_for_a_code(clients[1], member.email)
    clients[2].force_login(other)
    member.delete()
    assert Session.objects.get().member == other
    assert not clients[0].get("/").wsgi_request.user.is_authenticated
    code = clients[1].post(reverse("account_confirm_login_code"), {"code": mailed_code()})
    assert code.status_code == 302
    assert not clients[1].get("/").wsgi_request.user.is_authenticated


@pytest.mark.django_db(transaction=True)
def test_a_session_is_not_saved_for_a_member_who_is_gone(client: Client, member: Member) -> None:
    """As when a sign-in or a change of password is under way while the member is erased."""
    client.force_login(member)
    held = SessionStore(client.session.session_key)
    assert held["_auth_user_id"] == str(member.pk)  # loaded
    member.delete()
    with pytest.raises(UpdateError):
        held.cycle_key()
    assert not Session.objects.exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("fields", [None, ["country"]])
def test_saving_does_not_bring_a_member_back(member: Member, fields: list[str] | None) -> None:
    held = Member.objects.get(pk=member.pk)
    member.delete()
    held.country = "FR"
    with pytest.raises(Member.NotUpdated):
        held.save(update_fields=fields)
    assert not Member.objects.exists()


def test_members_are_still_made_and_changed(member: Member) -> None:
    member.country = "FR"
    member.save()
    copy = Member(pk=member.pk + 1, member_ref="copy", email="copy@example.org")
    copy.save()
    Member(pk=member.pk + 2, member_ref="forced", email="f@example.org").save(force_insert=True)
    assert Member.objects.filter(country="FR").count() == 1
    assert Member.objects.count() == 3
