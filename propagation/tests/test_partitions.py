"""LEDGER_PARTITIONS: several sealers and relays side by side, each member's choices in order."""

import random
import threading
from collections import defaultdict
from datetime import timedelta

import pytest
from django.db import connection, transaction

from ledger.append import partition_of
from ledger.models import Entry
from ledger.seal import seal
from ledger.verify import findings
from propagation.models import Cursor
from propagation.relay import relay
from propagation.tests import stores
from propagation.tests.stores import HELD, WRITES
from tests.people import choose
from tests.site import wait_for

PARTITIONS = 4
MEMBERS = [f"m{number}" for number in range(24)]
TOGGLES = 6


@pytest.fixture(autouse=True)
def _memory_store(settings):
    stores.reset()
    settings.LEDGER_PARTITIONS = PARTITIONS
    settings.DATA_STORES = {
        "memory": {
            "BACKEND": "propagation.tests.stores.MemoryStore",
            "LABEL": "Memory",
            "SLA": timedelta(minutes=15),
        }
    }


def record(members):
    """Each member toggles; members take turns, so that partitions are used in turn."""
    for turn in range(TOGGLES):
        if turn:
            wait_for(lambda: WRITES, 60, what="a relay has begun while choices are still recorded")
        for ref in members:
            with transaction.atomic():
                choose(ref, "allowed" if turn % 2 else "objected")


def until(done, action):
    shuffler = random.Random()
    while not done.is_set():
        action(shuffler.randrange(PARTITIONS))


def test_members_are_spread():
    assert {partition_of(ref) for ref in MEMBERS} == set(range(PARTITIONS))


@pytest.mark.django_db(transaction=True)
def test_four_partitions_side_by_side_keep_each_members_order():
    errors, done = [], threading.Event()

    def run(action, *args):
        try:
            action(*args)
        except Exception as error:
            errors.append(error)
        finally:
            connection.close()

    writers = [threading.Thread(target=run, args=(record, MEMBERS[start::3])) for start in range(3)]
    workers = [
        threading.Thread(target=run, args=(until, done, action))
        for action in (seal, seal, carry, carry, carry)
    ]
    for thread in writers + workers:
        thread.start()
    for thread in writers:
        thread.join()
    done.set()
    for thread in workers:
        thread.join()
    for partition in range(PARTITIONS):
        seal(partition)
        carry(partition)

    assert not errors
    assert list(findings()) == []  # positions without gaps, revisions in order, in each partition
    total = len(MEMBERS) * TOGGLES
    assert Entry.objects.exclude(position=None).count() == total
    assert sum(Cursor.objects.values_list("position", flat=True)) == total
    assert Cursor.objects.filter(position=0).count() == 0
    assert {ref: HELD[ref, "genai-training"].revision for ref in MEMBERS} == dict.fromkeys(
        MEMBERS, TOGGLES
    )
    assert_in_order()


def carry(partition):
    relay("memory", partition)


def assert_in_order():
    """Nobody's choices were written in another order, and each write was of one partition."""
    seen = defaultdict(list)
    for write in list(WRITES):
        assert len({partition_of(choice.member_ref) for choice in write}) == 1
        for choice in write:
            seen[choice.member_ref].append(choice.revision)
    assert len(WRITES) > PARTITIONS
    for revisions in seen.values():
        assert revisions == sorted(set(revisions))
