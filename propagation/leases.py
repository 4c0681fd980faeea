"""Keeping the relays away from a store for as long as reconcile repairs it."""

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from django.utils import timezone

from ledger.seal import partitions
from propagation.models import Cursor, StorePause
from propagation.relay import LEASE, LeaseLost

PATIENCE, POLL = 30.0, 0.02
"""Seconds to wait for a relay to leave, and between two looks."""


class NoLease(Exception):
    """The store's lease cannot be had now; the message says why, in words for staff."""


@contextmanager
def all_leases(alias: str) -> Iterator[list[Cursor]]:
    """The store's cursors of all partitions: no relay writes to it meanwhile.

    All of them, since the choices of one member lie in two partitions after their number changed.
    """
    cursors: list[Cursor] = []
    end = time.monotonic() + PATIENCE
    try:
        for partition in partitions():
            cursors.append(_claim(alias, partition, end))  # noqa: PERF401 — kept if the next fails
        yield cursors
    finally:
        for cursor in cursors:
            Cursor.objects.held(cursor).update(leased_until=None)


def _claim(alias: str, partition: int, end: float) -> Cursor:
    known, _ = Cursor.objects.get_or_create(store=alias, partition=partition)
    while True:
        now = timezone.now()
        if cursor := Cursor.objects.claim(alias, partition, now, LEASE):
            return cursor
        if StorePause.objects.open().filter(store=alias).exists():
            raise NoLease("It is paused: nothing was repaired.")
        known.refresh_from_db()
        if known.next_attempt_at and known.next_attempt_at > now:
            raise NoLease(f"It was down just now ({known.last_error}): nothing was repaired.")
        if time.monotonic() > end:
            raise NoLease("The relay wrote to it all the time: the rest is left to the next pass.")
        time.sleep(POLL)


def extend(cursors: Iterable[Cursor]) -> None:
    for cursor in cursors:
        if not Cursor.objects.held(cursor).update(leased_until=timezone.now() + LEASE):
            raise LeaseLost
