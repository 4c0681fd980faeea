"""Celery tasks of the notice mails."""

from celery import shared_task
from django.core.mail import mailers

from accounts.models import Member
from campaigns.mailing import notice_mail
from consent.models import Notice


@shared_task
def send_notice_mails(member_ids: list[int], notice_id: int) -> None:
    """Send the notice to these members over one connection, unless it is no longer current."""
    notice = Notice.objects.get(pk=notice_id)
    if not notice.is_current:
        return
    with mailers.default as connection:
        for member in Member.objects.filter(pk__in=member_ids, is_active=True):
            connection.send_messages([notice_mail(member, notice)])
