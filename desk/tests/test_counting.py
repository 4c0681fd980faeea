"""The dashboard's numbers: exact, whatever is interrupted or runs twice."""

from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from consent.models import Reach
from desk import counting
from desk.counters import ChoiceCount, Counted, LatencyCount, bound_of, bucket_of
from ledger.models import Channel, Decision, Entry
from ledger.seal import seal_all
from propagation.models import Confirmation, Cursor, Parked
from tests.people import choose, make_member

pytestmark = pytest.mark.django_db
DAY = datetime(2026, 11, 20, 12, tzinfo=UTC)


def numbers():
    fields = ("day", "region", "channel", "decision", "number")
    return {tuple(map(str, row)) for row in ChoiceCount.objects.values_list(*fields)}


def latencies(store="sql"):
    rows = LatencyCount.objects.filter(store=store).order_by("day", "bucket")
    return [(row.day.day, row.bucket, row.number, row.worst) for row in rows]


@pytest.fixture
def choices(db):
    for ref, country, fields in [
        ("anna", "DE", {}), ("ben", "GB", {}), ("cleo", "US", {}), ("dan", "", {}),
        ("eve", "DE", {"stated_country": "US"}),
    ]:  # fmt: skip
        make_member(f"{ref}@example.org", country, **fields)
        choose(ref, recorded_at=DAY)
    choose("gone", recorded_at=DAY + timedelta(days=1), channel=Channel.MAIL_LINK)
    choose("anna", Decision.ALLOWED, recorded_at=DAY + timedelta(days=1))
    seal_all(0)


EXPECTED = {
    ("2026-11-20", "eu_eea", "dashboard", "objected", "1"),
    ("2026-11-20", "gb", "dashboard", "objected", "1"),
    ("2026-11-20", "elsewhere", "dashboard", "objected", "1"),
    ("2026-11-20", "unknown", "dashboard", "objected", "2"),
    ("2026-11-21", "unknown", "mail_link", "objected", "1"),
    ("2026-11-21", "eu_eea", "dashboard", "allowed", "1"),
}


def test_by_day_region_channel_and_decision(choices):
    assert counting.count_on() is False
    assert numbers() == EXPECTED


def test_twice_changes_nothing_and_more_is_added(choices):
    counting.count_on()
    counting.count_on()
    assert numbers() == EXPECTED
    choose("ben", Decision.ALLOWED, recorded_at=DAY)
    counting.count_on()
    assert numbers() == EXPECTED  # not sealed yet
    seal_all(0)
    counting.count_on()
    assert numbers() == EXPECTED | {("2026-11-20", "gb", "dashboard", "allowed", "1")}


@pytest.mark.parametrize("batch", [1, 2, 3])
def test_in_small_batches(choices, monkeypatch, batch):
    monkeypatch.setattr(counting, "BATCH", batch)
    counting.count_on()
    assert numbers() == EXPECTED


def test_killed_in_the_middle_of_a_batch(choices, monkeypatch):
    monkeypatch.setattr(counting, "BATCH", 3)
    original, calls = counting.regions_of, []

    def dies_the_second_time(refs):
        calls.append(refs)
        if len(calls) == 2:
            raise SystemExit
        return original(refs)

    monkeypatch.setattr(counting, "regions_of", dies_the_second_time)
    with pytest.raises(SystemExit):
        counting.count_on()
    counting.count_on()
    assert numbers() == EXPECTED


def test_the_time_ends_before_the_work(choices, monkeypatch):
    monkeypatch.setattr(counting, "BATCH", 1)
    assert counting.count_on(budget=0) is True
    assert counting.behind().left == 6


def test_recounted(choices, capsys):
    counting.count_on()
    ChoiceCount.objects.update(number=99)
    call_command("recount")
    assert numbers() == EXPECTED
    assert "7 choices counted" in capsys.readouterr().out


class TestLatencies:
    @pytest.fixture
    def store(self, settings):
        Cursor.objects.create(store="sql", partition=0, position=0)

    def record(self, *seconds_ago):
        """Choices that were made so long before DAY."""
        for number, seconds in enumerate(seconds_ago):
            choose(
                f"m{number}-{Entry.objects.count()}", recorded_at=DAY - timedelta(seconds=seconds)
            )
        seal_all(0)

    def confirm(self, position, at=DAY):
        Confirmation.objects.create(store="sql", partition=0, position=position, confirmed_at=at)

    def test_from_choice_to_confirmation(self, store):
        self.record(0.5, 3, 3.1, 90)
        self.confirm(2)
        self.confirm(4, DAY + timedelta(seconds=10))
        counting.count_on()
        assert latencies() == [
            (20, 0, 1, 0.5),
            (20, bucket_of(3), 1, 3.0),
            (20, bucket_of(13.1), 1, pytest.approx(13.1)),
            (20, bucket_of(100), 1, 100.0),
        ]

    def test_what_is_not_confirmed_is_counted_later(self, store):
        self.record(1, 1, 1)
        self.confirm(2)
        counting.count_on()
        counting.count_on()
        assert latencies() == [(20, 0, 2, 1.0)]
        self.confirm(3)
        counting.count_on()
        assert latencies() == [(20, 0, 3, 1.0)]

    @pytest.mark.parametrize("batch", [1, 2, 3, 4, 10])
    def test_confirmations_larger_and_smaller_than_a_batch(self, store, monkeypatch, batch):
        self.record(*[10] * 9)
        for position in (1, 2, 8, 9):
            self.confirm(position)
        monkeypatch.setattr(counting, "BATCH", batch)
        counting.count_on()
        assert latencies() == [(20, bucket_of(10), 9, 10.0)]

    def test_what_the_store_refused_is_left_out(self, store):
        self.record(5, 5)
        Parked.objects.create(
            store="sql", partition=0, member_ref="m0-0", purpose="genai-training", revision=1,
            reason="unknown", parked_at=DAY, retry_at=DAY,
        )  # fmt: skip
        self.confirm(2)
        counting.count_on()
        assert [row[2] for row in latencies()] == [1]

    def test_recounted_is_the_same(self, store):
        self.record(1, 30, 500)
        self.confirm(3)
        counting.count_on()
        before = latencies()
        call_command("recount")
        assert latencies() == before
        assert Counted.objects.get(store="sql").position == 3


@pytest.mark.parametrize("seconds", [0, 0.2, 1, 1.0001, 2, 59, 900, 86_400 * 30])
def test_a_bucket_holds_the_time_and_is_narrow(seconds):
    bound = bound_of(bucket_of(seconds))
    assert bound >= seconds - 1e-6
    assert bound <= max(1, seconds * 1.19)


def test_counting_on_looks_at_what_is_new_only(choices):
    counting.count_on()
    with CaptureQueriesContext(
        connection,
    ) as queries:
        counting.count_on()
    assert len(queries) < 15


def test_who_was_told_is_counted_now_and_then(notice, member):
    counting.count_reach_due()
    assert Reach.objects.get(rollout__region="eu_eea").concerned == 1
    Reach.objects.update(concerned=9)
    counting.count_reach_due()
    assert Reach.objects.get(rollout__region="eu_eea").concerned == 9
    Reach.objects.update(counted_at=timezone.now() - timedelta(days=1))
    counting.count_reach_due()
    assert Reach.objects.get(rollout__region="eu_eea").concerned == 1
