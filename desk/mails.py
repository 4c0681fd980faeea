"""Mails that support has sent to members: the link or a receipt again, and about corrections.

A row asks for each (`SupportMail`), so that a mail server that is away delays them and loses none.
A mail is sent, then noted: who dies in between leaves one to come twice.
"""

import logging
from datetime import timedelta
from smtplib import SMTPDataError, SMTPRecipientsRefused

from django.conf import settings
from django.core.mail import EmailMultiAlternatives, mailers
from django.db import Error as DatabaseError
from django.db import transaction
from django.urls import reverse
from django.utils import timezone, translation

from accounts.languages import language_of
from accounts.models import Member
from campaigns.mailing import notice_mail
from consent import told
from consent.confirmation_mail import NoNotice, confirmation_mail
from consent.confirming import RETRIES
from consent.mails import member_mail
from consent.models import Notice, SentMail
from consent.receipt_pdf import receipt_as_pdf
from consent.receipts import issue_receipt
from consent.situation import situation_of
from desk.models import SupportMail
from ledger.models import CurrentChoice, Entry

logger = logging.getLogger(__name__)

BATCH = 100
LEASE = timedelta(minutes=5)
"""For which nobody else tries a mail; longer than a mail server may take for it."""

Kind = SupportMail.Kind


def send_due() -> None:
    """Send what is due. Safe to run at any time and any number of times."""
    now = timezone.now()
    due = SupportMail.objects.due(now).select_related("member").order_by("retry_at")
    for mail in due[:BATCH]:
        if SupportMail.objects.claim(mail.pk, now, LEASE):
            _send(mail)


def _send(mail: SupportMail) -> None:
    try:
        if not mail.member.is_active or not mail.member.email:
            _fail(mail, "The account is closed or has no address.", final=True)
            return
        message = build(mail)
        with mailers.default as connection:
            connection.send_messages([message])
    except NoNotice:
        _fail(mail, "No notice is published yet.")
    except SMTPRecipientsRefused as error:
        _fail(mail, str(next(iter(error.recipients.values()))[0]))
    except SMTPDataError as error:
        _fail(mail, f"{error.smtp_code}")
    except OSError as error:  # SMTPException is one
        _fail(mail, type(error).__name__)
    except Exception as error:  # an address that is none: others must not wait for it
        logger.exception("a mail of support could not be made")
        _fail(mail, type(error).__name__)
    else:
        _sent(mail, message)


def build(mail: SupportMail) -> EmailMultiAlternatives:
    """The mail, in the member's language; not sent yet. Raises NoNotice."""
    if mail.kind == Kind.LINK:
        notice = Notice.objects.current(mail.purpose)
        if notice is None:
            raise NoNotice
        return notice_mail(mail.member, notice)
    entry = Entry.objects.of(mail.member.member_ref, mail.purpose).get(revision=mail.revision or 0)
    if mail.kind == Kind.RECEIPT:
        return _receipt(mail.member, entry)
    return _correction(mail.member, entry)


def _receipt(member: Member, entry: Entry) -> EmailMultiAlternatives:
    """The confirmation of the choice once more, with the receipt in it."""
    message = confirmation_mail(member, entry)
    # With the id of the first one, mail programs would hide it.
    message.extra_headers.pop("Message-ID", None)
    with translation.override(language_of(member)):
        receipt = issue_receipt(member, entry)
        if receipt is None:
            raise NoNotice
        name = f"receipt-{entry.revision}"
        message.attach(f"{name}.pdf", receipt_as_pdf(receipt), "application/pdf")
        message.attach(f"{name}.json", receipt.as_json(), "application/json")
    return message


def _correction(member: Member, entry: Entry) -> EmailMultiAlternatives:
    notice = Notice.objects.current(entry.purpose)
    if notice is None:
        raise NoNotice
    with translation.override(language_of(member)):
        text = notice.text()
        context = {
            "text": text,
            "situation": situation_of(member, notice, text),
            "entry": entry,
            "choice": CurrentChoice.objects.get(member_ref=entry.member_ref, purpose=entry.purpose),
            "sign_in": f"{settings.SITE_URL}{reverse('account_login')}?next={reverse('dashboard')}",
        }
        language = translation.get_language() or ""
        return member_mail(member, "desk/correction_mail", context, language=language)


def _sent(mail: SupportMail, message: EmailMultiAlternatives) -> None:
    now = timezone.now()
    with transaction.atomic():
        if not told.lock_members([mail.member_id]):
            return  # erased meanwhile, and with the member the row
        SupportMail.objects.filter(pk=mail.pk).update(sent_at=now, retry_at=None, problem="")
        if mail.kind != Kind.LINK:
            return
        notice = Notice.objects.current(mail.purpose)
        if notice:
            told.mail_accepted(notice, [mail.member_id], now)
            SentMail.objects.record(
                mail.member_id,
                kind=SentMail.Kind.NOTICE,
                purpose=mail.purpose,
                notice_version=notice.version,
                language=message.extra_headers["Content-Language"],
            )


def _fail(mail: SupportMail, problem: str, *, final: bool = False) -> None:
    """``problem`` without what the server said: servers like to repeat the address in it."""
    left = () if final else RETRIES[mail.attempts :]
    try:
        SupportMail.objects.filter(pk=mail.pk).update(
            attempts=mail.attempts + 1,
            problem=problem[:500],
            retry_at=timezone.now() + left[0] if left else None,
        )
    except DatabaseError:  # tried again when its lease is over
        logger.exception("a mail of support could not be put off")
    logger.warning("a mail of support was not taken; it is tried %d more times", len(left))
