"""Celery tasks of the desk: hints to look at the database."""

from celery import shared_task

from desk.mails import send_due
from desk.reminders import remind


@shared_task
def sweep() -> None:
    """Send what support asked to be sent, and remind of requests."""
    send_due()
    remind()
