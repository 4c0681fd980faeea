"""What stands out in the log of access is found, kept, and told once a day."""

from datetime import UTC, datetime, timedelta

import pytest
from django.core import mail
from django.urls import reverse

from accounts.models import MemberAccess, UnusualAccess
from desk import unusual
from desk.roles import Role
from propagation.models import Heartbeat
from tests.people import make_member

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)  # a Wednesday
MANY, KNOWN, HOURS = UnusualAccess.Kind


@pytest.fixture(autouse=True)
def rules(settings):
    settings.ALERT_RECIPIENTS = ["officer@network.example"]
    settings.WELL_KNOWN_MEMBERS = ["star"]


def accesses(count, *, at=NOON, apart=timedelta(seconds=7), by="agent", prefix="m", what="viewed"):
    """So many looks at different members, one after another."""
    MemberAccess.objects.bulk_create(
        MemberAccess(at=at + number * apart, by=by, member_ref=f"{prefix}{number}", what=what)
        for number in range(count)
    )


def found():
    return list(UnusualAccess.objects.order_by("kind", "by").values_list("kind", "by", "members"))


def test_an_agent_opens_500_members_in_an_hour(staff, settings):
    agent = staff(Role.SUPPORT_AGENT)
    members = [make_member(f"member{number}@example.org") for number in range(500)]
    for one in members:
        page = reverse("admin:desk_memberpage_change", args=[one.member_ref])
        assert agent.get(page).status_code == 200
    settings.STAFF_HOURS, settings.STAFF_WEEKENDS = (0, 24), True
    unusual.look()
    assert found() == [(MANY, agent.member.member_ref, 500)]
    assert "within an hour" in mail.outbox[0].subject
    assert "500 members" in mail.outbox[0].body
    assert agent.member.email not in mail.outbox[0].body
    assert unusual.recent()[0].members == 500


@pytest.mark.parametrize(("count", "stands_out"), [(49, False), (50, True)])
def test_from_how_many_on(count, stands_out):
    accesses(count)
    unusual.look(NOON + timedelta(hours=2))
    assert bool(found()) == stands_out


@pytest.mark.parametrize(("count", "stands_out"), [(199, False), (200, True)])
def test_who_is_only_found_in_searches_counts_less(count, stands_out):
    accesses(count, what="searched")
    unusual.look(NOON + timedelta(hours=2))
    assert bool(found()) == stands_out


def test_the_same_member_often_is_one():
    for _look in range(100):
        MemberAccess.objects.create(at=NOON, by="agent", member_ref="anna", what="viewed")
    unusual.look(NOON + timedelta(hours=1))
    assert found() == []


def test_many_over_a_day_are_work():
    accesses(200, at=NOON - timedelta(hours=5), apart=timedelta(minutes=2))
    unusual.look(NOON + timedelta(hours=6))
    assert found() == []


def test_an_hour_that_two_looks_divide():
    accesses(60, at=NOON - timedelta(minutes=30), apart=timedelta(minutes=1) - timedelta(seconds=1))
    unusual.look(NOON)
    assert found() == []
    unusual.look(NOON + timedelta(hours=1))
    assert found() == [(MANY, "agent", 60)]


def test_nothing_is_missed_while_no_worker_runs():
    Heartbeat.objects.create(name=unusual.NAME, seen_at=NOON - timedelta(days=5))
    accesses(60, at=NOON - timedelta(days=2))
    unusual.look(NOON)
    assert found() == [(MANY, "agent", 60)]


def test_each_of_staff_is_counted_alone():
    accesses(40, by="one")
    accesses(40, by="two", prefix="n")
    unusual.look(NOON + timedelta(hours=1))
    assert found() == []


def test_a_well_known_member():
    accesses(1, prefix="sta")
    MemberAccess.objects.create(at=NOON, by="agent", member_ref="star", what="searched")
    unusual.look(NOON)
    assert found() == [(KNOWN, "agent", 1)]
    assert "star" not in mail.outbox[0].body


@pytest.mark.parametrize(
    ("at", "stands_out"),
    [
        (datetime(2026, 11, 25, 6, 59, tzinfo=UTC), True),
        (datetime(2026, 11, 25, 7, 0, tzinfo=UTC), False),
        (datetime(2026, 11, 25, 19, 59, tzinfo=UTC), False),
        (datetime(2026, 11, 25, 20, 0, tzinfo=UTC), True),
        (datetime(2026, 11, 28, 12, 0, tzinfo=UTC), True),  # a Saturday
    ],
)
def test_outside_hours(at, stands_out):
    accesses(1, at=at)
    unusual.look(at + timedelta(minutes=1))
    assert found() == ([(HOURS, "agent", 1)] if stands_out else [])


def test_hours_are_those_of_the_desk(settings):
    from zoneinfo import ZoneInfo

    settings.STAFF_TIME_ZONE = ZoneInfo("Europe/Dublin")
    summer = datetime(2026, 7, 1, 6, 30, tzinfo=UTC)  # 07:30 there
    accesses(1, at=summer)
    unusual.look(summer)
    assert found() == []


def test_one_mail_a_day_for_each_kind_and_each_of_staff():
    accesses(60)
    for minutes in (10, 15, 20):
        unusual.look(NOON + timedelta(minutes=minutes))
    assert len(mail.outbox) == 1
    accesses(60, by="other", prefix="n")
    accesses(60, at=NOON + timedelta(days=1))
    unusual.look(NOON + timedelta(days=1, hours=1))
    assert len(mail.outbox) == 3


def test_a_mail_that_cannot_be_sent_is_sent_later(monkeypatch):
    def broken(*_arguments, **_values):
        raise ConnectionRefusedError

    accesses(60)
    with monkeypatch.context() as patched:
        patched.setattr(unusual, "send_mail", broken)
        unusual.look(NOON + timedelta(hours=1))
    unusual.look(NOON + timedelta(hours=1, minutes=1))  # the lease holds
    assert not mail.outbox
    unusual.look(NOON + timedelta(hours=1, minutes=5))
    assert len(mail.outbox) == 1


def test_officers_see_it_and_nobody_changes_it(staff):
    accesses(60)
    unusual.look(NOON + timedelta(hours=1))
    row = UnusualAccess.objects.get()
    page = reverse("admin:accounts_unusualaccess_changelist")
    for role in (Role.PRIVACY_OFFICER, Role.AUDITOR, Role.SUPPORT_LEAD):
        assert "within an hour" in staff(role).get(page).content.decode()
    assert staff(Role.SUPPORT_AGENT).get(page).status_code == 403
    change = reverse("admin:accounts_unusualaccess_change", args=[row.pk])
    assert staff(Role.PRIVACY_OFFICER, name="b").post(change, {"members": 1}).status_code == 403
