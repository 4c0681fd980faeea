"""Staff keep the relay away from a store."""

import threading
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from ledger.seal import seal_all
from propagation.models import Cursor, Parked, StorePause
from propagation.pausing import PauseError, pause, resume
from propagation.relay import behind, relay
from propagation.tests import stores
from propagation.tests.stores import HELD, WRITES, before_write, refuses
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


def stop():
    return pause("memory", by="olga", reason="moves to a new server")


def test_a_paused_store_is_left_alone_until_it_is_resumed():
    choose("anna")
    seal_all(0)
    stop()
    assert relay("memory") is False
    assert (WRITES, behind()) == ([], [])
    resume("memory", by="pia")
    assert behind() == [("memory", 0)]
    relay("memory")
    assert len(HELD) == 1


def test_a_pause_stops_a_relay_at_work_before_its_next_batch():
    Cursor.objects.create(store="memory", partition=0, batch_size=1)
    for ref in ("anna", "ben", "cleo"):
        choose(ref)
    seal_all(0)
    before_write.append(lambda choices: stop())
    assert relay("memory") is False
    cursor = Cursor.objects.get()
    assert len(WRITES) == 1
    assert (cursor.position, cursor.leased_until) == (1, None)  # what was under way is confirmed
    resume("memory", by="olga")
    relay("memory")
    assert Cursor.objects.get().position == 3


def test_what_it_refused_is_not_retried_either():
    refuses.add("anna")
    choose("anna")
    seal_all(0)
    relay("memory")
    Parked.objects.update(retry_at=timezone.now())
    stop()
    WRITES.clear()
    assert behind() == []
    relay("memory")
    assert WRITES == []


def test_other_stores_go_on(settings):
    settings.DATA_STORES = {**settings.DATA_STORES, "other": settings.DATA_STORES["memory"]}
    choose("anna")
    seal_all(0)
    stop()
    relay("other")
    assert Cursor.objects.get(store="other").position == 1


def test_each_pause_is_a_row_with_who_and_why():
    stop()
    resume("memory", by="pia")
    pause("memory", by="quinn", reason=" again ")
    first, second = StorePause.objects.order_by("pk")
    assert (first.by, first.reason, first.resumed_by) == ("olga", "moves to a new server", "pia")
    assert first.paused_at <= first.resumed_at
    assert (second.by, second.reason, second.resumed_at) == ("quinn", "again", None)


def test_a_pause_needs_a_reason():
    with pytest.raises(PauseError, match="reason"):
        pause("memory", by="olga", reason="  ")
    assert not StorePause.objects.exists()


def test_a_store_is_not_paused_twice_or_resumed_twice():
    stop()
    with pytest.raises(PauseError, match="paused already"):
        stop()
    resume("memory", by="olga")
    with pytest.raises(PauseError, match="not paused"):
        resume("memory", by="olga")
    assert StorePause.objects.count() == 1


def test_an_unknown_store_is_not_paused():
    with pytest.raises(PauseError, match="no store nosuch"):
        pause("nosuch", by="olga", reason="why not")


@pytest.mark.django_db(transaction=True)
def test_two_who_pause_at_once_make_one_pause():
    outcomes, start = [], threading.Barrier(4)

    def run():
        start.wait()
        try:
            stop()
            outcomes.append("paused")
        except PauseError:
            outcomes.append("refused")
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["paused", "refused", "refused", "refused"]
