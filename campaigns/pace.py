"""How many mails may go out now: a bucket for all of a campaign and one for each provider.

A bucket fills at its pace and holds a few seconds' worth, so that a sender who was away does not
make up for it all at once.
"""

import math
from datetime import datetime, timedelta

from campaigns.models import Campaign, Lane

BURST = 10.0
"""Seconds of which a bucket holds the mails."""


def pace(campaign: Campaign, now: datetime) -> float:
    """Mails a minute for the whole campaign, which may be warming up."""
    if not campaign.ramp_from or not campaign.ramp_hours or not campaign.started_at:
        return campaign.per_minute
    done = (now - campaign.started_at) / timedelta(hours=campaign.ramp_hours)
    if done >= 1:
        return campaign.per_minute
    # Growing by the same factor in each hour, as mailbox providers recommend for a new sender.
    lowest = min(campaign.ramp_from, campaign.per_minute)
    growth = math.log(campaign.per_minute / lowest)
    return lowest * math.exp(growth * max(done, 0.0))


def fill(lane: Lane, campaign: Campaign, now: datetime) -> int:
    """Let the bucket of the campaign, or of a limited provider, fill up to now; returns how many
    mails are in it."""
    per_minute = campaign.limits[lane.provider] if lane.provider else pace(campaign, now)
    # A clock that was set back must not empty a bucket for hours.
    seconds = max((now - lane.filled_at).total_seconds(), 0.0)
    holds = max(per_minute * BURST / 60, 1.0)
    lane.tokens = min(lane.tokens + seconds * per_minute / 60, holds)
    lane.filled_at = now
    return int(lane.tokens + 1e-6)  # many small additions come out a little short
