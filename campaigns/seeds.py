"""Test mails to a campaign's seed list, before anybody else gets one."""

import secrets
from collections.abc import Iterable
from email.utils import format_datetime

from django.utils import timezone

from accounts.models import Member
from campaigns.carriers import Carrier, ReadyMail, Refused, ServerAway, Uncertain, carrier
from campaigns.lifecycle import CampaignError
from campaigns.models import Campaign, Message
from campaigns.rendering import Personal, address_of, build
from campaigns.wording import Group, message_for
from consent.links import REMINDERS, Link, make_token


def send_tests(campaign: Campaign, groups: Iterable[Group], *, by: str) -> dict[str, str]:
    """Send the mail of each group to each seed; returns what went wrong, by address.

    The links are those of the member who has the seed's address. Where there is none, they open
    the page for links that do not work: a test must not object for anybody else.
    """
    if not campaign.seeds:
        raise CampaignError("The campaign has no seed list.")
    problems: dict[str, str] = {}
    post = carrier()
    try:
        for group in groups:
            message = message_for(campaign, group)
            message.subject = f"[Test] {message.subject}"
            for seed in campaign.seeds:
                if problem := _send(post, message, seed):
                    problems[seed] = problem
    except ServerAway as away:  # somebody waits for the page: not once more for each mail
        problems = dict.fromkeys(campaign.seeds, str(away))
    finally:
        post.close()
    campaign.history.create(kind="tested", by=by, reason=f"{len(campaign.seeds)} addresses")
    return problems


def _send(post: Carrier, message: Message, seed: str) -> str:
    address = address_of(seed)
    if address is None:
        return "The address cannot be written to."
    member = Member.objects.with_email(seed.lower()).first()
    link = Link(member.pk if member else 0, message.campaign.notice_id)
    own = Personal(
        to=address.text.encode(),
        date=format_datetime(timezone.now()).encode(),
        message_id=f"test.{secrets.token_hex(10)}".encode(),
        object_token=make_token(link).encode(),
        reminders_token=make_token(link, REMINDERS).encode(),
    )
    try:
        post.carry(ReadyMail(address, build(message)(own), message, own))
    except Refused as problem:
        return str(problem)
    except Uncertain:
        return "The connection broke: the mail may have arrived."
    return ""
