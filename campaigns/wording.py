"""What a campaign says to each group of its recipients, kept as it is sent."""

from collections.abc import Iterable
from typing import NamedTuple

from django.utils import translation

from accounts.models import Member
from campaigns.mailing import Words, Written, object_url, reminders_url, write
from campaigns.models import Campaign, Message
from consent.links import LENGTH
from consent.models import fill

OBJECT_SLOT = "OBJECT-TOKEN-OF-THE-MEMBER".ljust(LENGTH, "-")
REMINDERS_SLOT = "REMINDERS-TOKEN-OF-THE-MEMBER".ljust(LENGTH, "-")
SLOTS = (OBJECT_SLOT, REMINDERS_SLOT)
"""Stand in a kept message for a member's tokens, which have the same length and alphabet."""


class Group(NamedTuple):
    """Recipients whose mails differ in their personal parts only."""

    language: str
    country: str = ""
    account_country: str = ""
    minor: bool = False


def preview(campaign: Campaign, group: Group) -> Written:
    """The mail as a member of the group would get it, with `SLOTS` for the personal parts."""
    member = Member(
        country=group.account_country or group.country,
        stated_country=group.country if group.account_country else "",
        is_minor=group.minor,
    )
    with translation.override(group.language):
        return write(
            member,
            campaign.notice,
            link=object_url(OBJECT_SLOT),
            reminders_link=reminders_url(REMINDERS_SLOT),
            words=_words(campaign, group),
        )


def write_messages(campaign: Campaign, groups: Iterable[Group]) -> None:
    """Keep the mails of these groups, for good; those that are kept already stay as they are."""
    kept = set(campaign.messages.values_list(*Group._fields))
    messages = [message_for(campaign, group) for group in set(groups) if group not in kept]
    Message.objects.bulk_create(messages, ignore_conflicts=True)


def message_for(campaign: Campaign, group: Group) -> Message:
    """What the group gets, as it would be kept; not saved."""
    written = preview(campaign, group)
    return Message(
        campaign=campaign,
        **group._asdict(),
        subject=written.subject,
        text=written.text,
        html=written.html,
    )


def _words(campaign: Campaign, group: Group) -> Words:
    texts = campaign.texts.get(group.language, {})
    before = "minor_" if group.minor else ""
    title = campaign.notice.text(group.language).title
    return Words(
        subject=_filled(texts.get(f"{before}subject", ""), title),
        intro=_filled(texts.get(f"{before}intro", ""), title),
        reminder=campaign.is_reminder,
    )


def _filled(text: str, title: str) -> str:
    return fill(text).replace("{title}", title)
