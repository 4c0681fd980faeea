"""Celery tasks of the confirmation mails: hints to look at the database, as those of the stores."""

from celery import shared_task

from consent import confirming


@shared_task
def sweep_mails() -> None:
    """Find the choices that wait for their mail, from the database alone."""
    for partition in confirming.behind():
        send_confirmations.delay(partition)


@shared_task
def send_confirmations(partition: int) -> None:
    """Mail choices of one partition; hands on to a new task so that mails hold no worker."""
    if confirming.send_confirmations(partition):
        send_confirmations.delay(partition)
