"""The relay against stores that are well, down, slow, refuse, or whose worker dies."""

from datetime import timedelta

import pytest
from django.utils import timezone

from ledger.models import Decision, Entry
from ledger.seal import seal_all
from propagation import relay as module
from propagation.backoff import LONGEST, backoff
from propagation.models import Confirmation, Cursor, Parked
from propagation.relay import LEASE, behind, relay
from propagation.stores.base import StoreUnavailable
from propagation.tests import stores
from propagation.tests.stores import HELD, WRITES, before_write, refuses
from tests.people import choose, toggle

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


def carry():
    seal_all(0)
    return relay("memory")


def cursor():
    return Cursor.objects.get(store="memory", partition=0)


def again_at_once():
    Cursor.objects.update(next_attempt_at=None)


def unavailable(retry_after=None):
    def fail(choices):
        raise StoreUnavailable("down for a day", retry_after)

    return fail


def test_choices_arrive_and_the_cursor_moves():
    for ref in ("anna", "ben", "cleo"):
        choose(ref)
    assert carry() is False
    assert {key[0] for key in HELD} == {"anna", "ben", "cleo"}
    assert (cursor().position, cursor().leased_until) == (3, None)
    assert Confirmation.objects.get().position == 3


def test_only_the_newest_choice_of_a_member_is_written():
    toggle("anna", 5)
    carry()
    assert [[c.revision for c in write] for write in WRITES] == [[5]]
    assert cursor().position == 5


def test_nothing_to_do_writes_nothing():
    assert carry() is False
    assert WRITES == []
    assert cursor().leased_until is None


def test_unsealed_choices_wait():
    choose("anna")
    relay("memory")
    assert WRITES == []


def test_a_store_that_is_down_is_tried_again_later_and_misses_nothing():
    choose("anna")
    before_write.extend([unavailable(), unavailable()])
    carry()
    down = cursor()
    assert (down.position, down.failures, down.last_error) == (0, 1, "down for a day")
    assert down.next_attempt_at > timezone.now()
    assert down.leased_until is None
    assert (carry(), behind()) == (False, [])  # not before it is due
    assert before_write
    again_at_once()
    assert behind() == [("memory", 0)]
    carry()
    assert cursor().failures == 2
    again_at_once()
    carry()
    assert (cursor().position, cursor().failures, len(HELD)) == (1, 0, 1)


def test_retry_after_is_honoured():
    choose("anna")
    before_write.append(unavailable(retry_after=1_000))
    carry()
    assert cursor().next_attempt_at > timezone.now() + timedelta(seconds=990)


def test_backoff_grows_up_to_five_minutes_with_jitter():
    waits = [backoff(failures).total_seconds() for failures in range(1, 200)]
    assert all(0 < wait <= LONGEST for wait in waits)
    assert max(waits) > 60
    assert len(set(waits[20:])) > 100


def test_a_mistake_in_a_store_does_not_move_the_cursor():
    choose("anna")

    def fail(choices):
        raise ZeroDivisionError

    before_write.append(fail)
    carry()
    assert (cursor().position, cursor().last_error) == (
        0,
        "unexpected ZeroDivisionError; see the log",
    )


def test_a_store_that_cannot_be_made_is_shown_as_failing_and_tried_again(settings):
    choose("anna")
    settings.DATA_STORES["memory"]["OPTIONS"] = {"colour": "red"}
    carry()
    assert (cursor().position, cursor().failures, cursor().leased_until) == (0, 1, None)
    assert cursor().last_error == "misconfigured: unknown option(s): colour"
    del settings.DATA_STORES["memory"]["OPTIONS"]
    again_at_once()
    carry()
    assert cursor().position == 1


def test_a_refused_choice_is_parked_and_holds_nothing_up():
    refuses.add("ben")
    for ref in ("anna", "ben", "cleo"):
        choose(ref)
    carry()
    assert (cursor().position, cursor().failures) == (3, 0)
    parked = Parked.objects.get()
    assert (parked.member_ref, parked.reason, parked.confirmed_at) == ("ben", "not mine", None)
    assert {key[0] for key in HELD} == {"anna", "cleo"}


def test_a_parked_choice_is_retried_hourly_until_it_is_taken():
    refuses.add("ben")
    choose("ben")
    carry()
    assert behind() == []
    Parked.objects.update(retry_at=timezone.now())
    assert behind() == [("memory", 0)]
    carry()
    assert (Parked.objects.get().attempts, behind()) == (2, [])
    refuses.clear()
    Parked.objects.update(retry_at=timezone.now())
    carry()
    assert Parked.objects.get().confirmed_at
    assert ("ben", "genai-training") in HELD


def test_a_later_choice_replaces_a_parked_one():
    refuses.add("ben")
    choose("ben")
    carry()
    choose("ben", Decision.ALLOWED)
    carry()
    assert (Parked.objects.get().revision, Parked.objects.open().count()) == (2, 1)
    refuses.clear()
    choose("ben")
    carry()
    assert Parked.objects.open().count() == 0
    assert HELD["ben", "genai-training"].revision == 3


def test_one_relay_at_a_time():
    choose("anna")
    seal_all(0)
    inner = []
    before_write.append(lambda choices: inner.append(relay("memory")))
    relay("memory")
    assert inner == [False]
    assert len(WRITES) == 1


def test_the_late_finish_of_a_stuck_relay_moves_nothing():
    choose("anna")
    seal_all(0)

    def stuck(choices):
        Cursor.objects.update(leased_until=timezone.now() - LEASE)  # its lease runs out
        choose("ben")
        seal_all(0)
        relay("memory")  # another takes over, and is done first
        assert cursor().position == 2
        Cursor.objects.update(position=0)  # were the late one to win, this would show it

    before_write.append(stuck)
    assert relay("memory") is False
    assert cursor().position == 0


def test_a_killed_relay_is_taken_over_when_its_lease_ends():
    choose("anna")
    seal_all(0)
    assert Cursor.objects.get_or_create(store="memory", partition=0)
    assert Cursor.objects.claim("memory", 0, timezone.now(), LEASE)  # and never heard of again
    assert relay("memory") is False
    assert WRITES == []
    Cursor.objects.update(leased_until=timezone.now() - timedelta(seconds=1))
    relay("memory")
    assert cursor().position == 1


def test_what_is_sealed_while_the_relay_works_is_not_left_for_the_sweep():
    choose("anna")
    seal_all(0)
    released = module._work

    def work_then_seal(*args):
        more = released(*args)
        if len(WRITES) == 1:  # after the last look, before the lease is given back
            choose("ben")
            seal_all(0)
        return more

    module._work = work_then_seal
    try:
        relay("memory")
    finally:
        module._work = released
    assert cursor().position == 2


def test_batches_grow_for_a_quick_store_and_shrink_for_a_failing_one():
    Cursor.objects.create(store="memory", partition=0, batch_size=2)
    for number in range(20):
        choose(f"m{number}")
    carry()
    assert [len(write) for write in WRITES] == [2, 4, 8, 6]
    before_write.append(unavailable())
    choose("anna")
    carry()
    assert cursor().batch_size == 16


def test_a_long_backlog_is_handed_on_so_that_no_store_holds_a_worker():
    Cursor.objects.create(store="memory", partition=0, batch_size=1)
    for number in range(20):
        choose(f"m{number}")
    seal_all(0)
    assert relay("memory", budget=0) is True
    assert 0 < cursor().position < 20
    assert relay("memory") is False


def test_a_new_store_starts_at_zero(settings):
    toggle("anna", 2)
    carry()
    settings.DATA_STORES = {**settings.DATA_STORES, "late": settings.DATA_STORES["memory"]}
    relay("late")
    assert Cursor.objects.get(store="late").position == Entry.objects.count()
