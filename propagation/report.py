"""The state of the stores, for people who run them. All of it follows from the database."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Count
from django.utils import timezone

from ledger.models import Entry, Head
from ledger.seal import partitions
from propagation.models import (
    Confirmation,
    Cursor,
    Parked,
    ParkedQuerySet,
    Reconciliation,
    StorePause,
)
from propagation.relay import MOST
from propagation.words import in_words, length

RATE_OVER = timedelta(hours=1)
RATE_BATCHES = 1_000


@dataclass(frozen=True, slots=True)
class Standing:
    """One store in one partition. ``sla`` and ``late`` are None and False for a removed store."""

    cursor: Cursor
    head: int
    waiting_since: datetime | None
    parked: int
    pause: StorePause | None
    now: datetime = field(default_factory=timezone.now)

    @property
    def sla(self) -> timedelta | None:
        entry = settings.DATA_STORES.get(self.cursor.store)
        return entry["SLA"] if entry else None

    @property
    def limit(self) -> str:
        return length(self.sla) if self.sla else ""

    @property
    def behind(self) -> int:
        return max(0, self.head - self.cursor.position)

    @property
    def late(self) -> bool:
        waiting, sla = self.waiting_since, self.sla
        return waiting is not None and sla is not None and waiting + sla <= self.now

    @property
    def percent(self) -> int:
        """How much of the ledger the store has; 100 only when it has all."""
        return 100 * self.cursor.position // self.head if self.behind else 100

    @property
    def catching_up(self) -> bool:
        """More is waiting than one batch holds."""
        return self.behind > MOST

    @property
    def state(self) -> str:
        cursor = self.cursor
        if self.sla is None:
            return "removed"
        if self.pause:
            return f"paused by {self.pause.by}"
        if cursor.failures and cursor.next_attempt_at and cursor.next_attempt_at > self.now:
            return f"backing off until {cursor.next_attempt_at:%H:%M:%S}"
        if self.catching_up:
            return f"catching up, {self.percent} %"
        return "waiting" if self.waiting_since else "ok"

    @property
    def trouble(self) -> str:
        """The last error in plain words; empty once a success has followed it."""
        return in_words(self.cursor.last_error) if self.cursor.failures else ""


def standings(store: str | None = None) -> Iterator[Standing]:
    """Every store in every partition, or those of one store, in the order of their names."""
    pauses = {pause.store: pause for pause in StorePause.objects.open()}
    for cursor in cursors():
        if store in {None, cursor.store}:
            yield _standing(cursor, pauses.get(cursor.store))


def standing_of(cursor: Cursor) -> Standing:
    return _standing(cursor, StorePause.objects.open().filter(store=cursor.store).first())


def _standing(cursor: Cursor, pause: StorePause | None) -> Standing:
    return Standing(
        cursor=cursor,
        head=head_of(cursor),
        waiting_since=oldest_waiting(cursor),
        parked=parked_of(cursor).count(),
        pause=pause,
    )


def cursors() -> list[Cursor]:
    """All cursors, also those of configured stores that no sweep has met yet."""
    found = {(cursor.store, cursor.partition): cursor for cursor in Cursor.objects.all()}
    for alias in settings.DATA_STORES:
        for partition in partitions():
            found.setdefault((alias, partition), Cursor(store=alias, partition=partition))
    return [found[key] for key in sorted(found)]


def head_of(cursor: Cursor) -> int:
    head = Head.objects.filter(partition=cursor.partition).first()
    return head.position if head else 0


def parked_of(cursor: Cursor) -> ParkedQuerySet:
    return Parked.objects.open().filter(store=cursor.store, partition=cursor.partition)


def refusals_of(store: str) -> list[tuple[str, int]]:
    """Why the store refuses choices, and how many for each reason; the most frequent first."""
    reasons = Parked.objects.open().filter(store=store).values_list("reason")
    return list(reasons.annotate(count=Count("pk")).order_by("-count", "reason"))


def last_comparison(store: str) -> Reconciliation | None:
    return Reconciliation.objects.finished().newest(store)


def oldest_waiting(cursor: Cursor) -> datetime | None:
    """When the oldest choice was recorded that the store does not have: unsealed, sealed or parked.

    Three look-ups in indexes, however much waits.
    """
    # Unsealed first: what is sealed after this look is found by the next one.
    unsealed = Entry.objects.unsealed(cursor.partition).first()
    sealed = Entry.objects.after(cursor.partition, cursor.position).first()
    parked = parked_of(cursor).order_by("parked_at").first()
    refused = (
        parked
        and Entry.objects.filter(
            member_ref=parked.member_ref, purpose=parked.purpose, revision=parked.revision
        ).first()
    )
    found = [entry.recorded_at for entry in (unsealed, sealed, refused) if entry]
    return min(found, default=None)


def rate_of(cursor: Cursor) -> float:
    """Choices a second that the store confirmed, over the last hour or RATE_BATCHES batches,
    whichever is shorter."""
    newest = Confirmation.objects.filter(store=cursor.store, partition=cursor.partition).order_by(
        "-position"
    )
    rows = list(newest.values_list("position", "confirmed_at")[:RATE_BATCHES])
    now = timezone.now()
    since = now - RATE_OVER
    before = next((row for row in rows if row[1] <= since), None)
    if not rows or rows[0] == before:
        return 0.0
    if before is None and len(rows) == RATE_BATCHES:
        before = rows[-1]
        since = before[1]
    moved = rows[0][0] - (before[0] if before else 0)
    return float(moved / max((now - since).total_seconds(), 1.0))
