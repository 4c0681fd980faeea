"""`manage.py stores`: the state of each store, and what staff can do about it."""

from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from ledger.models import Entry, Head
from ledger.seal import seal_all
from propagation.models import Alarm, Confirmation, Cursor, Parked, Reconciliation, StorePause
from propagation.relay import relay
from propagation.report import rate_of
from propagation.stores.base import StoreUnavailable
from propagation.tests import stores
from propagation.tests.stores import before_write, refuses
from propagation.words import in_words, length
from tests.people import choose

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _memory_store(settings):
    stores.reset()
    settings.DATA_STORES = {
        "memory": {
            "BACKEND": "propagation.tests.stores.MemoryStore",
            "LABEL": "Memory",
            "SLA": timedelta(minutes=15),
        }
    }


def run(*args):
    out = StringIO()
    call_command("stores", *args, stdout=out)
    return out.getvalue()


def shown(store="memory"):
    """The row of a store as a mapping of heading to cell."""
    heading, *rows = run().splitlines()
    starts = [0, *(i for i in range(2, len(heading)) if heading[i - 2 : i] == "  " != heading[i])]
    starts = [i for i in starts if heading[i] != " "]
    ends = [*starts[1:], None]
    row = next(row for row in rows if row.startswith(store))
    return {heading[a:b].strip(): row[a:b].strip() for a, b in zip(starts, ends, strict=True)}


def carry():
    seal_all(0)
    relay("memory")


def test_ok():
    choose("anna")
    carry()
    row = shown()
    assert (row["state"], row["cursor"], row["head"], row["behind"]) == ("ok", "1", "1", "0")
    assert (row["oldest waiting"], row["SLA"], row["parked"]) == ("-", "15 min", "0")
    assert row["last error"] == "-"


def test_waiting_and_late():
    choose("anna", recorded_at=timezone.now() - timedelta(minutes=16))
    row = shown()
    assert (row["state"], row["behind"]) == ("waiting", "0")  # not even sealed
    assert row["oldest waiting"].endswith("LATE")


def test_backing_off():
    def fail(choices):
        raise StoreUnavailable("db.internal: connection refused", retry_after=1_000)

    before_write.append(fail)
    choose("anna")
    carry()
    row = shown()
    assert row["state"].startswith("backing off until ")
    assert row["last error"] == "It could not be reached."
    assert "memory: 1 failures in a row, last: db.internal: connection refused" in run()


def test_parked():
    refuses.update(["anna", "ben"])
    choose("anna")
    carry()
    choose("ben")
    carry()
    Parked.objects.filter(member_ref="ben").update(reason="too long")
    assert shown()["parked"] == "2"
    said = run()
    assert "memory: refuses 1, not mine\nmemory: refuses 1, too long" in said
    assert "anna" not in said


def test_many_reasons_are_summed_up():
    refs = [f"m{number}" for number in range(8)]
    refuses.update(refs)
    for ref in refs:
        choose(ref)
    carry()
    for row in Parked.objects.all():
        Parked.objects.filter(pk=row.pk).update(reason=f"because of {row.pk}")
    assert run().endswith("memory: refuses 3 for other reasons\n")


def test_drift():
    assert shown()["drift"] == "-"
    now = timezone.now()
    common = {"store": "memory", "kind": "full", "started_at": now, "alive_until": now}
    Reconciliation.objects.create(**common, finished_at=now, missing=2, edited=1, repaired=2)
    Reconciliation.objects.create(**common)  # at work
    assert shown()["drift"] == "3"
    assert f"memory: 3 differed on {now:%Y-%m-%d %H:%M} UTC, 2 repaired." in run()


def test_catching_up():
    Head.objects.create(partition=0, position=10_000)
    Cursor.objects.create(store="memory", partition=0, position=4_399)
    assert shown()["state"] == "catching up, 43 %"


def test_not_done_before_it_is():
    Head.objects.create(partition=0, position=1_000_000)
    Cursor.objects.create(store="memory", partition=0, position=998_000)
    assert shown()["state"] == "catching up, 99 %"


class TestRate:
    @pytest.fixture
    def confirmed(self):
        def make(*batches):
            for position, minutes in batches:
                Confirmation.objects.create(
                    store="memory",
                    partition=0,
                    position=position,
                    confirmed_at=timezone.now() - timedelta(minutes=minutes),
                )
            return rate_of(Cursor(store="memory", partition=0))

        return make

    def test_nothing_yet(self, confirmed):
        assert confirmed() == 0

    def test_over_the_last_hour(self, confirmed):
        rate = confirmed((1_000, 200), (2_000, 100), (4_000, 30), (5_600, 1))
        assert rate == pytest.approx(1.0, abs=0.01)

    def test_a_store_that_stopped(self, confirmed):
        assert confirmed((1_000, 200), (2_000, 100)) == 0

    def test_over_the_last_batches_where_there_are_many(self, confirmed, monkeypatch):
        monkeypatch.setattr("propagation.report.RATE_BATCHES", 3)
        assert confirmed((1_000, 30), (2_000, 20), (2_600, 10), (3_200, 1)) == pytest.approx(
            1.0, abs=0.01
        )


def test_pause_and_resume():
    assert "paused" in run("--pause", "memory", "--reason", "new server", "--by", "olga")
    assert shown()["state"] == "paused by olga"
    assert StorePause.objects.get().reason == "new server"
    run("--resume", "memory")
    assert shown()["state"] == "ok"
    assert StorePause.objects.get().resumed_by


@pytest.mark.parametrize(
    "args", [("--pause", "memory"), ("--resume", "memory"), ("--pause", "nosuch", "--reason", "x")]
)
def test_what_cannot_be_done_is_said(args):
    with pytest.raises(CommandError):
        run(*args)
    assert not StorePause.objects.exists()


def test_one_thing_at_a_time():
    with pytest.raises(CommandError):
        run("--resume", "memory", "--retry", "memory")


def test_retry():
    refuses.add("anna")
    choose("anna")
    carry()
    Cursor.objects.update(next_attempt_at=timezone.now() + timedelta(minutes=4))
    refuses.clear()
    assert "1 parked" in run("--retry", "memory")
    relay("memory")
    assert not Parked.objects.open().exists()


def test_reconcile():
    choose("anna")
    carry()
    stores.HELD.clear()
    assert "1 repaired" in run("--reconcile", "memory")
    assert ("anna", "genai-training") in stores.HELD
    with pytest.raises(CommandError, match="There is no store 'nosuch'"):
        run("--reconcile", "nosuch")


class TestRemove:
    @pytest.fixture(autouse=True)
    def _state(self):
        refuses.add("anna")
        choose("anna")
        choose("ben")
        carry()
        now = timezone.now()
        Alarm.objects.create(store="memory", since=now, raised_at=now)
        run("--pause", "memory", "--reason", "it goes")

    def test_refuses_a_configured_store(self):
        with pytest.raises(CommandError, match="Take it out of DATA_STORES"):
            run("--remove", "memory", "--yes")
        assert Cursor.objects.exists()

    def test_a_removed_store_is_shown_until_it_is_removed_for_good(self, settings):
        settings.DATA_STORES = {}
        assert shown()["state"] == "removed"
        run("--remove", "memory", "--yes")
        for model in (Cursor, Confirmation, Parked, Alarm):
            assert not model.objects.exists()
        assert StorePause.objects.get().resumed_at  # the log stays, and binds nobody
        assert Entry.objects.count() == 2
        with pytest.raises(CommandError, match="no state"):
            run("--remove", "memory", "--yes")

    @pytest.mark.parametrize(("answer", "kept"), [("", True), ("no", True), ("yes", False)])
    def test_asks(self, settings, monkeypatch, answer, kept):
        settings.DATA_STORES = {}
        monkeypatch.setattr("builtins.input", lambda question: answer)
        if kept:
            with pytest.raises(CommandError, match="Nothing was removed"):
                run("--remove", "memory")
        else:
            run("--remove", "memory")
        assert Cursor.objects.exists() is kept


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("postgresql at db: connection refused", "It could not be reached."),
        ("redis: Error 111 connecting to 127.0.0.1:6379. Connection refused.",
         "It could not be reached."),
        ("postgresql at db: password authentication failed for user", "It refused our sign-in."),
        ("mysql at db: Access denied for user 'x'@'y'", "It refused our sign-in."),
        ("redis: NOAUTH Authentication required.", "It refused our sign-in."),
        ("team.example: answered 401", "It refused our sign-in."),
        ("team.example: no full answer within 10 s", "It answered too slowly."),
        ("postgresql at db: canceling statement due to statement timeout",
         "It answered too slowly."),
        ("team.example: answered 503", "It has a problem of its own."),
        ("team.example: answered 429", "It asks us to go slower."),
        ("team.example: [Errno -2] Name or service not known",
         "Its name is not known: check the address."),
        ("unexpected ZeroDivisionError; see the log",
         "A mistake in the store's module; the log has the details."),
        ("misconfigured: url: no usable driver (ImportError)",
         "Its settings cannot work: `manage.py check` says which."),
        ("something new", "something new"),
    ],
)  # fmt: skip
def test_errors_in_words(said, words):
    assert in_words(said) == words


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (45, "45 s"), (900, "15 min"), (5_400, "1 h 30 min"), (176_461, "2 d 1 h")],
)
def test_lengths(seconds, text):
    assert length(timedelta(seconds=seconds)) == text
