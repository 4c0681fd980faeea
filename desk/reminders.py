"""Telling whoever answers a request that its deadline is near, and once more when it is late."""

import logging
from datetime import timedelta

from django.conf import settings
from django.core.mail import EmailMessage
from django.urls import reverse
from django.utils import timezone

from accounts.models import Member
from desk.models import MemberRequest

logger = logging.getLogger(__name__)

LEASE = timedelta(minutes=5)
BATCH = 100


def remind() -> int:
    """Mail about each request that is near or late and nobody was told of; returns how many.

    To its owner, or to ALERT_RECIPIENTS where it has none. Safe to run at any time.
    """
    today, now = timezone.localdate(), timezone.now()
    told = 0
    for request in MemberRequest.objects.to_remind(today, now).order_by("due_on")[:BATCH]:
        waiting = MemberRequest.objects.to_remind(today, now).filter(pk=request.pk)
        if waiting.update(leased_until=now + LEASE):
            told += _tell(request)
    return told


def _tell(request: MemberRequest) -> bool:
    recipients = _recipients(request)
    if not recipients:
        logger.error("nobody can be reminded of requests: ALERT_RECIPIENTS is empty")
        return False
    try:
        _mail(request, recipients).send()
    except OSError as error:
        logger.warning("a reminder was not sent: %s", type(error).__name__)
        return False
    done = {"reminded_at": timezone.now(), "leased_until": None}
    if request.overdue:
        done["overdue_told_at"] = timezone.now()
    MemberRequest.objects.filter(pk=request.pk).update(**done)
    return True


def _recipients(request: MemberRequest) -> list[str]:
    owner = Member.objects.filter(member_ref=request.owner, is_staff=True, is_active=True).first()
    return [owner.email] if owner else list(settings.ALERT_RECIPIENTS)


def _mail(request: MemberRequest, recipients: list[str]) -> EmailMessage:
    """Says nothing about the member: mails are read on many screens."""
    page = settings.SITE_URL + reverse("admin:desk_memberrequest_change", args=[request.pk])
    left = -request.days_left if request.overdue else request.days_left
    when = f"{left} days late" if request.overdue else f"due in {left} days, on {request.due_on}"
    return EmailMessage(
        subject=f"Request {request.pk} of a member is {when}",
        body=(
            f"{request.get_kind_display().capitalize()}: {when}.\n"
            f"GDPR Art. 12(3): one month; it can be extended once, while it runs.\n\n"
            f"{page}\n"
        ),
        to=recipients,
        headers={"Auto-Submitted": "auto-generated"},
    )
