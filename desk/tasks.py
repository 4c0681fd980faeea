"""Celery tasks of the desk: hints to look at the database, which holds all state."""

from celery import shared_task
from django.utils import timezone

from desk import counting, packing


@shared_task
def count() -> None:
    """Count for the dashboard what has come since; hands on to a new task if it is much."""
    if counting.count_on():
        count.delay()


@shared_task
def count_reach() -> None:
    """Count who was told, for the dashboard, where that is long ago."""
    counting.count_reach_due()


@shared_task
def make_packs() -> None:
    """Make the evidence packs that are wanted, and delete files that were kept for long enough."""
    packing.make_due()
    packing.purge(timezone.now())
