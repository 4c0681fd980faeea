"""Celery tasks of the desk: hints to look at the database. One that is lost comes again."""

from celery import shared_task

from desk import counting, mails, packing, purging, reminders, unusual


@shared_task
def sweep() -> None:
    """Send what support asked to be sent, and remind of requests."""
    mails.send_due()
    reminders.remind()


@shared_task
def look_for_unusual() -> None:
    """Find what stands out in the log of access, and tell of it."""
    unusual.look()


@shared_task
def purge() -> None:
    """Remove what was kept for long enough."""
    purging.purge()


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
    """Make the evidence packs that are wanted."""
    packing.make_due()
