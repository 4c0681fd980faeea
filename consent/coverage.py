"""In which periods a member's data could have been used: from dates that are known, and no more.

Where something is not known, the answer is that the data could have been used.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time

from consent.models import Notice, Rollout
from ledger.models import Decision, Entry
from propagation.progress import Delivery

BEGINNING = datetime.min.replace(tzinfo=UTC)
END = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Period:
    """From ``since`` on, up to ``until``; BEGINNING and END stand for no limit."""

    since: datetime
    until: datetime

    @property
    def is_open(self) -> bool:
        return self.until == END


def exposure(
    notice: Notice,
    region: str,
    history: Sequence[Entry],
    deliveries: Iterable[Delivery],
    now: datetime,
) -> list[Period]:
    """Periods up to now in which the training ran in the region and no objection held.

    ``history``: the member's choices, the newest first; ``deliveries``: of the newest one. An
    objection counts from the moment at which the last store confirmed it.
    """
    rollouts = (
        Rollout.objects.of_purpose(notice.purpose_id).filter(region=region)
    ).prefetch_related("history")
    running = [period for rollout in rollouts for period in running_periods(rollout)]
    unprotected = list(_unprotected(history, deliveries))
    found = [
        Period(since, until)
        for ran in running
        for open_ in unprotected
        if (since := max(ran.since, open_.since)) < (until := min(ran.until, open_.until))
        and since < now
    ]
    return _merged(found)


def running_periods(rollout: Rollout) -> Iterator[Period]:
    """When a rollout ran: from its start, less its pauses and the time in which it was held.

    Before its first record it counts as announced: it may have been entered later than it was.
    """
    changes = sorted(rollout.history.all(), key=lambda change: (change.at, change.pk))
    starts = [BEGINNING, *(change.at for change in changes[1:])]
    ends = [*starts[1:], END]
    paused = False
    for change, since, until in zip(changes, starts, ends, strict=True):
        paused = {"paused": True, "resumed": False}.get(change.kind, paused)
        start = max(since, datetime.combine(change.starts_on, time.min, UTC))
        if not paused and not change.held and start < until:
            yield Period(start, until)


def _unprotected(history: Sequence[Entry], deliveries: Iterable[Delivery]) -> Iterator[Period]:
    """When no objection held, the newest first. What lies before a cut-off history counts too."""
    until = END
    for entry in history:
        if entry.decision == Decision.ALLOWED:
            yield Period(entry.recorded_at, until)
        until = entry.recorded_at
        if entry is history[0] and entry.decision == Decision.OBJECTED:
            until = _took_effect(entry, deliveries)
    yield Period(BEGINNING, until)


def _took_effect(objection: Entry, deliveries: Iterable[Delivery]) -> datetime:
    """When the last store confirmed; END while one has not."""
    return max(
        (
            delivery.at if delivery.state == "confirmed" and delivery.at else END
            for delivery in deliveries
        ),
        default=objection.recorded_at,
    )


def _merged(periods: list[Period]) -> list[Period]:
    merged: list[Period] = []
    for period in sorted(periods, key=lambda period: period.since):
        if merged and period.since <= merged[-1].until:
            last = merged.pop()
            period = Period(last.since, max(last.until, period.until))  # noqa: PLW2901
        merged.append(period)
    return merged
