"""Keeps `desk.counters`: walks the ledger and the confirmations by position, in batches.

The cursor moves in the transaction that adds what it passed, under its row lock: each choice is
counted once, whatever is killed or runs twice.
"""

import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db import connection, transaction
from django.db.models import F
from django.db.models.functions import Greatest
from django.utils import timezone

from accounts.models import Member
from consent import launch
from consent.models import Notice, Reach, Rollout
from desk.counters import ChoiceCount, Counted, LatencyCount, bucket_of
from ledger.models import Entry, Head
from propagation.models import Confirmation, Cursor, Parked

BATCH = 5_000
BUDGET = 20.0
"""Seconds of work after which a task hands on."""
REACH_EVERY = timedelta(hours=6)
"""How old the count of those who were told may become, which looks at each member."""
ELSEWHERE, UNKNOWN = "elsewhere", "unknown"


def count_on(budget: float = BUDGET) -> bool:
    """Count what has come since; True if the time ended before the work did."""
    end = time.monotonic() + budget
    for counted in _lanes():
        while _count(counted):
            if time.monotonic() >= end:
                return True
    return False


def recount() -> None:
    """Forget all numbers, to count them again; the caller then calls `count_on`.

    Regions are then those of today: nobody keeps where a member lived before.
    """
    with transaction.atomic():
        list(Counted.objects.select_for_update().order_by("pk"))
        ChoiceCount.objects.all().delete()
        LatencyCount.objects.all().delete()
        Counted.objects.update(position=0)


@dataclass(frozen=True, slots=True)
class Behind:
    """How far the counting is: choices counted, and choices sealed."""

    counted: int
    sealed: int

    @property
    def left(self) -> int:
        return max(0, self.sealed - self.counted)


def behind() -> Behind:
    rows = dict(Counted.objects.filter(store="").values_list("partition", "position"))
    return Behind(sum(rows.values()), sum(Head.objects.values_list("position", flat=True)))


def count_reach_due() -> None:
    """Count again who was told, for rollouts of current notices that were not counted lately."""
    before = timezone.now() - REACH_EVERY
    for rollout in _current_rollouts():
        if not Reach.objects.filter(rollout=rollout, counted_at__gt=before).exists():
            launch.count_reach(rollout)


def _current_rollouts() -> Iterator[Rollout]:
    for purpose in Notice.objects.published().values_list("purpose", flat=True).distinct():
        notice = Notice.objects.current(purpose)
        yield from notice.rollouts.select_related("notice") if notice else ()


def _lanes() -> Iterator[Counted]:
    """All that there is to count: choices of each partition, then stores in each partition."""
    for partition in Head.objects.order_by("pk").values_list("pk", flat=True):
        yield Counted.objects.get_or_create(store="", partition=partition)[0]
    for store, partition in Cursor.objects.order_by("pk").values_list("store", "partition"):
        yield Counted.objects.get_or_create(store=store, partition=partition)[0]


def _count(counted: Counted) -> bool:
    """Count one batch; False if there was none."""
    with transaction.atomic():
        held = _held(counted)
        if held is None:
            return False
        position = _count_store(held) if held.store else _count_choices(held)
        if position is None:
            return False
        Counted.objects.filter(pk=held.pk).update(position=position)
    return True


def _held(counted: Counted) -> Counted | None:
    """The row, locked; None while somebody else counts there."""
    skip = connection.features.has_select_for_update_skip_locked
    rows = Counted.objects.select_for_update(skip_locked=skip).filter(pk=counted.pk)
    held: Counted | None = rows.first()
    return held


def _count_choices(held: Counted) -> int | None:
    rows = list(
        Entry.objects.after(held.partition, held.position).values_list(
            "position", "recorded_at", "purpose", "member_ref", "channel", "decision"
        )[:BATCH]
    )
    regions = regions_of({row[3] for row in rows})
    found = Counter(
        (purpose, at.date(), regions.get(ref, UNKNOWN), channel, decision)
        for _position, at, purpose, ref, channel, decision in rows
    )
    for key in sorted(found):
        purpose, day, region, channel, decision = key
        row, _made = ChoiceCount.objects.get_or_create(
            purpose=purpose, day=day, region=region, channel=channel, decision=decision
        )
        ChoiceCount.objects.filter(pk=row.pk).update(number=F("number") + found[key])
    return rows[-1][0] if rows else None


def regions_of(member_refs: Iterable[str]) -> dict[str, str]:
    """Where the members live, by what is known now."""
    members = Member.objects.filter(member_ref__in=member_refs)
    return {
        member.member_ref: _region(member)
        for member in members.only("member_ref", "country", "stated_country")
    }


def _region(member: Member) -> str:
    country = member.residence.country
    if country is None or member.residence.disputed:
        return UNKNOWN
    return country.region.value if country.region else ELSEWHERE


def _count_store(held: Counted) -> int | None:
    """Up to the last confirmation that lies within one batch of choices, or in a large one."""
    lane = {"store": held.store, "partition": held.partition}
    ahead = Confirmation.objects.filter(**lane, position__gt=held.position).order_by("position")
    # A confirmation may be of more choices than a batch: it is then gone through in parts.
    upto = held.position + BATCH
    confirmed = list(ahead.filter(position__lte=upto).values_list("position", "confirmed_at"))
    following = ahead.filter(position__gt=upto).values_list("position", "confirmed_at").first()
    if following:
        confirmed.append(following)
    if not confirmed:
        return None
    end = min(confirmed[-1][0], upto)
    _add_latencies(held, end, confirmed)
    return end


def _add_latencies(held: Counted, end: int, confirmed: list[tuple[int, datetime]]) -> None:
    rows = Entry.objects.after(held.partition, held.position).filter(position__lte=end)
    refused = set(
        Parked.objects.filter(store=held.store, partition=held.partition)
        .filter(member_ref__in=rows.values("member_ref"))
        .values_list("member_ref", "purpose", "revision")
    )
    numbers: Counter[tuple[date, int]] = Counter()
    worst: dict[tuple[date, int], float] = {}
    batches = iter(confirmed)
    upto, at = next(batches)
    for position, recorded_at, *key in rows.values_list(
        "position", "recorded_at", "member_ref", "purpose", "revision"
    ):
        while (position or 0) > upto:  # sealed ones have one
            upto, at = next(batches)
        if tuple(key) in refused:
            continue
        seconds = max(0.0, (at - recorded_at).total_seconds())
        slot = (recorded_at.date(), bucket_of(seconds))
        numbers[slot] += 1
        worst[slot] = max(seconds, worst.get(slot, 0.0))
    for slot in sorted(numbers):
        day, bucket = slot
        row, _made = LatencyCount.objects.get_or_create(store=held.store, day=day, bucket=bucket)
        LatencyCount.objects.filter(pk=row.pk).update(
            number=F("number") + numbers[slot], worst=Greatest("worst", worst[slot])
        )
