"""Celery tasks: hints to look at the database. Losing one delays work until the next sweep."""

from contextlib import suppress

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from ledger.seal import partitions, seal_all
from propagation import alarms, schedule
from propagation import reconcile as reconciling
from propagation import relay as relaying
from propagation.models import Cursor, Heartbeat


@shared_task
def seal(partition: int = 0) -> None:
    """Seal what was recorded and wake the relays."""
    if seal_all(partition):
        _wake_relays()


@shared_task
def relay(store: str, partition: int = 0) -> None:
    """Carry choices to one store; hands on to a new task so that no store holds a worker."""
    if store in settings.DATA_STORES and relaying.relay(store, partition):
        relay.delay(store, partition)


@shared_task
def reconcile(store: str) -> None:
    """Compare one store with the ledger, if it is due. A pass that is killed starts again."""
    if kind := schedule.due(store):
        with suppress(reconciling.AlreadyRunning):
            reconciling.reconcile(store, full=kind == schedule.FULL)


@shared_task
def reconcile_now(store: str, *, full: bool) -> None:
    """Compare one store with the ledger because staff asked for it."""
    if store in settings.DATA_STORES:
        with suppress(reconciling.AlreadyRunning):
            reconciling.reconcile(store, full=full)


@shared_task
def sweep() -> None:
    """Find all work from the database alone, whatever messages were lost."""
    Heartbeat.objects.update_or_create(name="sweep", defaults={"seen_at": timezone.now()})
    in_use = partitions()
    for partition in in_use:
        seal_all(partition)
    Cursor.objects.bulk_create(
        [Cursor(store=alias, partition=p) for alias in settings.DATA_STORES for p in in_use],
        ignore_conflicts=True,
    )
    _wake_relays()
    if store := schedule.next_due():
        reconcile.apply_async((store,), expires=60)  # until it has begun, each sweep sends one
    alarms.watch()  # last: a mail server may be slow


def _wake_relays() -> None:
    for store, partition in relaying.behind():
        relay.delay(store, partition)
