"""Sessions of staff end after idle time, and at once when somebody leaves."""

import time
from datetime import UTC, datetime
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.contrib.auth.models import Group
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from accounts.models import Member, Session
from tests.people import make_member, sign_in_staff

pytestmark = pytest.mark.django_db

ADMIN = reverse("admin:index")
ROLE = "Support agent"


@pytest.fixture
def agent() -> Member:
    person = make_member("agent@staff.example", is_staff=True)
    person.groups.set(Group.objects.filter(name=ROLE))
    return person


def at(seconds: float) -> Any:
    return lambda: datetime.fromtimestamp(seconds, UTC)


def test_they_end_after_idle_time(client: Client, agent: Member, monkeypatch: Any) -> None:
    sign_in_staff(client, agent)
    client.get(ADMIN)
    later = time.time() + 29 * 60
    monkeypatch.setattr("accounts.staff_sessions.time.time", lambda: later)
    monkeypatch.setattr("django.utils.timezone.now", at(later))
    assert client.get(ADMIN).status_code == 200
    after = later + 31 * 60
    monkeypatch.setattr("django.utils.timezone.now", at(after))
    assert "/login/" in client.get(ADMIN).headers["Location"]


def test_members_stay_signed_in(client: Client, member: Member) -> None:
    client.force_login(member)
    client.get("/")
    assert Session.objects.get().expire_date > at(time.time() + 24 * 3600)()


@pytest.mark.parametrize("field", ["is_active", "is_staff", "is_superuser"])
def test_they_end_when_a_right_is_taken_away(client: Client, agent: Member, field: str) -> None:
    Member.objects.filter(pk=agent.pk).update(is_superuser=True)
    sign_in_staff(client, agent)
    assert client.get(ADMIN).status_code == 200
    person = Member.objects.get(pk=agent.pk)
    setattr(person, field, False)
    person.save()
    assert not Session.objects.exists()
    assert "/login/" in client.get(ADMIN).headers["Location"]


@pytest.mark.parametrize("how", ["remove", "clear", "set", "from the group", "delete"])
def test_they_end_when_a_role_is_taken_away(client: Client, agent: Member, how: str) -> None:
    sign_in_staff(client, agent)
    group = Group.objects.get(name=ROLE)
    {
        "remove": lambda: agent.groups.remove(group),
        "clear": agent.groups.clear,
        "set": lambda: agent.groups.set([]),
        "from the group": lambda: group.user_set.remove(agent),
        "delete": group.delete,
    }[how]()
    assert not Session.objects.exists()
    assert "/login/" in client.get(ADMIN).headers["Location"]


@pytest.mark.parametrize("field", ["is_active", "is_staff"])
def test_they_end_at_the_next_request_where_the_database_was_changed(
    client: Client, agent: Member, field: str
) -> None:
    sign_in_staff(client, agent)
    client.get(ADMIN)
    Member.objects.filter(pk=agent.pk).update(**{field: False})
    assert client.get(reverse("admin:accounts_member_changelist")).status_code == 302
    assert "_auth_user_id" not in client.session
    Member.objects.filter(pk=agent.pk).update(**{field: True})
    assert "/login/" in client.get(ADMIN).headers["Location"]


def test_others_stay_signed_in(client: Client, agent: Member, member: Member) -> None:
    client.force_login(member)
    agent.groups.clear()
    member.country = "FR"
    member.save()
    assert Session.objects.get().member == member


def test_a_lost_factor_is_taken_away_by_command(client: Client, agent: Member) -> None:
    sign_in_staff(client, agent)
    call_command("remove_second_factor", agent.email.upper())
    assert not Authenticator.objects.exists()
    assert not Session.objects.exists()


def test_not_where_there_is_no_staff(member: Member) -> None:
    with pytest.raises(CommandError, match="nothing was done"):
        call_command("remove_second_factor", member.email)
