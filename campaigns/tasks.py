"""Celery tasks of the notice mails."""

from celery import shared_task
from django.core.mail import mailers

from accounts.models import Member
from campaigns.mailing import notice_mail
from consent.models import Notice, SentMail


@shared_task
def send_notice_mails(member_ids: list[int], notice_id: int) -> None:
    """Send the notice to these members over one connection, unless it is no longer current."""
    notice = Notice.objects.get(pk=notice_id)
    if not notice.is_current:
        return
    with mailers.default as connection:
        for member_id in member_ids:
            # Looked up one by one: who is erased while others are mailed gets no mail any more.
            if member := Member.objects.filter(pk=member_id, is_active=True).first():
                mail = notice_mail(member, notice)
                connection.send_messages([mail])
                SentMail.objects.record(
                    member_id,
                    kind=SentMail.Kind.NOTICE,
                    purpose=notice.purpose_id,
                    notice_version=notice.version,
                    language=mail.extra_headers["Content-Language"],
                )
