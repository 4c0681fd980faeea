"""The relay: carries sealed choices to one store, in order, and moves its cursor when they
are confirmed.

Work is claimed with a lease and a fence, the store is written to outside any transaction, and
the cursor moves only while the fence is still the newest. A relay that is killed loses its
lease by time; what it had written already is written again, which changes nothing in a store.
"""

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from ledger.models import Entry, Head
from propagation.backoff import backoff
from propagation.choice import Choice
from propagation.models import Confirmation, Cursor, Parked
from propagation.pausing import is_paused
from propagation.registry import store_for
from propagation.removals import note, removed_by
from propagation.stores.base import (
    ChoiceRefused,
    Key,
    Refusal,
    Store,
    StoreMisconfigured,
    StoreUnavailable,
)

logger = logging.getLogger(__name__)

LEASE = timedelta(seconds=60)
PARKED_EVERY = timedelta(hours=1)
MOST = 1_000
"""Choices in one batch, at most."""


@dataclass(frozen=True, slots=True)
class Batch:
    """The newest choice of each member and purpose up to ``position``."""

    choices: Sequence[Choice]
    position: int


class LeaseLost(Exception):
    """Another relay has taken over; what this one still finds out does not count."""


def relay(alias: str, partition: int = 0, budget: float = 10.0) -> bool:
    """Carry choices to the store until it has all, it fails, or ``budget`` seconds are over.

    Returns True if there is more to do at once (the budget ended first). Safe to run at any
    time, any number of times: all but one return without doing anything.
    """
    Cursor.objects.get_or_create(store=alias, partition=partition)
    end = time.monotonic() + budget
    while cursor := Cursor.objects.claim(alias, partition, timezone.now(), LEASE):
        try:
            more = _work(cursor, end)
        except LeaseLost:
            return False
        Cursor.objects.held(cursor).update(leased_until=None)
        if more:
            return True
        # What was sealed after the last look, while others saw the lease taken and left.
        if not _behind(alias, partition):
            return False
    return False


def behind() -> list[tuple[str, int]]:
    """Stores (alias, partition) with choices to carry, leaving out those that back off."""
    heads = dict(Head.objects.values_list("partition", "position"))
    now = timezone.now()
    due = set(Parked.objects.due(now).values_list("store", "partition").distinct())
    return [
        (cursor.store, cursor.partition)
        for cursor in Cursor.objects.due(now)
        if cursor.position < heads.get(cursor.partition, 0)
        or (cursor.store, cursor.partition) in due
    ]


def _behind(alias: str, partition: int) -> bool:
    head = Head.objects.filter(partition=partition).first()
    cursor = Cursor.objects.get(store=alias, partition=partition)
    return bool(head and cursor.position < head.position and not cursor.failures)


def _work(cursor: Cursor, end: float) -> bool:
    """Carry batches under a held lease. True: the time ended before the work did."""
    try:
        store = store_for(cursor.store)
        _retry_parked(cursor, store)
        while not is_paused(cursor.store) and (batch := _next(cursor)):
            started = time.monotonic()
            refusals = _write(store, batch.choices)
            removed = removed_by(store, batch.choices)
            _confirm(cursor, batch, refusals, removed, time.monotonic() - started)
            if time.monotonic() >= end:
                return True
    except StoreUnavailable as error:
        _back_off(cursor, str(error), error.retry_after)
    except StoreMisconfigured as error:
        _back_off(cursor, f"misconfigured: {error}", None)
    except LeaseLost:
        raise
    except Exception as error:
        # A mistake in a store's code must not stop the relay, and must not move its cursor.
        logger.exception("%s failed unexpectedly", cursor.store)
        _back_off(cursor, f"unexpected {type(error).__name__}; see the log", None)
    return False


def _next(cursor: Cursor) -> Batch | None:
    # Plain rows: making a model instance of each costs as much as a store's write.
    rows = list(
        Entry.objects.after(cursor.partition, cursor.position).values_list(
            "member_ref", "purpose", "decision", "revision", "recorded_at", "position"
        )[: cursor.batch_size]
    )
    if not rows:
        return None
    newest = {row[:2]: Choice(*row[:5]) for row in rows}
    return Batch(list(newest.values()), rows[-1][5] or 0)


def choice_from(entry: Entry) -> Choice:
    return Choice(
        entry.member_ref, entry.purpose, entry.decision, entry.revision, entry.recorded_at
    )


def _write(store: Store, choices: Sequence[Choice]) -> Sequence[Refusal]:
    try:
        store.write(choices)
    except ChoiceRefused as error:
        return error.refusals
    return ()


def _confirm(
    cursor: Cursor,
    batch: Batch,
    refusals: Sequence[Refusal],
    removed: Mapping[Key, int],
    took: float,
) -> None:
    """Write down, in one transaction, that the store has the batch, except what it refused."""
    now = timezone.now()
    size = _adapted(cursor.batch_size, took)
    with transaction.atomic():
        moved = Cursor.objects.held(cursor).update(
            position=batch.position,
            leased_until=now + LEASE,
            batch_size=size,
            confirmed_at=now,
            failures=0,
            next_attempt_at=None,
        )
        if not moved:
            raise LeaseLost
        Confirmation.objects.create(
            store=cursor.store,
            partition=cursor.partition,
            position=batch.position,
            confirmed_at=now,
        )
        settle_parked(cursor, batch.choices, refusals)
        note(cursor.store, removed)
    cursor.position, cursor.batch_size = batch.position, size


def _adapted(size: int, took: float) -> int:
    """Larger batches for a store that answers quickly, smaller ones for a slow one."""
    if took < 0.5:
        return min(MOST, size * 2)
    return max(1, size // 2) if took > 5 else size


def settle_parked(cursor: Cursor, choices: Sequence[Choice], refusals: Sequence[Refusal]) -> None:
    """A later choice replaces a parked one, whether it was taken or is now refused itself."""
    now = timezone.now()
    refused = {(refusal.member_ref, refusal.purpose): refusal.reason for refusal in refusals}
    taken = {choice.key for choice in choices} - refused.keys()
    parked = Parked.objects.filter(store=cursor.store)
    if parked.open().exists():
        for row in parked.open().filter(member_ref__in={member_ref for member_ref, _ in taken}):
            if (row.member_ref, row.purpose) in taken:
                parked.filter(pk=row.pk).update(confirmed_at=now)
    for choice in choices:
        if choice.key in refused:
            parked.update_or_create(
                store=cursor.store,
                member_ref=choice.member_ref,
                purpose=choice.purpose,
                defaults={
                    "partition": cursor.partition,
                    "revision": choice.revision,
                    "reason": refused[choice.key][:2_000],
                    "parked_at": now,
                    "retry_at": now + PARKED_EVERY,
                    "confirmed_at": None,
                },
            )


def _retry_parked(cursor: Cursor, store: Store) -> None:
    """Offer parked choices again, one by one, so that one refusal cannot hide another."""
    due = Parked.objects.due(timezone.now()).filter(store=cursor.store, partition=cursor.partition)
    for row in due[:100]:
        entry = Entry.objects.get(
            member_ref=row.member_ref, purpose=row.purpose, revision=row.revision
        )
        refusals = _write(store, [choice_from(entry)])
        now = timezone.now()
        if not Cursor.objects.held(cursor).update(leased_until=now + LEASE):
            raise LeaseLost
        again = Parked.objects.filter(pk=row.pk, revision=row.revision)
        if refusals:
            again.update(
                attempts=F("attempts") + 1,
                reason=refusals[0].reason[:2_000],
                retry_at=now + PARKED_EVERY,
            )
        else:
            again.update(confirmed_at=now)


def _back_off(cursor: Cursor, error: str, retry_after: float | None) -> None:
    now = timezone.now()
    failures = Cursor.objects.values_list("failures", flat=True).get(pk=cursor.pk) + 1
    Cursor.objects.held(cursor).update(
        failures=failures,
        last_error=error[:2_000],
        last_error_at=now,
        next_attempt_at=now + backoff(failures, retry_after),
        batch_size=max(1, cursor.batch_size // 2),
        leased_until=None,
    )
    logger.warning("%s: %s (failure %d in a row)", cursor.store, error, failures)
