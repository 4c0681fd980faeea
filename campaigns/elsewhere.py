"""Campaigns whose mails another system sends: it gets the personal links, and reports back."""

import logging
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import NamedTuple

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from accounts.models import Member
from campaigns import checking, recording
from campaigns.audience import audience
from campaigns.mailing import object_url, reminders_url
from campaigns.message_ids import keys_in, local_part
from campaigns.models import Campaign, MailStop, Recipient, RecipientQuerySet, Walk
from campaigns.wording import OBJECT_SLOT, REMINDERS_SLOT
from consent import told
from consent.links import REMINDERS, Link, make_token

logger = logging.getLogger(__name__)

PAGE = 5_000
"""Keys of recipients that one look at the database goes over."""

State, Reason = Recipient.State, Recipient.Reason


class NoLinks(Exception):
    """The campaign's links are not handed out now; the message says why."""


class PersonalLink(NamedTuple):
    """``id`` stands for the mail in reports, and for the place to go on after."""

    id: str
    member_ref: str
    language: str
    under_18: bool
    link: str
    reminders_link: str


def check(campaign: Campaign) -> None:
    """Raises NoLinks unless it is one for another system, released, and nothing stops it."""
    if not campaign.sent_elsewhere:
        raise NoLinks("This site sends the campaign's mails itself.")
    if campaign.state not in {Campaign.State.RELEASED, Campaign.State.RUNNING}:
        raise NoLinks(f"The campaign is {campaign.state}.")
    if not campaign.walks.filter(kind=Walk.Kind.FREEZE).exclude(done_at=None).exists():
        raise NoLinks("Its audience is still being written down. Try again in some minutes.")
    if MailStop.objects.open().exists():
        raise NoLinks("All campaigns are stopped.")
    if problem := checking.untrue(campaign):
        raise NoLinks(problem)


def after(campaign: Campaign, last: str) -> int:
    """The place behind the link with this id, or the beginning for "". Raises NoLinks."""
    keys = keys_in(last) if last else (campaign.pk, 0)
    if keys is None or keys[0] != campaign.pk:
        raise NoLinks("after: give the id of a link of this campaign.")
    return keys[1]


def waiting(campaign: Campaign) -> int:
    """How many have not been reported as sent."""
    return Recipient.objects.pending().filter(campaign=campaign).count()


def pages(campaign: Campaign, place: int = 0) -> Iterator[list[PersonalLink]]:
    """The links of those whose mail waits, in the order of their keys, behind the place.

    Looked at again as before any mail (`campaigns.checking`): who is no member any more, was told
    meanwhile, or has an address that bounces is left out. It changes nothing.
    """
    rows = (
        Recipient.objects.pending()
        .filter(campaign=campaign, member__isnull=False)
        .order_by("pk")
        .values_list(
            "pk", "member_id", "language", "minor", "member__member_ref", "member__email",
            "member__undeliverable__email",
        )
    )  # fmt: skip
    link = _maker(campaign)
    keys = Recipient.objects.filter(campaign=campaign).order_by("pk").values_list("pk", flat=True)
    # A range of keys, not of so many rows: see `campaigns.walking`.
    while (first := keys.filter(pk__gt=place).first()) is not None:
        check(Campaign.objects.get(pk=campaign.pk))
        place = first + PAGE - 1
        wanted = _wanted(campaign, first, place)
        yield [
            link(*row)
            for *row, email, bounces in rows.filter(pk__gte=first, pk__lte=place)
            if row[1] in wanted and email != bounces
        ]


def _wanted(campaign: Campaign, first: int, last: int) -> set[int]:
    """Members of this range of recipients who are still to be told."""
    range_ = Recipient.objects.filter(campaign=campaign, pk__gte=first, pk__lte=last)
    within = Member.objects.filter(pk__in=range_.values("member"))
    wanted = set(audience(campaign, timezone.now(), within).values_list("pk", flat=True))
    return wanted - checking.told_meanwhile(campaign, wanted)


def _maker(campaign: Campaign) -> Callable[..., PersonalLink]:
    """Makes links of a million members: the addresses are asked for once."""
    to_object, end = object_url(OBJECT_SLOT).split(OBJECT_SLOT)
    to_leave, leave_end = reminders_url(REMINDERS_SLOT).split(REMINDERS_SLOT)

    def make(
        recipient: int, member: int, language: str, under_18: bool, member_ref: str
    ) -> PersonalLink:
        link = Link(member, campaign.notice_id, campaign.pk)
        return PersonalLink(
            id=local_part(campaign.pk, recipient),
            member_ref=member_ref,
            language=language,
            under_18=under_18,
            link=to_object + make_token(link) + end,
            reminders_link=to_leave + make_token(link, REMINDERS) + leave_end,
        )

    return make


def note_export(campaign: Campaign, count: int, *, by: str) -> None:
    """Who got how many links, in the history of the campaign and in the log."""
    campaign.history.create(kind="exported", by=by, reason=f"{count:,} personal links")
    logger.info("%s got %d links of campaign %s", by, count, campaign.pk)


def sent(campaign: Campaign, times: Mapping[int, datetime]) -> None:
    """The other system's mail server has taken the mails of these recipients, each at its time.
    A mail that came back stays that."""
    with transaction.atomic():
        rows = _not_reported(campaign).filter(pk__in=times)
        told.lock_members(list(rows.exclude(member=None).values_list("member", flat=True)))
        recipients = list(rows.select_for_update())
        for recipient in recipients:
            recipient.sent_at, recipient.attempts = times[recipient.pk], 1
        Recipient.objects.bulk_update(recipients, ["sent_at", "attempts"], batch_size=500)
        written = Recipient.objects.filter(pk__in=[recipient.pk for recipient in recipients])
        recording.write_sent(campaign, written)


def tried(recipient: Recipient) -> None:
    """A report about a mail says that it was sent, if nothing has said so before."""
    if recipient.campaign.sent_elsewhere:
        rows = _not_reported(recipient.campaign).filter(pk=recipient.pk)
        rows.update(attempts=1, state=State.PENDING, reason="")


def _not_reported(campaign: Campaign) -> RecipientQuerySet:
    """Those who wait, or did when the campaign ended."""
    waits = Q(state=State.PENDING) | Q(state=State.SKIPPED, reason=Reason.STOPPED)
    return Recipient.objects.filter(waits, campaign=campaign)
