"""The tables of an evidence pack: notices, rollouts, campaigns, choices, stores, ledger, staff."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.db.models import Count, Q
from django.db.models.functions import TruncDate

from accounts.models import MemberAccess
from campaigns.figures import figures_of
from campaigns.models import Campaign
from consent.models import Notice, Reach, RolloutChange
from desk.counters import ChoiceCount, LatencyCount
from desk.dashboard import quantile
from desk.pack_scope import Scope
from desk.pack_words import Masks, staff_names
from ledger.models import Entry, Head
from ledger.verify import findings
from propagation.models import Alarm, Parked, Reconciliation, StorePause


@dataclass(frozen=True, slots=True)
class Part:
    """One table. ``about`` says what it holds and what it leaves out, for a reader.

    ``details``: what the JSON has beside the rows. ``staff``: columns that name staff; ``words``:
    columns that staff wrote freely.
    """

    name: str
    title: str
    about: str
    columns: Sequence[str]
    rows: list[list[Any]]
    details: Any = None
    staff: Sequence[str] = field(default=())
    words: Sequence[str] = field(default=())


def notices_of(scope: Scope) -> list[Notice]:
    """Those that members could have seen by the end, the oldest first."""
    found = Notice.objects.published().filter(
        published_at__lt=scope.ends, rollouts__region__in=scope.regions
    )
    return list(found.distinct().order_by("purpose", "version"))


def notices(scope: Scope) -> Part:
    rows = [
        [
            notice.purpose_id, notice.version, notice.published_at, notice.proposed_by,
            notice.published_by, ", ".join(notice.used), ", ".join(notice.never_used),
            ", ".join(sorted(notice.translations.values_list("language", flat=True))),
        ]
        for notice in notices_of(scope)
    ]  # fmt: skip
    return Part(
        "notices", "Notices",
        "Every notice that was published by the end of the time. The texts are in notices/, one "
        "file for each language. Nobody named: it was published in setting the site up.",
        ["purpose", "version", "published_at", "proposed_by", "published_by", "used", "never_used",
         "languages"],
        rows, staff=("proposed_by", "published_by"),
    )  # fmt: skip


def rollouts(scope: Scope) -> Part:
    history = RolloutChange.objects.filter(
        at__lt=scope.ends, rollout__region__in=scope.regions,
        rollout__notice__published_at__isnull=False,
    ).select_related("rollout__notice")  # fmt: skip
    rows = [
        [
            change.rollout.notice.purpose_id, change.rollout.notice.version,
            change.rollout.region, change.kind, change.at, change.by, change.reason,
            change.starts_on, change.held,
        ]
        for change in history.order_by("at", "pk")
    ]  # fmt: skip
    return Part(
        "rollouts", "History of rollouts",
        "When each notice was announced, started, moved, paused and resumed, from the beginning. "
        "“held”: it could not start yet, whatever its date.",
        ["purpose", "version", "region", "what", "at", "by", "reason", "starts_on", "held"],
        rows, staff=("by",), words=("reason",),
    )  # fmt: skip


def told(scope: Scope) -> Part:
    reached = Reach.objects.exclude(counted_at=None).filter(
        rollout__region__in=scope.regions, rollout__notice__published_at__lt=scope.ends
    )
    rows = [
        [
            reach.rollout.notice.purpose_id, reach.rollout.notice.version, reach.rollout.region,
            reach.told, reach.concerned, round(reach.percent, 2), reach.counted_at,
        ]
        for reach in reached.select_related("rollout__notice").order_by("rollout_id")
    ]  # fmt: skip
    return Part(
        "told", "Who was told",
        "Members whom each notice concerns, and how many of them were told or have chosen; as "
        "counted last.",
        ["purpose", "version", "region", "told", "concerned", "percent", "counted_at"], rows,
    )  # fmt: skip


def campaigns_of(scope: Scope) -> list[Campaign]:
    """Those that were released by the end of the time and not over before it."""
    found = Campaign.objects.filter(
        Q(finished_at=None) | Q(finished_at__gte=scope.begins), released_at__lt=scope.ends
    ).select_related("notice")
    return [
        campaign
        for campaign in found.order_by("released_at", "pk")
        if not campaign.regions or set(campaign.regions) & set(scope.regions)
    ]


def campaigns(scope: Scope) -> Part:
    chosen = campaigns_of(scope)
    return Part(
        "campaigns", "Campaigns",
        "Notice mails that were released and sent in the time: numbers as counted last. The rule, "
        "the numbers by language, provider and country, and each text are in the JSON file; the "
        "report of each campaign is in campaigns/.",
        ["campaign", "notice", "state", "prepared_by", "released_by", "released_at", "started_at",
         "finished_at", "recipients", "sent", "bounced", "failed", "left_out", "page_seen",
         "objected", "complained", "possibly_doubled"],
        [_campaign(campaign) for campaign in chosen],
        details=[_campaign_details(campaign) for campaign in chosen],
        staff=("prepared_by", "released_by"), words=("campaign",),
    )  # fmt: skip


def _campaign(campaign: Campaign) -> list[Any]:
    figures = figures_of(campaign)
    states = (figures.in_state(state) for state in ("sent", "bounced", "failed", "skipped"))
    return [
        campaign.name, str(campaign.notice), campaign.state, campaign.prepared_by,
        campaign.released_by, campaign.released_at, campaign.started_at, campaign.finished_at,
        figures.total, *states, figures.seen, figures.objected, figures.complained,
        figures.possibly_doubled,
    ]  # fmt: skip


def _campaign_details(campaign: Campaign) -> dict[str, Any]:
    rule = ("regions", "countries", "languages", "joined_before", "told", "told_days", "objected",
            "minors")  # fmt: skip
    text = ("language", "country", "account_country", "minor", "subject", "text")
    return {
        "number": campaign.pk,
        "rule": {name: getattr(campaign, name) for name in rule},
        "audience_at_release": campaign.audience,
        "figures": campaign.figures,
        "texts": list(campaign.messages.order_by("pk").values(*text)),
    }


def choices(scope: Scope) -> Part:
    counted = ChoiceCount.objects.filter(day__gte=scope.since, day__lte=scope.until)
    if scope.region:
        counted = counted.filter(region=scope.region)
    columns = ["day", "purpose", "region", "channel", "decision", "number"]
    return Part(
        "choices", "Choices by day",
        "How many choices were made, by where the member lived when the choice was counted.",
        columns, [list(row) for row in counted.order_by(*columns[:-1]).values_list(*columns)],
    )  # fmt: skip


def deliveries(scope: Scope) -> Part:
    numbers: dict[tuple[str, Any], dict[int, int]] = defaultdict(dict)
    worst: dict[tuple[str, Any], float] = defaultdict(float)
    rows = LatencyCount.objects.between(scope.since, scope.until).order_by("store", "day", "bucket")
    for store, day, bucket, number, longest in rows.values_list(
        "store", "day", "bucket", "number", "worst"
    ):
        numbers[store, day][bucket] = number
        worst[store, day] = max(longest, worst[store, day])
    return Part(
        "deliveries", "Time from choice to confirmed",
        "By the day of the choice, of all regions. p50 and p99 are at most a fifth too long; the "
        "worst is exact. What a store refused is not among them.",
        ["store", "day", "choices", "p50_seconds", "p99_seconds", "worst_seconds", "limit_seconds"],
        [
            [
                store, day, sum(buckets.values()),
                *(round(min(quantile(buckets, q), worst[store, day]), 1) for q in (0.5, 0.99)),
                round(worst[store, day], 1), _limit(store),
            ]
            for (store, day), buckets in numbers.items()
        ],
    )  # fmt: skip


def _limit(store: str) -> int | None:
    known = settings.DATA_STORES.get(store)
    return int(known["SLA"].total_seconds()) if known else None


def failures(scope: Scope) -> Part:
    return Part(
        "failures", "When stores were late, paused, or differed",
        "Each time that a store was later than its limit, was kept waiting by staff, or was "
        "compared with the ledger and differed or could not be read; and what it refuses now.",
        ["store", "what", "from", "to", "number", "by", "reason"],
        sorted(_failures(scope), key=lambda row: (row[0], str(row[2]), row[1])),
        staff=("by",), words=("reason",),
    )  # fmt: skip


def _failures(scope: Scope) -> Iterator[list[Any]]:
    begins, ends = scope.begins, scope.ends
    for alarm in Alarm.objects.filter(
        Q(cleared_at=None) | Q(cleared_at__gte=begins), raised_at__lt=ends
    ):
        yield [alarm.store, "late", alarm.since, alarm.cleared_at, None, "", ""]
    for pause in StorePause.objects.filter(
        Q(resumed_at=None) | Q(resumed_at__gte=begins), paused_at__lt=ends
    ):
        times = (pause.paused_at, pause.resumed_at)
        yield [pause.store, "paused", *times, None, pause.by, pause.reason]
    for done in Reconciliation.objects.finished().filter(
        started_at__gte=begins, started_at__lt=ends
    ):
        times = (done.started_at, done.finished_at)
        if done.error:
            yield [done.store, "could not be compared", *times, None, "", ""]
        elif done.drift:
            yield [done.store, "differed", *times, done.drift, "", f"{done.repaired} repaired"]
    open_ = Parked.objects.open().values_list("store").annotate(n=Count("pk"))
    for store, number in open_.order_by("store"):
        yield [store, "refused, open now", None, None, number, "", ""]


def ledger(scope: Scope) -> Part:
    bad: dict[str, int] = defaultdict(int)
    for line in findings():
        bad[line.partition(": ")[0]] += 1  # what follows would name members
    heads = Head.objects.order_by("partition")
    result = "sound" if not bad else "NOT sound"
    return Part(
        "ledger", "The ledger, verified",
        f"The ledger is {result}: without a gap, in order, complete, and guarded against changes. "
        "The checkpoint is the last position of each partition. It is not signed.",
        ["partition", "position", "sealed_at"],
        [[head.partition, head.position, head.sealed_at] for head in heads],
        details={
            "sound": not bad,
            "findings": dict(bad),
            "not_sealed_yet": Entry.objects.filter(position=None).count(),
            "signed": False,
        },
    )  # fmt: skip


def staff_access(scope: Scope) -> Part:
    log = MemberAccess.objects.filter(at__gte=scope.begins, at__lt=scope.ends)
    if scope.member:
        log = log.filter(member_ref=scope.member.member_ref)
    rows = (
        log.annotate(day=TruncDate("at"))
        .values_list("day", "by", "what")
        .annotate(times=Count("pk"), members=Count("member_ref", distinct=True))
        .order_by("day", "by", "what")
    )
    return Part(
        "staff_access", "Access of staff to members",
        "Who of the staff looked at or changed members’ data, how often, and how many members. "
        "Staff are named by reference, members not at all.",
        ["day", "by", "what", "times", "members"], [list(row) for row in rows], staff=("by",),
    )  # fmt: skip


def cleaned(part: Part) -> Part:
    """Without addresses of staff, and without members in words that staff wrote."""
    by, said = ([part.columns.index(name) for name in names] for names in (part.staff, part.words))
    names = staff_names(row[index] for row in part.rows for index in by)
    masks = Masks(row[index] for row in part.rows for index in said)
    for row in part.rows:
        for index in by:
            row[index] = names.get(row[index], row[index])
        for index in said:
            row[index] = masks.mask(row[index])
    return part
