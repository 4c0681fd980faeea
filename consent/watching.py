"""What alarms and metrics say about confirmation mails. Imported by the app's `ready`."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from prometheus_client.core import GaugeMetricFamily

from consent.models import MailCursor, ParkedMail
from ledger.models import Entry, Head
from propagation import metrics, sla

NAME = "confirmation-mails"
WITHIN = timedelta(hours=1)
"""Staff are told when a choice has waited for its mail for this long."""


def waiting_since(cursor: MailCursor) -> datetime | None:
    """When the oldest choice was recorded that the cursor is not past, sealed or not."""
    unsealed = Entry.objects.unsealed(cursor.partition).first()
    sealed = Entry.objects.after(cursor.partition, cursor.position).first()
    return min((entry.recorded_at for entry in (unsealed, sealed) if entry), default=None)


def waits() -> Iterator[sla.Wait]:
    waiting = [since for cursor in MailCursor.objects.all() if (since := waiting_since(cursor))]
    if waiting:
        yield sla.Wait(NAME, NAME, min(waiting), WITHIN)


def gauges(now: datetime) -> Iterator[GaugeMetricFamily]:
    heads = dict(Head.objects.values_list("partition", "position"))
    behind = metrics.gauge("mail_lag_choices", "Sealed choices not confirmed by mail.", LABELS)
    age = metrics.gauge("mail_lag_seconds", "Age of the oldest of them, sealed or not.", LABELS)
    failures = metrics.gauge("mail_failures", "Failures of the mail server in a row.", LABELS)
    cursors = {partition: MailCursor(partition=partition) for partition in heads}
    for partition, cursor in {**cursors, **MailCursor.objects.in_bulk()}.items():
        lane = [str(partition)]
        behind.add_metric(lane, max(0, heads.get(partition, 0) - cursor.position))
        age.add_metric(lane, metrics.age(waiting_since(cursor), now))
        failures.add_metric(lane, cursor.failures)
    refused = metrics.gauge("mail_refused", "Mails that the server did not take for a member.", [])
    refused.add_metric([], ParkedMail.objects.count())
    yield from (behind, age, failures, refused)


LABELS = ["partition"]
sla.OTHERS[NAME] = waits
metrics.OTHERS[NAME] = gauges
