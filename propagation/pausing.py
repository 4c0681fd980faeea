"""Staff keep the relay away from a store for a while. Its SLA clock keeps running."""

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from propagation.models import Cursor, StorePause


class PauseError(Exception):
    """Nothing was changed; the message says why."""


def pause(alias: str, *, by: str, reason: str) -> StorePause:
    """Have no further batch carried to the store; one that is under way is finished.

    Raises `PauseError` without a reason, for an unknown store, and if it is paused already.
    """
    if not reason.strip():
        raise PauseError("A pause needs a reason: others will wonder why the store waits.")
    if alias not in settings.DATA_STORES and not Cursor.objects.filter(store=alias).exists():
        raise PauseError(f"There is no store {alias}.")
    try:
        with transaction.atomic():
            return StorePause.objects.create(
                store=alias, paused_at=timezone.now(), by=by, reason=reason.strip()
            )
    except IntegrityError:
        raise PauseError(f"The store {alias} is paused already.") from None


def resume(alias: str, *, by: str) -> None:
    """Let the relay work again; the next sweep starts it. Raises `PauseError` if not paused."""
    paused = StorePause.objects.open().filter(store=alias)
    if not paused.update(resumed_at=timezone.now(), resumed_by=by):
        raise PauseError(f"The store {alias} is not paused.")


def is_paused(alias: str) -> bool:
    return StorePause.objects.open().filter(store=alias).exists()
