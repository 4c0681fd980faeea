"""No notice, no training: the members concerned who were not told, for the training gate to leave
out, each with the reason. It goes with the snapshot that propagation exports.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, NamedTuple

from django.conf import settings
from django.db.models import F, FilteredRelation, Q, QuerySet

from accounts.models import Member
from consent.launch import members_concerned, range_end, was_told
from consent.models import Notice, Told

STEP = 20_000
"""Members that one statement looks at, however few of them are untold."""


class Why(StrEnum):
    """Reason codes; other systems read them, so they do not change."""

    NOT_MAILED = "not-mailed"
    BOUNCED = "address-bounces"
    REFUSED = "mail-refused"
    MINOR = "minor"


class Untold(NamedTuple):
    member_ref: str
    why: Why


def untold(notice: Notice, now: datetime) -> Iterator[Untold]:
    """Members in all regions of the notice who were not told of it, in the order of their keys.

    Those who joined, or whom the notice concerns, for less than UNTOLD_AFTER_DAYS are not listed.
    Read in batches by key: safe on millions, and while members come and go.
    """
    since = now - timedelta(days=settings.UNTOLD_AFTER_DAYS)
    if notice.published_at is None or notice.published_at > since:
        return
    regions = notice.rollouts.values_list("region", flat=True)
    rows = (
        members_concerned(regions)
        .filter(~was_told(notice), joined_at__lte=since)
        .annotate(
            here=FilteredRelation("told", condition=Q(told__notice=notice)),
            address=F("here__address"),
        )
        .order_by("pk")
        .values_list("member_ref", "address")
    )
    for some in _in_ranges(rows):
        yield from (Untold(member_ref, _why(address)) for member_ref, address in some)


def _in_ranges(rows: "QuerySet[Any, Any]") -> Iterator["QuerySet[Any, Any]"]:
    """A query over members, range by range."""
    after = 0
    while (upto := range_end(after, STEP)) is not None:
        yield rows.filter(pk__gt=after, pk__lte=upto)
        after = upto


def minors() -> Iterator[Untold]:
    """Members under 18 of all countries: their data is never used, told or not."""
    rows = Member.objects.filter(is_minor=True).order_by("pk").values_list("member_ref", flat=True)
    for some in _in_ranges(rows):
        yield from (Untold(member_ref, Why.MINOR) for member_ref in some)


def _why(address: str | None) -> Why:
    if address == Told.Address.BOUNCED:
        return Why.BOUNCED
    return Why.REFUSED if address == Told.Address.REFUSED else Why.NOT_MAILED
