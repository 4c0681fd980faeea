"""Sessions know whose they are, and a row that is gone is not written back."""

import pytest
from django.contrib.sessions.backends.base import UpdateError
from django.test import Client
from django.urls import reverse

from accounts.models import Member, Session
from accounts.sessions import SessionStore
from accounts.tests.mails import mailed_code

pytestmark = pytest.mark.django_db


def ask_for_a_code(client: Client, email: str) -> None:
    client.post(reverse("account_request_login_code"), {"email": email})


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
