"""When a store is reconciled: found from the database alone, whatever beat or broker forget."""

from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.utils import timezone

from propagation.models import Cursor, Reconciliation, StorePause
from propagation.registry import store_for
from propagation.stores.base import ReadableStore, StoreMisconfigured

EVERY = timedelta(hours=1)
FULL_AT = timedelta(hours=3, minutes=17)
"""Time of day (UTC) from which the nightly full pass is due."""

FULL, SAMPLE = Reconciliation.Kind.FULL, Reconciliation.Kind.SAMPLE


def due(alias: str) -> Reconciliation.Kind | None:
    """The pass that the store is due for now; from the database alone.

    Within an hour of any pass there is no other, unless it was cut off, or a sample that found
    drift was not followed by its full pass.
    """
    if not _readable(alias):
        return None
    now = timezone.now()
    newest = Reconciliation.objects.newest(alias)
    if newest and newest.finished_at is None:
        return None if newest.alive_until > now else Reconciliation.Kind(newest.kind)
    if _left_alone(alias) or not _time_for_another(newest, now):
        return None
    whole = Reconciliation.objects.whole().newest(alias)
    if whole is None or whole.started_at < _last_night(now) or _unsettled(newest):
        return FULL
    return SAMPLE


def next_due() -> str | None:
    """The store to reconcile now. One at a time, so that the relays keep their workers."""
    if Reconciliation.objects.running(timezone.now()).exists():
        return None
    return next(filter(due, settings.DATA_STORES), None)


def _readable(alias: str) -> bool:
    try:
        return alias in settings.DATA_STORES and isinstance(store_for(alias), ReadableStore)
    except (ImportError, StoreMisconfigured):
        return False  # `manage.py check` says why


def _left_alone(alias: str) -> bool:
    """Staff keep the relay away, or it has just found the store down: no news from there."""
    paused = StorePause.objects.open().filter(store=alias)
    return paused.exists() or Cursor.objects.filter(store=alias, failures__gt=0).exists()


def _time_for_another(newest: Reconciliation | None, now: datetime) -> bool:
    if newest is None or newest.started_at <= now - EVERY:
        return True
    return newest.kind == SAMPLE and newest.drift > 0


def _unsettled(newest: Reconciliation | None) -> bool:
    """Drift was seen and not repaired, as far as is known."""
    if newest is None:
        return False
    return newest.drift > 0 if newest.kind == SAMPLE else newest.error != ""


def _last_night(now: datetime) -> datetime:
    today = datetime(now.year, now.month, now.day, tzinfo=UTC) + FULL_AT
    return today if today <= now else today - timedelta(days=1)
