"""Celery tasks: hints to look at the database. Losing one delays work until the next sweep."""

from celery import shared_task
from django.core.mail import mailers
from django.utils import timezone

from accounts.models import Member
from campaigns import closing, figures, lifecycle, recording, sending, walking
from campaigns.mailing import notice_mail
from campaigns.models import Campaign, MailStop, Walk
from consent import launch, told
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
                told.mail_accepted(notice, [member_id], timezone.now())


@shared_task
def sweep() -> None:
    """Find all that campaigns have to do from the database alone."""
    now = timezone.now()
    for campaign in figures.stale(now):
        walking.start(campaign, Walk.Kind.FIGURES)
    for pk in Walk.objects.due(now).values_list("pk", flat=True):
        walk.apply_async((pk,), expires=10)
    lifecycle.start_due(now)
    recording.settle_cut_off(now)
    lifecycle.finish_due(now)
    closing.close_ended()
    if not MailStop.objects.open().exists():
        for pk in Campaign.objects.running(now).values_list("pk", flat=True):
            send.apply_async((pk,), expires=10)
    if launch.due(now):
        check_launches.apply_async((), expires=10)


@shared_task
def walk(walk_id: int) -> None:
    """Count or freeze an audience, or count what came of it, for as long as its budget lasts."""
    if walking.walk_on(walk_id):
        walk.delay(walk_id)


@shared_task
def send(campaign_id: int) -> None:
    """Send what is due of a campaign; hands on to a new task so that it holds no worker."""
    if sending.send(campaign_id):
        send.delay(campaign_id)


@shared_task
def check_launches() -> None:
    """Start the rollouts that are held, due, and cleared by what is known now."""
    launch.check_due()
