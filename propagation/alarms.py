"""Telling staff once that a store is late, and once that it has recovered.

Both are rows first. A mail is claimed with a lease, sent, and only then marked as sent: a process
that dies in between leaves it to the next one, so at worst a mail comes twice and never not at all.
"""

import logging
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.conf import settings
from django.core.mail import send_mail
from django.db import transaction
from django.template.loader import render_to_string
from django.utils import timezone

from propagation.models import Alarm
from propagation.report import Standing, standings
from propagation.sla import OTHERS, Wait, waits

logger = logging.getLogger(__name__)

LEASE = timedelta(minutes=2)
"""Longer than a mail server may hang; also the time between two attempts to send."""


def watch() -> list[Wait]:
    """Look at the SLAs, write down what changed, and mail it. Returns the stores that are late.

    Safe to run at any time, in any number of processes: each change is mailed by one of them.
    Never raises because of mail.
    """
    now = timezone.now()
    waiting = list(waits())
    _write_down(waiting, now)
    _tell()
    return sorted((wait for wait in waiting if wait.late(now)), key=lambda wait: wait.since)


def _write_down(waiting: Iterable[Wait], now: datetime) -> None:
    ringing = set(Alarm.objects.open().values_list("store", flat=True))
    unwell = set()
    for wait in waiting:
        # Between well and late an alarm stays as it is: a store that is about as slow as its SLA
        # must not ring and recover by the second.
        if not wait.well(now):
            unwell.add(wait.store)
        if wait.late(now) and wait.store not in ringing:
            alarm = Alarm(store=wait.store, since=wait.since, raised_at=now)
            Alarm.objects.bulk_create([alarm], ignore_conflicts=True)  # another may have been first
            logger.error("%s is late: a choice waits since %s", wait.store, wait.since)
    for store in ringing - unwell:
        if Alarm.objects.open().filter(store=store).update(cleared_at=now):
            logger.warning("%s is no longer late", store)


def _tell() -> None:
    """Send one mail about all that staff were not told of yet."""
    if not Alarm.objects.untold().exists():
        return
    alarms = list(Alarm.objects.claim(timezone.now(), LEASE))
    if not alarms:
        return
    try:
        _mail(alarms)
    except Exception as error:  # noqa: BLE001 — each mail backend has errors of its own
        # Without its text, which may hold an address. The lease ends, and it is tried again.
        logger.error("no mail about late stores was sent (%s)", type(error).__name__)
        return
    _mark_told(alarms)


def _mail(alarms: list[Alarm]) -> None:
    if not settings.ALERT_RECIPIENTS:
        logger.error("ALERT_RECIPIENTS is empty: nobody is told that a store is late")
        return
    late = [alarm for alarm in alarms if not alarm.cleared_at]
    recovered = [alarm for alarm in alarms if alarm.cleared_at]
    names = ", ".join(alarm.store for alarm in late or recovered)
    subject = f"Late: {names}" if late else f"Recovered: {names}"
    body = render_to_string(
        "propagation/alarm_mail.txt",
        {
            "late": [(alarm, _worst(alarm.store)) for alarm in late],
            "recovered": recovered,
            "configured": settings.DATA_STORES.keys() | OTHERS.keys(),
            "site_url": settings.SITE_URL,
        },
    )
    send_mail(f"[PrivacyDash] {subject}", body, None, settings.ALERT_RECIPIENTS)


def _worst(store: str) -> Standing | None:
    """The state in the partition where the store is furthest behind."""
    return max(standings(store), key=lambda standing: standing.behind, default=None)


def _mark_told(alarms: list[Alarm]) -> None:
    """As the alarms were when the mail was written: one that cleared since is told of next."""
    now = timezone.now()
    with transaction.atomic():
        for alarm in alarms:
            told = {"late_told_at": alarm.late_told_at or now, "lease": None, "leased_until": None}
            if alarm.cleared_at:
                told["recovery_told_at"] = now
            Alarm.objects.filter(pk=alarm.pk, lease=alarm.lease).update(**told)
