"""What could have been used of a member's data: from dates, and never less than is possible."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from accounts.regions import Region
from consent.coverage import END, Period, exposure, running_periods
from consent.loading import DEFAULT, load_notice
from consent.models import RolloutChange
from ledger.models import Decision, Entry
from propagation.progress import Delivery
from tests.people import choose, toggle

pytestmark = pytest.mark.django_db
NOW = timezone.now()


def day(number: int) -> datetime:
    """So many days from today's first moment (UTC)."""
    return datetime.combine(NOW.date(), datetime.min.time(), UTC) + timedelta(days=number)


def confirmed(at: datetime) -> list[Delivery]:
    return [Delivery("One", "confirmed", at), Delivery("Two", "confirmed", at - timedelta(hours=1))]


def entry(decision: Decision, at: datetime, revision: int = 1) -> Entry:
    return Entry(decision=decision, recorded_at=at, revision=revision)


@pytest.fixture
def later_notice(tmp_path, db):
    """The default notice, announced today to start in 20 days."""
    for path in DEFAULT.iterdir():
        (tmp_path / path.name).write_text(path.read_text())
    head = (tmp_path / "notice.toml").read_text()
    head = head.replace("2025-09-18", str(NOW.date())).replace("2025-11-03", str(day(20).date()))
    (tmp_path / "notice.toml").write_text(head)
    return load_notice(tmp_path, publish=True, by="tests")


class Rows:
    """A rollout with a history, without a database."""

    def __init__(self, *changes):
        self.changes = changes
        self.history = self

    def all(self):
        return [
            RolloutChange(pk=number, kind=kind, at=at, starts_on=starts.date())
            for number, (kind, at, starts) in enumerate(self.changes)
        ]


class TestRunning:
    def test_from_its_start_on(self):
        rollout = Rows(("announced", day(-50), day(-10)))
        assert list(running_periods(rollout)) == [Period(day(-10), END)]

    def test_entered_after_it_had_started(self):
        rollout = Rows(("announced", day(-1), day(-10)))
        assert list(running_periods(rollout)) == [Period(day(-10), END)]

    def test_less_its_pauses(self):
        rollout = Rows(
            ("announced", day(-50), day(-10)),
            ("paused", day(-8), day(-10)),
            ("resumed", day(-3), day(-10)),
        )
        assert list(running_periods(rollout)) == [
            Period(day(-10), day(-8)),
            Period(day(-3), END),
        ]

    def test_paused_before_the_start(self):
        rollout = Rows(("announced", day(-50), day(-10)), ("paused", day(-20), day(-10)))
        assert list(running_periods(rollout)) == []

    def test_moved(self):
        rollout = Rows(("announced", day(-50), day(-10)), ("rescheduled", day(-20), day(5)))
        assert list(running_periods(rollout)) == [Period(day(5), END)]

    def test_moved_while_it_is_paused(self):
        rollout = Rows(
            ("announced", day(-50), day(-10)),
            ("paused", day(-8), day(-10)),
            ("rescheduled", day(-6), day(2)),
            ("resumed", day(-4), day(2)),
        )
        assert list(running_periods(rollout)) == [
            Period(day(-10), day(-8)),
            Period(day(2), END),
        ]


class TestExposure:
    """The demo's rollout started on 3 November 2025."""

    START = datetime(2025, 11, 3, tzinfo=UTC)

    def found(self, notice, history, deliveries=(), region=Region.EU_EEA):
        return exposure(notice, region, history, deliveries, NOW)

    def test_no_choice(self, notice):
        assert self.found(notice, []) == [Period(self.START, END)]

    def test_it_has_not_started(self, notice):
        assert exposure(notice, Region.EU_EEA, [], (), self.START - timedelta(days=1)) == []

    def test_objected_before_the_start(self, notice):
        early = self.START - timedelta(days=3)
        history = [entry(Decision.OBJECTED, early)]
        assert self.found(notice, history, confirmed(early + timedelta(minutes=1))) == []

    def test_objected_before_the_start_but_confirmed_after_it(self, notice):
        history = [entry(Decision.OBJECTED, self.START - timedelta(days=3))]
        late = self.START + timedelta(days=1)
        assert self.found(notice, history, confirmed(late)) == [Period(self.START, late)]

    def test_objected_after_the_start(self, notice):
        at = self.START + timedelta(days=30)
        history = [entry(Decision.OBJECTED, at)]
        assert self.found(notice, history, confirmed(at)) == [Period(self.START, at)]

    def test_one_store_has_not_confirmed(self, notice):
        history = [entry(Decision.OBJECTED, self.START + timedelta(days=30))]
        deliveries = [*confirmed(NOW), Delivery("Three", "delayed", NOW)]
        assert self.found(notice, history, deliveries) == [Period(self.START, END)]

    def test_objected_allowed_and_objected_again(self, notice):
        first, second, third = (self.START + timedelta(days=days) for days in (10, 20, 30))
        history = [
            entry(Decision.OBJECTED, third, 3),
            entry(Decision.ALLOWED, second, 2),
            entry(Decision.OBJECTED, first, 1),
        ]
        assert self.found(notice, history, confirmed(third)) == [
            Period(self.START, first),
            Period(second, third),
        ]
        assert self.found(notice, history[1:]) == [
            Period(self.START, first),
            Period(second, END),
        ]

    def test_a_history_that_is_cut_off_counts_as_unprotected_before(self, notice):
        at = self.START + timedelta(days=30)
        history = [entry(Decision.ALLOWED, at, 60)]
        assert self.found(notice, history) == [Period(self.START, END)]

    def test_other_regions_do_not_count(self, notice):
        notice.rollouts.get(region=Region.CH).reschedule(day(9).date(), by="lee", reason="x")
        assert self.found(notice, []) == [Period(self.START, END)]
        assert self.found(notice, [], region="elsewhere") == []

    def test_periods_that_touch_are_one(self, notice):
        second = type(notice)(purpose=notice.purpose, version=2)
        second.save()
        rollout = second.rollouts.create(
            region=Region.EU_EEA, announced_on=NOW.date(), starts_on=NOW.date()
        )
        rollout.record("announced", by="lee", reason="x")
        type(notice).objects.filter(pk=second.pk).update(published_at=NOW)
        assert self.found(notice, []) == [Period(self.START, END)]


class TestThePage:
    def words(self, client, member):
        client.force_login(member)
        return " ".join(client.get("/").content.decode().split())

    def test_nobody_objected(self, client, notice, member):
        assert "your data could have been used for this training. If you object" in self.words(
            client, member
        )

    def test_objected(self, client, notice, member, settings):
        settings.DATA_STORES = {}
        choose(member.member_ref)
        words = self.words(client, member)
        assert "From 3 November 2025 to" in words
        assert "cannot be undone" in words

    def test_moved_after_it_had_started(self, client, notice, member):
        start = (NOW + timedelta(days=20)).date()
        notice.rollouts.get(region="eu_eea").reschedule(start, by="lee", reason="x")
        assert "From 3 November 2025 to" in self.words(client, member)

    def test_before_the_start(self, client, member, later_notice):
        words = self.words(client, member)
        assert "So far nothing of yours has been used" in words
        assert "If you object before" in words

    def test_objected_before_the_start(self, client, member, later_notice, settings):
        settings.DATA_STORES = {}
        choose(member.member_ref)
        assert "You objected before any use began" in self.words(client, member)

    def test_the_number_of_queries_does_not_grow(
        self, client, notice, member, sql_store, django_assert_max_num_queries
    ):
        client.force_login(member)
        for times in (1, 30):
            toggle(member.member_ref, times)
            with django_assert_max_num_queries(12):
                client.get("/")
