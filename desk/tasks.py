"""Celery tasks of the desk: hints to look at the database. One that is lost comes again."""

from celery import shared_task

from desk import mails, purging, reminders, unusual


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
