"""Which mails a sender takes next: claimed with a lease, at the campaign's pace."""

import uuid
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from campaigns.models import Campaign, Lane, Recipient, RecipientQuerySet
from campaigns.pace import fill
from campaigns.quiet import is_quiet

LEASE = timedelta(minutes=2)
"""Longer than the mail server may take for a mail; it is renewed while a batch is under way."""
BATCH = 500


def claim(campaign: Campaign, now: datetime) -> tuple[uuid.UUID, list[Recipient]]:
    """Take up to BATCH recipients whose turn it is; nobody else sends to them under this lease."""
    lease = uuid.uuid4()
    with transaction.atomic():
        # The lanes' lock makes claims follow one another; SKIP LOCKED keeps them from waiting
        # for whoever writes down a bounce.
        lanes = list(
            Lane.objects.select_for_update().filter(campaign=campaign).order_by("provider")
        )
        ids = _choose(campaign, lanes, now)
        for lane in lanes:
            if lane.filled_at == now:
                lane.save(update_fields=["tokens", "filled_at"])
        Recipient.objects.pending().filter(pk__in=ids).update(
            state=Recipient.State.SENDING,
            lease=lease,
            leased_until=now + LEASE,
            attempts=F("attempts") + 1,
        )
    return lease, list(Recipient.objects.held(lease).order_by("pk"))


def _choose(campaign: Campaign, lanes: list[Lane], now: datetime) -> list[int]:
    """Keys of recipients, each taken out of its provider's bucket and the campaign's."""
    whole = next((lane for lane in lanes if not lane.provider), None)
    if whole is None:
        return []
    left = min(fill(whole, campaign, now), BATCH)
    waiting = _awake(campaign, now)
    chosen: list[int] = []
    open_lanes = [lane for lane in lanes if lane.provider and not _left_alone(lane, now)]
    # Those with a limit first: what they may take is little, and the others take the rest.
    for lane in open_lanes:
        if lane.provider in campaign.limits:
            room = min(fill(lane, campaign, now), left - len(chosen))
            taken = _take(waiting, [lane.provider], room)
            lane.tokens -= len(taken)
            chosen += taken
    free = [lane.provider for lane in open_lanes if lane.provider not in campaign.limits]
    chosen += _take(waiting, free, left - len(chosen))
    whole.tokens -= len(chosen)
    return chosen


def _left_alone(lane: Lane, now: datetime) -> bool:
    return lane.not_before is not None and lane.not_before > now


def _take(waiting: RecipientQuerySet, providers: list[str], number: int) -> list[int]:
    if number <= 0 or not providers:
        return []
    rows = waiting.filter(provider__in=providers).select_for_update(skip_locked=True)
    return list(rows.values_list("pk", flat=True)[:number])


def _awake(campaign: Campaign, now: datetime) -> RecipientQuerySet:
    """Those who wait, are due, and live where it is not quiet now."""
    waiting = Recipient.objects.pending().filter(campaign=campaign, due_at__lte=now)
    if campaign.quiet_from is None:
        return waiting
    countries = (campaign.audience or {}).get("countries", {})
    return waiting.filter(
        country__in=[code for code in countries if not is_quiet(campaign, code, now)]
    )


def give_back(lease: uuid.UUID, ids: list[int]) -> None:
    """These were not tried: they wait again as before."""
    Recipient.objects.held(lease).filter(pk__in=ids).update(
        state=Recipient.State.PENDING,
        lease=None,
        leased_until=None,
        in_hand=False,
        attempts=F("attempts") - 1,
    )


def renew(lease: uuid.UUID) -> None:
    Recipient.objects.held(lease).update(leased_until=timezone.now() + LEASE)
