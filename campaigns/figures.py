"""What has come of a campaign so far, counted from its recipients in short steps and kept.

The pages read what is kept. Workers count it again, as a walk (`campaigns.walking`).
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Exists, OuterRef, Q
from django.db.models.functions import TruncHour

from campaigns.models import Campaign, RecipientQuerySet, Walk
from ledger.models import CurrentChoice, Decision

FRESH, HOURLY = timedelta(seconds=10), timedelta(hours=1)
LATE_EVENTS = timedelta(days=30)
RATE_OVER = timedelta(minutes=2)


@dataclass
class Figures:
    """``languages``, ``providers`` and ``countries`` map names to numbers by state; ``reasons``
    are of those left out, failed or bounced; ``hours`` (ISO, UTC) are of those sent. ``rate``:
    mails a minute of late. ``seen``, ``objected`` and ``complained`` are of those sent."""

    total: int = 0
    states: dict[str, int] = field(default_factory=dict)
    languages: dict[str, dict[str, int]] = field(default_factory=dict)
    providers: dict[str, dict[str, int]] = field(default_factory=dict)
    countries: dict[str, dict[str, int]] = field(default_factory=dict)
    reasons: dict[str, int] = field(default_factory=dict)
    hours: dict[str, int] = field(default_factory=dict)
    seen: int = 0
    objected: int = 0
    complained: int = 0
    possibly_doubled: int = 0
    rate: float = 0.0
    counted_at: str = ""

    def in_state(self, state: str) -> int:
        return self.states.get(state, 0)

    @property
    def left(self) -> int:
        return self.in_state("pending") + self.in_state("sending")

    @property
    def share_done(self) -> float:
        """From 0 to 1."""
        return (self.total - self.left) / self.total if self.total else 0.0

    @property
    def time_left(self) -> timedelta | None:
        """At the rate of late; None while nothing goes out."""
        return timedelta(minutes=self.left / self.rate) if self.rate else None


def figures_of(campaign: Campaign) -> Figures:
    """As counted last; all 0 before that."""
    return Figures(**campaign.figures)


def stale(now: datetime) -> Iterator[Campaign]:
    """Campaigns whose figures may have changed and are not being counted: those under way after a
    few seconds, and for some weeks after the end, while mails still come back, each hour."""
    lately = now - LATE_EVENTS
    campaigns = Campaign.objects.filter(
        Q(state__in=Campaign.UNDER_WAY) | Q(finished_at__gte=lately)
    ).prefetch_related("walks")
    for campaign in campaigns:
        walk = next((w for w in campaign.walks.all() if w.kind == Walk.Kind.FIGURES), None)
        if walk is None:
            yield campaign
        elif walk.done_at:
            # A large campaign, which takes minutes to count, must not be counted all the time.
            rest = max(FRESH, 10 * (walk.done_at - walk.started_at))
            ended = campaign.finished_at is not None and walk.started_at > campaign.finished_at
            if walk.done_at + (max(rest, HOURLY) if ended else rest) < now:
                yield campaign


def add(figures: Figures, campaign: Campaign, rows: RecipientQuerySet, now: datetime) -> None:
    """Add these recipients to the figures."""
    for group in _groups(rows):
        _add(figures, group)
    numbers = _numbers(campaign, rows, now)
    figures.seen += numbers["seen"]
    figures.complained += numbers["complained"]
    figures.possibly_doubled += numbers["doubled"]
    figures.objected += numbers["objected"]
    figures.rate += numbers["lately"] / (RATE_OVER / timedelta(minutes=1))
    for hour, number in (
        rows.exclude(sent_at=None)
        .annotate(hour=TruncHour("sent_at"))
        .values_list("hour")
        .annotate(n=Count("pk"))
        .order_by()
    ):
        name = hour.isoformat()
        figures.hours[name] = figures.hours.get(name, 0) + number
    figures.counted_at = now.isoformat()


def _groups(rows: RecipientQuerySet) -> Any:
    by = ("state", "reason", "language", "provider", "country")
    return rows.values(*by).annotate(n=Count("pk")).order_by()


def _add(figures: Figures, group: dict[str, Any]) -> None:
    state, number = group["state"], group["n"]
    figures.total += number
    figures.states[state] = figures.states.get(state, 0) + number
    for split, name in (
        (figures.languages, group["language"]),
        (figures.providers, group["provider"]),
        (figures.countries, group["country"]),
    ):
        states = split.setdefault(name, {})
        states[state] = states.get(state, 0) + number
    if group["reason"]:
        figures.reasons[group["reason"]] = figures.reasons.get(group["reason"], 0) + number


def _numbers(campaign: Campaign, rows: RecipientQuerySet, now: datetime) -> dict[str, int]:
    objection = CurrentChoice.objects.filter(
        member_ref=OuterRef("member__member_ref"),
        purpose=campaign.notice.purpose_id,
        decision=Decision.OBJECTED,
        changed_at__gte=campaign.started_at or now,
    )
    return rows.aggregate(
        seen=Count("pk", filter=Q(seen_at__isnull=False)),
        complained=Count("pk", filter=Q(complained_at__isnull=False)),
        doubled=Count("pk", filter=Q(possibly_doubled=True)),
        lately=Count("pk", filter=Q(sent_at__gt=now - RATE_OVER)),
        objected=Count("pk", filter=Q(Exists(objection)) & Q(sent_at__isnull=False)),
    )
