"""Confirming each choice by mail, without a word of it in the request that records the choice.

A cursor of its own goes through the sealed ledger, as those of the stores do. A mail is sent, then
recorded, then the cursor moves: whoever dies in between leaves one mail to come twice, and none
to be forgotten. It needs no wake-up message; each sweep of beat looks.
"""

import logging
import time
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from smtplib import SMTPDataError, SMTPRecipientsRefused
from typing import Any, Protocol

from django.conf import settings
from django.core.mail import EmailMessage, mailers
from django.db import Error as DatabaseError
from django.utils import timezone

from accounts.models import Member
from consent.confirmation_mail import NoNotice, confirmation_mail
from consent.models import MailCursor, ParkedMail, SentMail
from ledger.models import Channel, Entry, Head
from propagation.backoff import backoff

logger = logging.getLogger(__name__)

LEASE = timedelta(minutes=5)
"""Longer than a mail server may take for one mail; each of its steps has a time limit."""
BATCH = 200
STUBBORN = 8
"""Failures in a row on one mail, with a server that answers, after which it is parked."""
RETRIES = (timedelta(minutes=15), timedelta(hours=1), timedelta(hours=6), *[timedelta(days=1)] * 7)
"""The waits before a parked mail is tried again; after the last of them it is given up."""


class LeaseLost(Exception):
    """Another worker has taken over, and sends what is left."""


class Refused(Exception):
    """This mail is not taken; those to others may be."""


class Connection(Protocol):
    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int: ...


def send_confirmations(partition: int, budget: float = 10.0) -> bool:
    """Mail until all choices of the partition are confirmed, the mail server fails, or ``budget``
    seconds are over.

    Returns True if there is more to do at once. Safe to run at any time, any number of times: all
    but one return without doing anything.
    """
    MailCursor.objects.get_or_create(partition=partition)
    cursor = MailCursor.objects.claim(partition, timezone.now(), LEASE)
    if cursor is None:
        return False
    try:
        with mailers.default as connection:
            more = _work(cursor, connection, time.monotonic() + budget)
    except LeaseLost:
        return False
    except OSError as error:  # SMTPException is one
        _back_off(cursor, error)
        return False
    except Exception as error:
        logger.exception("confirmation mails failed unexpectedly")
        _back_off(cursor, error)
        return False
    MailCursor.objects.held(cursor).update(leased_until=None)
    return more


def behind() -> list[int]:
    """Partitions with mails to send, leaving out those that back off or are being worked on."""
    now = timezone.now()
    heads = dict(Head.objects.values_list("partition", "position"))
    parked = set(ParkedMail.objects.due(now).values_list("partition", flat=True).distinct())
    MailCursor.objects.bulk_create(
        [MailCursor(partition=partition) for partition in heads], ignore_conflicts=True
    )
    return [
        cursor.partition
        for cursor in MailCursor.objects.due(now)
        if cursor.position < heads.get(cursor.partition, 0) or cursor.partition in parked
    ]


def _work(cursor: MailCursor, connection: Connection, end: float) -> bool:
    """Send under a held lease. True: the time ended before the work did."""
    while entries := list(Entry.objects.after(cursor.partition, cursor.position)[:BATCH]):
        without: Counter[str] = Counter()
        for entry in entries:
            if reason := _confirm(cursor, connection, entry):
                without[reason] += 1
            if time.monotonic() >= end:
                return True
        _move(cursor, entries[-1])
        if without:
            logger.info("choices without a confirmation mail: %s", dict(without))
    # Last: one that breaks the connection must not stand before others.
    parked = ParkedMail.objects.due(timezone.now()).filter(partition=cursor.partition)
    for mail in parked.select_related("member")[:BATCH]:
        _try_again(cursor, connection, mail)
        if time.monotonic() >= end:
            return True
    return False


def _confirm(cursor: MailCursor, connection: Connection, entry: Entry) -> str:
    """Mail one choice, and move past it; or say why there is no mail about it."""
    if entry.channel == Channel.IMPORT and not settings.CONFIRM_IMPORTS:
        return "imported"
    # Looked up one by one: who is erased while others are mailed gets no mail any more.
    member = Member.objects.filter(member_ref=entry.member_ref).first()
    if member is None:
        return "no such member here"
    if reason := _reason_for_none(member, entry):
        return reason
    try:
        _send(connection, member, entry)
    except Refused as error:
        _park(cursor, member, entry, str(error))
    except OSError as error:
        if cursor.failures < STUBBORN:
            raise
        _park(cursor, member, entry, str(error))
        _move(cursor, entry)
        raise
    _move(cursor, entry)
    return ""


def _reason_for_none(member: Member, entry: Entry) -> str:
    if not member.is_active:
        return "closed account"
    if not member.email:
        return "no address"
    sent = SentMail.objects.filter(member=member, kind=SentMail.Kind.CONFIRMATION)
    return "sent" if sent.filter(purpose=entry.purpose, revision=entry.revision).exists() else ""


def _send(connection: Connection, member: Member, entry: Entry) -> None:
    """Raises `Refused`, and OSError if it is not about this mail."""
    try:
        mail = confirmation_mail(member, entry)
        connection.send_messages([mail])
    except SMTPRecipientsRefused as error:
        code, text = next(iter(error.recipients.values()))
        raise Refused(f"{code} {text.decode(errors='replace')}") from error
    except SMTPDataError as error:
        raise Refused(str(error)) from error
    except NoNotice:
        raise Refused("no notice is published for this purpose") from None
    except (OSError, DatabaseError):
        raise
    except Exception as error:  # an address that is none, a text that is not there
        raise Refused(f"{type(error).__name__}: {error}") from error
    SentMail.objects.record(
        member.pk,
        kind=SentMail.Kind.CONFIRMATION,
        purpose=entry.purpose,
        revision=entry.revision,
        notice_version=entry.notice_version,
        language=mail.extra_headers["Content-Language"],
    )


def _move(cursor: MailCursor, entry: Entry) -> None:
    _hold(cursor, position=entry.position, failures=0, next_attempt_at=None)
    cursor.position, cursor.failures = entry.position or 0, 0


def _hold(cursor: MailCursor, **values: Any) -> None:
    leased = {"leased_until": timezone.now() + LEASE, **values}
    if not MailCursor.objects.held(cursor).update(**leased):
        raise LeaseLost


def _park(cursor: MailCursor, member: Member, entry: Entry, reason: str) -> None:
    ParkedMail.objects.update_or_create(
        member=member,
        purpose=entry.purpose,
        revision=entry.revision,
        defaults={
            "partition": cursor.partition,
            "reason": reason[:2_000],
            "retry_at": timezone.now() + RETRIES[0],
        },
    )
    # Without the reason: servers like to repeat the address in it.
    logger.warning("a confirmation mail was refused, and is tried again later")


def _try_again(cursor: MailCursor, connection: Connection, parked: ParkedMail) -> None:
    """Offer a parked mail once more. It never holds up others, whatever becomes of it."""
    entry = Entry.objects.get(
        member_ref=parked.member.member_ref, purpose=parked.purpose, revision=parked.revision
    )
    try:
        if not _reason_for_none(parked.member, entry):
            _send(connection, parked.member, entry)
    except Refused as error:
        _postpone(parked, str(error))
    except OSError as error:
        _postpone(parked, str(error))
        raise
    else:
        parked.delete()
    _hold(cursor)


def _postpone(parked: ParkedMail, reason: str) -> None:
    left = RETRIES[parked.attempts :]
    ParkedMail.objects.filter(pk=parked.pk).update(
        attempts=parked.attempts + 1,
        reason=reason[:2_000],
        retry_at=timezone.now() + left[0] if left else None,
    )


def _back_off(cursor: MailCursor, error: Exception) -> None:
    failures = cursor.failures + 1
    MailCursor.objects.held(cursor).update(
        failures=failures,
        last_error=f"{type(error).__name__}: {error}"[:2_000],
        next_attempt_at=timezone.now() + backoff(failures),
        leased_until=None,
    )
    logger.warning("no mails are sent now: %s, %d in a row", type(error).__name__, failures)
