"""When a store is reconciled, whatever dies in between."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from propagation import reconcile as module
from propagation import schedule, tasks
from propagation.models import Cursor, Reconciliation
from propagation.reconcile import AlreadyRunning, reconcile
from propagation.schedule import FULL, SAMPLE, due
from propagation.tests import stores
from propagation.tests.reconciling import NOW, configure, fill
from propagation.tests.stores import HELD, MemoryStore

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _memory_store(settings):
    stores.reset()
    configure(settings)


@pytest.fixture
def night(monkeypatch):
    """A clock that tests set."""
    clock = [datetime(2026, 3, 2, 12, tzinfo=UTC)]
    monkeypatch.setattr(timezone, "now", lambda: clock[0])

    def forward(**by):
        clock[0] += timedelta(**by)

    return forward


def test_an_hourly_sample_and_a_nightly_full_pass(night):
    fill(5)
    done = []
    for _ in range(39):
        if kind := due("store"):
            done.append(kind)
            assert reconcile("store", full=kind == FULL).kind == kind
        assert due("store") is None
        night(minutes=61)
    assert done[0] == FULL
    assert done[1:16] == [SAMPLE] * 15
    assert done[16] == FULL  # 12:00 + 16 × 61 minutes is the first after 03:17
    assert done.count(FULL) == 2


def test_a_pass_that_was_killed_starts_again(night):
    fill(5)
    reconcile("store", full=True)
    night(hours=2)
    Reconciliation.objects.start("store", FULL, timezone.now(), module.ALIVE)  # and then SIGKILL
    assert (due("store"), schedule.next_due()) == (None, None)
    with pytest.raises(AlreadyRunning):
        reconcile("store", full=True)
    night(minutes=11)
    assert (due("store"), schedule.next_due()) == (FULL, "store")
    assert not reconcile("store", full=True).error
    assert "cut off" in Reconciliation.objects.order_by("pk")[1].error


def test_a_pass_that_stood_still_does_not_go_on_beside_its_successor(monkeypatch):
    fill(5)

    def scan(self, after, limit):
        Reconciliation.objects.update(alive_until=timezone.now())
        Reconciliation.objects.start("store", FULL, timezone.now(), module.ALIVE)
        return iter(())

    monkeypatch.setattr(MemoryStore, "scan", scan)
    report = reconcile("store", full=True)
    assert "cut off" in report.error
    assert report.repaired == 0


def test_drift_that_a_sample_found_is_not_forgotten_when_its_worker_dies(night, monkeypatch):
    fill(5)
    reconcile("store", full=True)
    night(hours=2)
    HELD.clear()
    run = module._Pass.run

    def killed(self):
        if self.report.kind == FULL:
            raise SystemExit
        return run(self)

    monkeypatch.setattr(module._Pass, "run", killed)
    with pytest.raises(SystemExit):
        reconcile("store", full=False)
    monkeypatch.undo()
    Reconciliation.objects.filter(finished_at=None).update(alive_until=NOW)
    assert due("store") == FULL


def test_a_failed_pass_is_tried_again_within_the_hour(night, monkeypatch):
    fill(5)
    monkeypatch.setattr(MemoryStore, "scan", lambda *args: 1 / 0)
    reconcile("store", full=True)
    assert due("store") is None
    night(minutes=61)
    assert due("store") == FULL


def test_a_store_that_the_relay_finds_down_is_not_asked():
    fill(5)
    Cursor.objects.update(failures=3)
    assert due("store") is None


def test_the_task_does_what_is_due():
    fill(5)
    HELD.clear()
    tasks.reconcile("store")
    assert len(HELD) == 5
    tasks.reconcile("store")
    tasks.reconcile("removed-store")
    assert Reconciliation.objects.count() == 1


def test_the_sweep_starts_it(monkeypatch):
    fill(5)
    sent = []
    monkeypatch.setattr(tasks.reconcile, "apply_async", lambda args, **options: sent.append(args))
    tasks.sweep()
    reconcile("store", full=True)
    tasks.sweep()
    assert sent == [("store",)]
