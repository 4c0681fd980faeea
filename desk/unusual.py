"""What stands out in the log of access to members: kept for officers, and mailed once a day.

Each look goes through what was logged since the last one, so that nothing is missed while no
worker runs. Staff are named by reference.
"""

import logging
from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from django.conf import settings
from django.core.mail import send_mail
from django.db.models.functions import Greatest
from django.utils import timezone

from accounts.models import MemberAccess, UnusualAccess
from propagation.models import Heartbeat

logger = logging.getLogger(__name__)

WINDOW = timedelta(hours=1)
LEASE = timedelta(minutes=2)
"""Longer than a mail server may hang; also the time between two attempts to send."""
NAME = "unusual access"
SHOWN = timedelta(days=30)

FOUND_TIMES = 4
"""Searches find others than the one who is meant: it takes so many more of them to stand out."""

type Access = tuple[str, str, str, datetime]
"""Who of staff, which member, what, when."""


@dataclass(slots=True)
class _Seen:
    """What one member of staff did on one day, as far as it stands out in one way."""

    first: datetime
    last: datetime
    refs: set[str] = field(default_factory=set)
    most: int = 0


def recent(now: datetime | None = None) -> list[UnusualAccess]:
    """What stood out lately, the newest day first: for the officer's dashboard."""
    today = timezone.localdate(now, settings.STAFF_TIME_ZONE)
    return list(UnusualAccess.objects.since(today - SHOWN))


def look(now: datetime | None = None) -> None:
    """Go through what was logged since the last look, keep what stands out, and mail it.

    Safe to run at any time and more than once. Never raises because of mail.
    """
    now = now or timezone.now()
    last = Heartbeat.objects.filter(name=NAME).values_list("seen_at", flat=True).first()
    # From the beginning of the day on: a day's row counts its members.
    since = _day_began(last or now) - WINDOW
    accesses = MemberAccess.objects.filter(at__gt=since, at__lte=now).exclude(member_ref="")
    rows = accesses.order_by("at", "pk").values_list("by", "member_ref", "what", "at")
    _keep(_stands_out(rows.iterator(chunk_size=5_000)))
    Heartbeat.objects.update_or_create(name=NAME, defaults={"seen_at": now})
    _tell(now)


def _day_began(now: datetime) -> datetime:
    local = now.astimezone(settings.STAFF_TIME_ZONE)
    return local.replace(hour=0, minute=0, second=0, microsecond=0)


type _Found = dict[tuple[str, str, date], "_Seen"]


def _stands_out(rows: Iterable[Access]) -> _Found:
    """By kind, member of staff and day; ``rows`` in the order of time."""
    known = set(settings.WELL_KNOWN_MEMBERS)
    found: _Found = {}
    windows: dict[str, _Hour] = {}
    for by, ref, what, at in rows:
        many = windows.setdefault(by, _Hour()).add(ref, what, at)
        day = timezone.localdate(at, settings.STAFF_TIME_ZONE)
        kinds = {
            UnusualAccess.Kind.MANY: many > 0,
            UnusualAccess.Kind.KNOWN: ref in known,
            UnusualAccess.Kind.HOURS: _outside_hours(at),
        }
        for kind in (kind for kind, stands_out in kinds.items() if stands_out):
            seen = found.setdefault((kind, by, day), _Seen(at, at))
            seen.last = at
            seen.refs.add(ref)
            seen.most = max(seen.most, many if kind == UnusualAccess.Kind.MANY else len(seen.refs))
    return found


class _Hour:
    """What one member of staff did within the last hour."""

    def __init__(self) -> None:
        self.opened, self.met = _Window(), _Window()

    def add(self, ref: str, what: str, at: datetime) -> int:
        """How many members, where that is many; else 0."""
        limit: int = settings.ACCESS_ALERT_MEMBERS
        met = self.met.add(ref, at)
        opened = self.opened.add(ref, at) if what != MemberAccess.What.SEARCHED else 0
        return opened if opened >= limit else met if met >= limit * FOUND_TIMES else 0


class _Window:
    """Different members within an hour."""

    def __init__(self) -> None:
        self.accesses: deque[tuple[datetime, str]] = deque()
        self.members: Counter[str] = Counter()

    def add(self, ref: str, at: datetime) -> int:
        """How many there are, with this one."""
        self.accesses.append((at, ref))
        self.members[ref] += 1
        while self.accesses[0][0] <= at - WINDOW:
            _at, gone = self.accesses.popleft()
            self.members[gone] -= 1
            if not self.members[gone]:
                del self.members[gone]
        return len(self.members)


def _outside_hours(at: datetime) -> bool:
    local = at.astimezone(settings.STAFF_TIME_ZONE)
    first, last = settings.STAFF_HOURS
    weekend = local.weekday() >= 5 and not settings.STAFF_WEEKENDS
    return weekend or not first <= local.hour < last


def _keep(found: _Found) -> None:
    for (kind, by, day), seen in found.items():
        row, made = UnusualAccess.objects.get_or_create(
            kind=kind,
            by=by,
            day=day,
            defaults={"members": seen.most, "first_at": seen.first, "last_at": seen.last},
        )
        if not made:
            UnusualAccess.objects.filter(pk=row.pk).update(
                members=Greatest("members", seen.most), last_at=Greatest("last_at", seen.last)
            )
        else:
            logger.warning("unusual access by %s: %s", by, row.get_kind_display())


def _tell(now: datetime) -> None:
    """One mail about each that nobody was told of. A process that dies leaves it to the next."""
    for row in UnusualAccess.objects.untold(now):
        claimed = UnusualAccess.objects.untold(now).filter(pk=row.pk)
        if not claimed.update(leased_until=now + LEASE):
            continue
        try:
            _mail(row)
        except Exception as error:  # noqa: BLE001 — each mail backend has errors of its own
            logger.error("no mail about unusual access was sent (%s)", type(error).__name__)
            return
        UnusualAccess.objects.filter(pk=row.pk).update(told_at=now, leased_until=None)


def _mail(row: UnusualAccess) -> None:
    if not settings.ALERT_RECIPIENTS:
        logger.error("ALERT_RECIPIENTS is empty: nobody is told of unusual access")
        return
    body = (
        f"Member of staff {row.by}: {row.get_kind_display()}.\n"
        f"{row.members} members, first at {row.first_at:%Y-%m-%d %H:%M} UTC.\n\n"
        "This can be right, on a busy day or for a request of many. Please ask, and look at the "
        f"log:\n{settings.SITE_URL}/admin/accounts/memberaccess/?q={row.by}\n\n"
        "There is one mail a day for each kind and each member of staff."
    )
    subject = f"[PrivacyDash] Unusual access: {row.get_kind_display()}"
    send_mail(subject, body, None, settings.ALERT_RECIPIENTS)
