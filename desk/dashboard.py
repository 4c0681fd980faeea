"""What the privacy officer's dashboard shows: counted numbers, and the state of stores as it is.

No query here grows with the number of members or choices.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.conf import settings
from django.db.models import QuerySet
from django.utils import timezone

from campaigns.charts import Chart
from consent.models import Reach
from desk import charts, counting
from desk.charts import Times
from desk.counters import ChoiceCount, LatencyCount, bound_of
from desk.models import REMIND_BEFORE, MemberRequest
from ledger.models import Channel
from propagation import sla
from propagation.models import Parked
from propagation.registry import configured
from propagation.report import last_comparison
from propagation.sla import Wait

SPANS = (7, 30, 90, 365)
PARKED_SHOWN = 10_000
"""Beyond so many, the number is not counted further."""
REGIONS = {
    "eu_eea": "EU and EEA",
    "gb": "United Kingdom",
    "ch": "Switzerland",
    counting.ELSEWHERE: "elsewhere",
    counting.UNKNOWN: "unknown",
}


@dataclass(frozen=True, slots=True)
class StoreState:
    """One store as it is now. ``drift``: differences that the last comparison found."""

    alias: str
    label: str
    wait: Wait | None
    now: datetime
    parked: int
    drift: int | None
    compared_at: datetime | None

    @property
    def late(self) -> bool:
        return self.wait is not None and self.wait.late(self.now)

    @property
    def parked_words(self) -> str:
        return f"over {PARKED_SHOWN:,}" if self.parked > PARKED_SHOWN else f"{self.parked:,}"


@dataclass(frozen=True, slots=True)
class Overview:
    """Everything on the page but what needs attention elsewhere."""

    days: int
    objections: int
    charts: list[Chart]
    told: list[Reach]
    times: Chart
    stores: list[StoreState]
    behind: counting.Behind

    @property
    def troubled(self) -> list[StoreState]:
        return [store for store in self.stores if store.late or store.parked or store.drift]


def overview(days: int, now: datetime | None = None) -> Overview:
    """``days``: how far back the counted numbers go, today (UTC) included."""
    now = now or timezone.now()
    until = now.date()
    since = until - timedelta(days=days - 1)
    by_day, by_region, by_channel = _objections(since, until)
    return Overview(
        days=days,
        objections=sum(by_day.values()),
        charts=[
            charts.by_day("days", "Objections by day", by_day),
            charts.bars("regions", "Objections by region", "Region", by_region),
            charts.bars("channels", "Objections by channel", "Channel", by_channel),
        ],
        told=told(),
        times=charts.against_limits(
            "times", "Time from choice to confirmed, by store", times(since, until)
        ),
        stores=_stores(now),
        behind=counting.behind(),
    )


def _objections(since: date, until: date) -> tuple[dict[date, int], dict[str, int], dict[str, int]]:
    rows = ChoiceCount.objects.objections(settings.PURPOSE, since, until)
    by_day = {since + timedelta(days=n): 0 for n in range((until - since).days + 1)}
    by_region: dict[str, int] = defaultdict(int)
    by_channel: dict[str, int] = defaultdict(int)
    for day, region, channel, number in rows.values_list("day", "region", "channel", "number"):
        by_day[day] += number
        by_region[REGIONS.get(region, region)] += number
        by_channel[str(dict(Channel.choices).get(channel, channel))] += number
    return by_day, by_region, by_channel


def requests_near(today: date) -> "QuerySet[MemberRequest]":
    """Open requests that are late or near their deadline, the most urgent first."""
    near = MemberRequest.objects.open().filter(due_on__lte=today + REMIND_BEFORE)
    return near.order_by("due_on", "pk")


def told() -> list[Reach]:
    """How many of the members concerned were told, for each rollout of the current notice."""
    counted = Reach.objects.exclude(counted_at=None).filter(
        rollout__notice__purpose=settings.PURPOSE, rollout__notice__published_at__isnull=False
    )
    found = list(
        counted.select_related("rollout__notice").order_by(
            "-rollout__notice__version", "rollout__region"
        )
    )
    return [row for row in found if row.rollout.notice_id == found[0].rollout.notice_id]


def times(since: date, until: date) -> list[Times]:
    """How long each store took for the choices of these days; removed stores too, as it was."""
    numbers: dict[str, dict[int, int]] = defaultdict(lambda: defaultdict(int))
    worst: dict[str, float] = defaultdict(float)
    rows = LatencyCount.objects.between(since, until).order_by("store")
    for store, bucket, number, longest in rows.values_list("store", "bucket", "number", "worst"):
        numbers[store][bucket] += number
        worst[store] = max(worst[store], longest)
    return [
        Times(
            store=store,
            number=sum(buckets.values()),
            p50=min(quantile(buckets, 0.5), worst[store]),
            p99=min(quantile(buckets, 0.99), worst[store]),
            worst=worst[store],
            sla=settings.DATA_STORES[store]["SLA"] if store in settings.DATA_STORES else None,
        )
        for store, buckets in sorted(numbers.items())
    ]


def quantile(numbers: Mapping[int, int], share: float) -> float:
    """The time in seconds within which this share was confirmed, as its bucket's bound."""
    wanted = share * sum(numbers.values())
    passed = 0
    for bucket in sorted(numbers):
        passed += numbers[bucket]
        if passed >= wanted:
            return bound_of(bucket)
    return 0.0


def _stores(now: datetime) -> list[StoreState]:
    waits = {wait.store: wait for wait in sla.waits()}
    states = [_store(store.alias, store.label_text, waits, now) for store in configured()]
    others = _others(waits, {state.alias for state in states}, now)
    return [*states, *others]


def _store(alias: str, label: str, waits: Mapping[str, Wait], now: datetime) -> StoreState:
    parked = Parked.objects.open().filter(store=alias)
    compared = last_comparison(alias)
    return StoreState(
        alias=alias,
        label=label,
        wait=waits.get(alias),
        now=now,
        parked=parked[: PARKED_SHOWN + 1].count(),
        drift=compared.drift if compared else None,
        compared_at=compared.finished_at if compared else None,
    )


def _others(waits: Mapping[str, Wait], known: Iterable[str], now: datetime) -> list[StoreState]:
    """What else choices wait for, as confirmation mails."""
    return [
        StoreState(name, wait.label, wait, now, parked=0, drift=None, compared_at=None)
        for name, wait in waits.items()
        if name not in known
    ]
