"""Forgetting a store that is no longer configured. The ledger and the log of pauses stay."""

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from propagation.models import Alarm, Confirmation, Cursor, Parked, Reconciliation, StorePause


class RemovalError(Exception):
    """Nothing was removed; the message says why."""


def remove(alias: str, *, by: str) -> None:
    """Delete all state of the store. Configured again, it would start from the first choice.

    Raises `RemovalError` for a store that is configured, or unknown.
    """
    if alias in settings.DATA_STORES:
        raise RemovalError(f"{alias} is configured. Take it out of DATA_STORES first.")
    with transaction.atomic():
        if not Cursor.objects.filter(store=alias).delete()[0]:
            raise RemovalError(f"There is no state of a store {alias}.")
        for model in (Confirmation, Parked, Alarm, Reconciliation):
            model.objects.filter(store=alias).delete()
        StorePause.objects.open().filter(store=alias).update(
            resumed_at=timezone.now(), resumed_by=by
        )
