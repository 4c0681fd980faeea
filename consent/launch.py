"""The launch interlock: a rollout that was made while it is on is held, and starts only when it is
cleared: by itself once enough of the concerned members were told early enough, or by two people.

LAUNCH_NOTICE_DAYS is the time between the announcement and the start, and LAUNCH_TOLD_PERCENT the
share of the members concerned who must have been told.
"""

from collections.abc import Iterable
from contextlib import suppress
from datetime import date, datetime, timedelta

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from accounts.models import Member, MemberQuerySet
from accounts.regions import Region
from consent.models import Notice, Reach, Rollout, RolloutChange, Told
from ledger.models import CurrentChoice

CHECKED_EVERY = timedelta(minutes=10)
NEAR = timedelta(days=14)
"""Before its day a held rollout is counted too, so that staff see what is missing."""
LEASE = timedelta(minutes=2)
STEP = 20_000
"""Members counted in one statement."""
BY_ITSELF = "PrivacyDash"


class LaunchError(Exception):
    """Nothing was changed; the message says why, in words for staff."""


def members_concerned(regions: Iterable[str]) -> MemberQuerySet:
    """Those whose data rollouts in the regions would use, if they do not object."""
    here: MemberQuerySet = Member.objects.none()
    for region in regions:
        here |= Member.objects.living_in(Region(region))
    return here.filter(is_active=True, is_staff=False, is_minor=False)


def was_told(notice: Notice) -> Q:
    """Over members: told of the notice, or has made a choice, which nobody does unawares."""
    told = Told.objects.reached().filter(notice=notice, member=OuterRef("pk"))
    chose = CurrentChoice.objects.filter(
        member_ref=OuterRef("member_ref"), purpose=notice.purpose_id
    )
    return Q(Exists(told)) | Q(Exists(chose))


def missing(rollout: Rollout, today: date) -> list[str]:
    """What keeps the rollout from being cleared, in words for staff; from what was counted last."""
    return [words for words in (_too_early(rollout, today), _too_few(rollout)) if words]


def _too_early(rollout: Rollout, today: date) -> str:
    published = rollout.notice.published_at
    if published is None:
        return "The notice is not published."
    announced = max(rollout.announced_on, published.date())
    over = announced + timedelta(days=settings.LAUNCH_NOTICE_DAYS)
    if today >= over:
        return ""
    return f"It was announced on {announced}; the notice period is over on {over}."


def _too_few(rollout: Rollout) -> str:
    wanted = settings.LAUNCH_TOLD_PERCENT
    reach = Reach.objects.filter(rollout=rollout).exclude(counted_at=None).first()
    if not wanted:
        return ""
    if reach is None:
        return "It is not known yet how many of the members concerned were told."
    if reach.percent >= wanted:
        return ""
    return (
        f"{reach.told:,} of the {reach.concerned:,} members concerned were told: "
        f"{reach.percent:.1f} %, and {wanted} % are wanted."
    )


def due(now: datetime) -> QuerySet[Rollout]:
    """Held rollouts whose day has come or is near, and that were not looked at lately."""
    near = timezone.localdate(now) + NEAR
    held = Rollout.objects.filter(
        held=True, paused_at=None, starts_on__lte=near, notice__published_at__isnull=False
    )
    lately = Reach.objects.filter(
        Q(counted_at__gt=now - CHECKED_EVERY) | Q(leased_until__gt=now), rollout=OuterRef("pk")
    )
    return held.exclude(Exists(lately)).select_related("notice")


def check_due() -> None:
    """Count for each due rollout, and clear it if its day has come and nothing is missing."""
    for rollout in due(timezone.now()):
        check(rollout)


def check(rollout: Rollout) -> None:
    """Count who was told, and clear the rollout if its day has come and nothing is missing."""
    count_reach(rollout)
    today = timezone.localdate()
    if rollout.starts_on <= today and not missing(rollout, today):
        reach = Reach.objects.get(rollout=rollout)
        reason = f"{reach.told:,} of {reach.concerned:,} members concerned were told."
        with suppress(ValidationError):  # somebody else has cleared or changed it meanwhile
            rollout.clear(by=BY_ITSELF, reason=reason)


def count_reach(rollout: Rollout) -> None:
    """Count in ranges of keys, so that no statement takes long; one process at a time."""
    now = timezone.now()
    Reach.objects.get_or_create(rollout_id=rollout.pk)
    row = Reach.objects.filter(rollout=rollout)
    if not row.filter(Q(leased_until=None) | Q(leased_until__lte=now)).update(
        leased_until=now + LEASE
    ):
        return
    concerned = told = after = 0
    told_of = was_told(rollout.notice)
    while (upto := range_end(after)) is not None:
        members = members_concerned([rollout.region]).filter(pk__gt=after, pk__lte=upto)
        numbers = members.aggregate(all=Count("pk"), told=Count("pk", filter=told_of))
        concerned, told, after = concerned + numbers["all"], told + numbers["told"], upto
        row.update(leased_until=timezone.now() + LEASE)
    row.update(concerned=concerned, told=told, counted_at=timezone.now(), leased_until=None)


def range_end(after: int, step: int = STEP) -> int | None:
    """The last key of the next ``step`` members; None behind the last one."""
    ahead = Member.objects.filter(pk__gt=after).order_by("pk").values_list("pk", flat=True)
    bound: int | None = ahead[step - 1 : step].first() or ahead.last()
    return bound


def ask_override(rollout: Rollout, *, by: str, reason: str) -> None:
    """Ask for the rollout to start although something is missing; somebody else has to agree."""
    with transaction.atomic():
        _held(rollout, reason)
        rollout.record("override", by=by, reason=reason.strip())


def agree_to_override(rollout: Rollout, *, by: str, reason: str) -> None:
    """Clear the rollout against what is missing; it stays in its history who wanted it and why."""
    with transaction.atomic():
        _held(rollout, reason)
        asked = asked_override(rollout)
        if asked is None:
            raise LaunchError("Nobody has asked for it.")
        if asked.by == by:
            raise LaunchError("You asked for it yourself: somebody else has to agree.")
        rollout.clear(by=by, reason=reason, kind="overridden")


def asked_override(rollout: Rollout) -> RolloutChange | None:
    """The request to override that still waits for somebody's word."""
    kinds = ["override", "overridden", "cleared", "rescheduled"]
    newest = rollout.history.filter(kind__in=kinds).order_by("-at", "-pk").first()
    return newest if newest and newest.kind == "override" else None


def _held(rollout: Rollout, reason: str) -> None:
    if not reason.strip():
        raise LaunchError("Give a reason: it is part of the history.")
    if not Rollout.objects.select_for_update().filter(pk=rollout.pk, held=True).exists():
        raise LaunchError("The rollout is not held.")
