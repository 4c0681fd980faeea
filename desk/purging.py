"""Removing what nobody needs any more (docs/security.md says what is kept, and for how long).

Never a choice, a receipt, a history or the log of access: these have no retention to end.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.models import QuerySet
from django.utils import timezone

from accounts.models import Session, UnusualAccess
from campaigns.models import Campaign, Lane, Walk
from desk import packing

BATCH = 1_000
MOST = 200
"""Batches of one kind in one run; the next run goes on."""


def purge(now: datetime | None = None) -> dict[str, int]:
    """Remove what is due, and say how many rows of what. Safe to run at any time."""
    now = now or timezone.now()
    return {name: remove(now) for name, remove in JOBS.items()}


def _sessions(now: datetime) -> int:
    return _delete(Session.objects.filter(expire_date__lt=now))


def _cached(now: datetime) -> int:
    """Counters of rate limits: Django removes expired ones only when there are very many."""
    table = connection.ops.quote_name(str(settings.CACHES["default"]["LOCATION"]))
    expired = connection.ops.adapt_datetimefield_value(now.replace(microsecond=0, tzinfo=None))
    with connection.cursor() as cursor:
        cursor.execute(f"DELETE FROM {table} WHERE expires < %s", [expired])  # noqa: S608
        return int(cursor.rowcount)


def _campaign_work(now: datetime) -> int:
    """How far a pass over members had come, and the pace of mailing, of campaigns that ended."""
    before = now - timedelta(days=settings.RETAIN_CAMPAIGN_WORK_DAYS)
    ended = Campaign.objects.filter(
        state__in=(Campaign.State.FINISHED, Campaign.State.KILLED), finished_at__lt=before
    )
    walks = Walk.objects.filter(campaign__in=ended, done_at__isnull=False)
    return _delete(walks) + _delete(Lane.objects.filter(campaign__in=ended))


def _unusual_access(now: datetime) -> int:
    before = timezone.localdate(now) - timedelta(days=settings.RETAIN_UNUSUAL_ACCESS_DAYS)
    return _delete(UnusualAccess.objects.filter(day__lt=before))


def _delete(rows: "QuerySet[Any]") -> int:
    removed = 0
    for _batch in range(MOST):
        keys = list(rows.values_list("pk", flat=True)[:BATCH])
        if not keys:
            break
        removed += rows.model._default_manager.filter(pk__in=keys).delete()[0]
    return removed


JOBS: dict[str, Callable[[datetime], int]] = {
    "sessions that have ended": _sessions,
    "counters of rate limits": _cached,
    "work of campaigns that have ended": _campaign_work,
    "reports of unusual access": _unusual_access,
    "files of evidence packs": packing.purge,
}
