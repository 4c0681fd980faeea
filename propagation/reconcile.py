"""Reconcile: reads a store back, compares it with the ledger, and repairs what differs.

A *sample* looks at about a thousand keys. A *full* pass walks over both sides in key order, by
ranges; a store that can sum up a range by itself hands out rows only where the sums differ.

What the store holds is right if it is the newest choice that the store has confirmed, or a newer
one from the ledger, which is then on its way. Everything else is drift, and is replaced from the
ledger while the relay is kept out by its own lease.
"""

import logging
import random
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import batched, islice
from typing import Any

from django.db import transaction
from django.utils import timezone

from propagation.choice import Choice
from propagation.drift import Drift, Finding, judge
from propagation.expected import State, current, current_of, digest, parts
from propagation.leases import NoLease, all_leases, extend
from propagation.models import Cursor, Reconciliation
from propagation.registry import store_for
from propagation.relay import LeaseLost, behind, relay, settle_parked
from propagation.removals import note, removed_by
from propagation.sampling import sampled
from propagation.stores.base import (
    ChoiceRefused,
    DigestStore,
    Key,
    ReadableStore,
    Refusal,
    StoreUnavailable,
    UnorderedStore,
)

logger = logging.getLogger(__name__)

type Kind = Reconciliation.Kind
FULL, SAMPLE = Reconciliation.Kind.FULL, Reconciliation.Kind.SAMPLE

ALIVE = timedelta(minutes=10)
"""A pass that has not said for so long that it goes on was cut off."""

RANGE, FACTOR, PAGE = 50_000, 8, 1_000
"""Keys in a range that is summed up, or else read; parts of one that differs; keys in the smallest.
For some stores a page costs the same whatever its size: it should not be small."""
SLICE = 500
"""Keys judged, and repaired under one lease."""
SCANNED = 200
"""Keys that a sample takes from the store itself."""
REMEMBERED = 100_000
TRIES = 3
TURN = 2.0
"""Seconds that the relay gets after each slice of repairs."""
MOST_TAKEN_AWAY = 1_000
EXAMPLES = 10
CUT_OFF = "It stood still for too long, and was taken for cut off."


class AlreadyRunning(Exception):
    """Another process is reconciling this store."""


class _LeftToPeople(Exception):
    """The message says what was not done, and why."""


@dataclass(slots=True)
class Report:
    """What a pass found. ``error`` says why it ended early, or what was left to people."""

    store: str
    kind: Kind
    started_at: datetime
    equal_at: datetime | None
    """When a full pass last left the store equal to the ledger: drift is younger than this."""
    readable: bool = True
    finished_at: datetime | None = None
    checked: int = 0
    found: Counter[Drift] = field(default_factory=Counter)
    repaired: int = 0
    examples: list[dict[str, str]] = field(default_factory=list)
    error: str = ""

    @property
    def drift(self) -> int:
        return self.found.total()

    @property
    def right(self) -> bool:
        """Whether the store, as far as it was compared, now equals the ledger."""
        return not self.error and self.repaired >= self.drift


def reconcile(
    alias: str,
    *,
    full: bool,
    dry_run: bool = False,
    remove_unknown: bool = False,
    progress: Callable[[int], object] | None = None,
) -> Report:
    """Compare the store with the ledger, and repair it. A sample that finds drift becomes a full
    pass at once, and only that repairs.

    A full pass that finds more than a thousand objections of which the ledger knows nothing takes
    none of them away: rather than the store, the ledger or the configuration may be wrong.
    ``remove_unknown`` is a person's word that it is the store.

    ``progress`` is called with the number of keys compared since the last call. A dry run writes
    nothing anywhere. The store's failures are in the report; raises `AlreadyRunning`.
    """
    store = store_for(alias)
    if not isinstance(store, ReadableStore):
        kind = FULL if full else SAMPLE
        return Report(alias, kind, timezone.now(), None, readable=False)

    def run(kind: Kind) -> Report:
        row = None if dry_run else _start(alias, kind)
        repairs = kind == FULL and not dry_run
        return _Pass(
            alias,
            store,
            kind,
            row=row,
            repairs=repairs,
            remove_unknown=remove_unknown,
            progress=progress or (lambda count: None),
        ).run()

    report = run(FULL if full else SAMPLE)
    if report.kind == SAMPLE and report.drift and not report.error:
        report = run(FULL)
    return report


def _start(alias: str, kind: Kind) -> Reconciliation:
    row = Reconciliation.objects.start(alias, kind, timezone.now(), ALIVE)
    if row is None:
        raise AlreadyRunning(f"{alias} is being reconciled already.")
    return row


class _Pass:
    """One pass over one store. ``row`` is None in a dry run."""

    def __init__(
        self,
        alias: str,
        store: ReadableStore,
        kind: Kind,
        *,
        row: Reconciliation | None,
        repairs: bool,
        remove_unknown: bool,
        progress: Callable[[int], object],
    ) -> None:
        equal = Reconciliation.objects.equal().newest(alias)
        started_at = row.started_at if row else timezone.now()
        self.report = Report(alias, kind, started_at, equal.started_at if equal else None)
        self.alias, self.store, self.row = alias, store, row
        self.repairs, self.remove_unknown = repairs, remove_unknown
        self.progress = progress
        self.withheld: list[Key] = []
        self.said_alive = time.monotonic()

    def run(self) -> Report:
        report = self.report
        try:
            self._compare()
        except (StoreUnavailable, NoLease, _LeftToPeople) as error:
            report.error = str(error)
        except LeaseLost:
            report.error = "The lease was lost again and again: the store answers too slowly."
        except Exception as error:
            # A mistake in a store's code must not stop the others.
            logger.exception("%s could not be reconciled", self.alias)
            report.error = f"unexpected {type(error).__name__}; see the log"
        except BaseException:
            self._finish("It was interrupted.")
            raise
        self._finish(report.error)
        return report

    def _compare(self) -> None:
        differing = self._everywhere() if self.report.kind == FULL else self._sample()
        for keys in batched(differing, SLICE):
            self._settle(keys)
        self._settle_withheld()

    # What may differ ----------------------------------------------------------------------

    def _sample(self) -> Iterator[Key]:
        """Keys of the ledger at random, and some that the store names, to find what is extra."""
        keys = set(sampled(self.alias))
        if isinstance(self.store, UnorderedStore):
            keys |= set(islice(self.store.keys(), SCANNED))
        else:
            start = random.choice([None, *keys])  # noqa: S311 — a sample, no secret
            keys |= {choice.key for choice in self.store.scan(start, SCANNED)}
        for key in keys:
            self._checked(1)
            yield key

    def _everywhere(self) -> Iterator[Key]:
        for after, until in parts(None, None, RANGE):
            yield from self._within(after, until, RANGE)
        if isinstance(self.store, UnorderedStore):
            yield from self._unknown(self.store)

    def _within(self, after: Key | None, until: Key | None, size: int) -> Iterator[Key]:
        """Keys of the range whose state differs from the ledger's newest."""
        if isinstance(self.store, DigestStore):
            ours = digest(after, until)
            if self.store.digest(after, until) == ours:
                self._checked(ours.count)
                return
            if size > PAGE:
                smaller = max(PAGE, size // FACTOR)
                for start, end in parts(after, until, smaller):
                    yield from self._within(start, end, smaller)
                return
        yield from self._rows(after, until, size)

    def _rows(self, after: Key | None, until: Key | None, size: int) -> Iterator[Key]:
        if isinstance(self.store, UnorderedStore):
            ours = current(after, until)
            yield from self._differing(ours, self.store.read(ours).values())
            return
        for start, end, held in _pages(self.store, after, until, size):
            yield from self._differing(current(start, end), held)

    def _differing(self, ours: dict[Key, State], held: Iterable[Choice]) -> Iterator[Key]:
        theirs = {choice.key: (choice.revision, choice.decision) for choice in held}
        keys = ours.keys() | theirs.keys()
        self._checked(len(keys))
        yield from sorted(key for key in keys if ours.get(key) != theirs.get(key))

    def _unknown(self, store: UnorderedStore) -> Iterator[Key]:
        """Keys that only the store has, each once, as far as memory allows."""
        seen: set[Key] = set()
        for keys in batched(store.keys(), PAGE):
            unknown = {key for key in keys if key not in seen} - current_of(keys).keys()
            if len(seen) < REMEMBERED:
                seen |= unknown
            self._checked(0)
            yield from unknown

    # What is drift, and its repair --------------------------------------------------------

    def _settle(self, keys: Sequence[Key]) -> None:
        findings = judge(self.alias, self.store, keys)
        if findings and self.repairs:
            findings = self._repair([f.key for f in findings], self.remove_unknown)
            if not self.remove_unknown:
                room = MOST_TAKEN_AWAY + 1 - len(self.withheld)
                self.withheld += [f.key for f in findings if f.takes_away][:room]
        self.report.found.update(finding.drift for finding in findings)
        room = EXAMPLES - len(self.report.examples)
        self.report.examples += [finding.as_example() for finding in findings[:room]]

    def _settle_withheld(self) -> None:
        if len(self.withheld) > MOST_TAKEN_AWAY:
            raise _LeftToPeople(
                f"It holds more than {MOST_TAKEN_AWAY:,} objections that the ledger does not know. "
                "None was taken away: is another site writing to the same store, or was the "
                "ledger restored from a backup? If the store is wrong, run "
                f"`manage.py reconcile {self.alias} --full --remove-unknown`."
            )
        for keys in batched(self.withheld, SLICE):
            differing = self._repair(keys, take_away=True)
            # The relay has put the others right with a newer choice.
            self.report.repaired += len(keys) - len(differing)

    def _repair(self, keys: Sequence[Key], take_away: bool) -> list[Finding]:
        """Look again under the lease, and replace what still differs; gives what did."""
        for tries_left in reversed(range(TRIES)):
            try:
                with all_leases(self.alias) as cursors:
                    findings = self._repair_leased(cursors, keys, take_away)
                break
            except LeaseLost:
                # What was written late may have gone over what a relay wrote: look once more.
                if not tries_left:
                    raise
        # The relay found the lease taken; do now what came in meanwhile.
        for store, partition in behind():
            if store == self.alias:
                relay(store, partition, TURN)
        return findings

    def _repair_leased(
        self, cursors: Sequence[Cursor], keys: Sequence[Key], take_away: bool
    ) -> list[Finding]:
        findings = judge(self.alias, self.store, keys)
        chosen = [finding for finding in findings if take_away or not finding.takes_away]
        if not chosen:
            return findings
        extend(cursors)
        refusals = self._write(chosen)
        removed = removed_by(self.store, [finding.due for finding in chosen if finding.due])
        extend(cursors)
        with transaction.atomic():
            for cursor in cursors:
                of_it = [f.due for f in chosen if f.due and f.partition == cursor.partition]
                refused = [
                    r for r in refusals if (r.member_ref, r.purpose) in {c.key for c in of_it}
                ]
                settle_parked(cursor, of_it, refused)
            note(self.alias, removed)
        self.report.repaired += len(chosen) - len(refusals)
        return findings

    def _write(self, findings: Sequence[Finding]) -> Sequence[Refusal]:
        choices = [finding.due for finding in findings if finding.due]
        extra = [finding.key for finding in findings if not finding.due]
        try:
            self.store.repair(choices, extra)
        except ChoiceRefused as error:
            return error.refusals
        return ()

    # What is said of it -------------------------------------------------------------------

    def _checked(self, count: int) -> None:
        self.report.checked += count
        self.progress(count)
        if self.row and time.monotonic() > self.said_alive + ALIVE.total_seconds() / 20:
            self.said_alive = time.monotonic()
            if not self._save(alive_until=timezone.now() + ALIVE):
                raise _LeftToPeople(CUT_OFF)

    def _finish(self, error: str) -> None:
        report = self.report
        report.finished_at = timezone.now()
        if self.row and not self._save(finished_at=report.finished_at, error=error[:2_000]):
            report.error = error = CUT_OFF
        if report.drift or error:
            counts = ", ".join(f"{n} {drift}" for drift, n in report.found.items()) or "no drift"
            logger.warning(
                "%s, %s: %s; %d repaired. %s",
                self.alias, report.kind, counts, report.repaired, error,
            )  # fmt: skip

    def _save(self, **values: Any) -> bool:
        """Whether this pass still counts."""
        assert self.row  # noqa: S101
        report = self.report
        counts = {str(drift): report.found[drift] for drift in Drift}
        counts |= {"checked": report.checked, "repaired": report.repaired}
        open_row = Reconciliation.objects.filter(pk=self.row.pk, finished_at=None)
        return bool(open_row.update(**counts, examples=report.examples, **values))


def _pages(
    store: ReadableStore, after: Key | None, until: Key | None, size: int
) -> Iterator[tuple[Key | None, Key | None, list[Choice]]]:
    """The range in parts of up to ``size`` rows of the store, with these rows."""
    while True:
        page = list(store.scan(after, size))
        inside = [choice for choice in page if until is None or choice.key <= until]
        whole = len(inside) < size
        end = until if whole else inside[-1].key
        yield after, end, inside
        if whole or end == until:
            return
        after = end
