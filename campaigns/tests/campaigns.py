"""Campaigns in every state, for the tests."""

from datetime import timedelta

from django.utils import timezone

from campaigns import lifecycle, walking
from campaigns.models import Campaign, Recipient, Walk

FAST = 1_000_000
"""Mails a minute that no test ever waits for."""


def make_campaign(notice, **fields):
    fields = {"name": "First notice", "per_minute": FAST, **fields}
    campaign = Campaign(notice=notice, **fields)
    campaign.full_clean()
    campaign.save()
    return campaign


def walk_to_the_end(campaign, kind):
    walk = Walk.objects.get(campaign=campaign, kind=kind)
    walking.walk_on(walk.pk)
    walk.refresh_from_db()
    assert walk.done_at
    return walk


def prepared(notice, **fields):
    campaign = make_campaign(notice, **fields)
    lifecycle.prepare(campaign, by="jo")
    walk_to_the_end(campaign, Walk.Kind.COUNT)
    return campaign


def released(notice, **fields):
    campaign = prepared(notice, **fields)
    lifecycle.release(campaign, by="kim", accept_fallbacks=True)
    walk_to_the_end(campaign, Walk.Kind.FREEZE)
    return campaign


def running(notice, **fields):
    """A campaign that may send at once."""
    campaign = released(notice, **fields)
    lifecycle.start_due(timezone.now())
    campaign.refresh_from_db()
    assert campaign.state == Campaign.State.RUNNING
    # Buckets fill with time.
    campaign.lanes.update(filled_at=timezone.now() - timedelta(minutes=1))
    return campaign


def due_now():
    """Those who were put off need not be waited for."""
    Recipient.objects.pending().update(due_at=timezone.now() - timedelta(seconds=1))


def states():
    """What became of each member's mail, by the member's reference."""
    return dict(Recipient.objects.values_list("member__member_ref", "state"))


def reasons():
    return dict(Recipient.objects.values_list("member__member_ref", "reason"))
