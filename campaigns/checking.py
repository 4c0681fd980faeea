"""Looking again at the moment of sending: whom a mail must not go to any more, and why."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from accounts.models import Member
from campaigns.audience import audience
from campaigns.models import Campaign, NoReminders, Recipient, Undeliverable
from consent.models import RolloutChange, SentMail, Told
from ledger.models import CurrentChoice

Reason = Recipient.Reason


def untrue(campaign: Campaign) -> str:
    """Why the mails that were released are not true any more, in words for staff; or nothing."""
    if not campaign.notice.is_current:
        return "Members are shown a newer notice. Kill this campaign and make one for that."
    changed = RolloutChange.objects.filter(
        rollout__notice=campaign.notice_id,
        at__gte=campaign.released_at,
        kind__in=["paused", "resumed", "rescheduled"],
    ).first()
    if changed:
        return (
            f"The rollout in {changed.rollout.region} was {changed.kind} after the release, so "
            "the mails give a wrong date. Kill this campaign and make a new one."
        )
    return ""


def members_of(recipients: Iterable[Recipient]) -> dict[int, Member]:
    ids = [recipient.member_id for recipient in recipients if recipient.member_id is not None]
    members = Member.objects.filter(pk__in=ids).select_related("undeliverable")
    wanted = members.only("member_ref", "email", "is_active", "is_staff", "undeliverable__email")
    return {member.pk: member for member in wanted}


def left_out(
    campaign: Campaign,
    recipients: Iterable[Recipient],
    members: Mapping[int, Member],
    now: datetime,
) -> dict[int, Reason]:
    """Reasons by the recipient's key, for those who must not get the mail now."""
    within = Member.objects.filter(pk__in=members)
    wanted = set(audience(campaign, now, within).values_list("pk", flat=True))
    told = told_meanwhile(campaign, members)
    reasons: dict[int, Reason] = {}
    for recipient in recipients:
        member = members.get(recipient.member_id or 0)
        if member is None:
            reasons[recipient.pk] = Reason.ERASED
        elif member.pk in told:
            reasons[recipient.pk] = Reason.TOLD
        elif member.pk not in wanted:
            reasons[recipient.pk] = _why_unwanted(campaign, member)
        elif _comes_back(member):
            reasons[recipient.pk] = Reason.ADDRESS
    return reasons


def _comes_back(member: Member) -> bool:
    """Whether mails to the member's present address come back."""
    found: Undeliverable | None = getattr(member, "undeliverable", None)
    return found is not None and found.email == member.email


def told_meanwhile(campaign: Campaign, members: Iterable[int]) -> set[int]:
    """Whom another campaign has mailed this notice to since this one was released."""
    if campaign.told == Campaign.WhoWasTold.NOT_TOLD:
        return set()  # that is in the rule
    return set(
        SentMail.objects.filter(
            member__in=members,
            kind=SentMail.Kind.NOTICE,
            purpose=campaign.notice.purpose_id,
            notice_version=campaign.notice.version,
            sent_at__gte=campaign.released_at,
        ).values_list("member_id", flat=True)
    )


def _why_unwanted(campaign: Campaign, member: Member) -> Reason:
    if not member.is_active or member.is_staff:
        return Reason.LEFT
    told = Told.objects.reached().filter(notice=campaign.notice_id, member=member)
    if campaign.told == Campaign.WhoWasTold.NOT_TOLD and told.exists():
        return Reason.TOLD
    if campaign.is_reminder:
        chosen = CurrentChoice.objects.filter(
            member_ref=member.member_ref, purpose=campaign.notice.purpose_id
        )
        if chosen.exists():
            return Reason.ANSWERED
        if NoReminders.objects.filter(member=member).exists():
            return Reason.REMINDERS
    return Reason.RULE


def held_by_others(campaign: Campaign, members: Mapping[int, Member]) -> set[int]:
    """Members whom another campaign is mailing this very moment about the same notice.

    Asked after one's own claim is committed: of two campaigns at least one sees the other, and
    comes back later.
    """
    others = Campaign.objects.under_way().filter(notice=campaign.notice_id)
    if not others.exclude(pk=campaign.pk).exists():
        return set()
    return set(
        Recipient.objects.filter(
            member__in=members,
            state=Recipient.State.SENDING,
            campaign__notice=campaign.notice_id,
        )
        .exclude(campaign=campaign)
        .values_list("member_id", flat=True)
    )
