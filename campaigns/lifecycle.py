"""How a campaign goes from a draft to its end, and by whose word.

One person prepares it, another one releases it. Each change is one conditional UPDATE with its
line of history, so of two who press a button at once one is told that the other was first.
"""

from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from campaigns import walking
from campaigns.audience import Numbers
from campaigns.models import Campaign, CampaignChange, MailStop, Walk

State = Campaign.State
WHILE_RUNNING = frozenset(
    {
        "starts_at", "stops_at", "per_minute", "ramp_from", "ramp_hours", "limits", "quiet_from",
        "quiet_until",
    }
)  # fmt: skip
"""What may change after the release: when and how fast, not to whom and not what."""
BY_ITSELF = "PrivacyDash"


class CampaignError(Exception):
    """Nothing was changed; the message says why, in words for staff."""


def numbers_of(campaign: Campaign) -> Numbers | None:
    """The audience in numbers: as released, else as counted last; None while it is counted."""
    if campaign.audience is not None:
        return Numbers.read(campaign.audience)
    walk = campaign.walks.filter(kind=Walk.Kind.COUNT).exclude(done_at=None).first()
    return Numbers.read(walk.counts) if walk else None


def count(campaign: Campaign) -> Walk:
    """Have the audience counted in the background; see `numbers_of` and `walking.progress`."""
    if campaign.state not in {State.DRAFT, State.PREPARED}:
        raise CampaignError(f"The campaign is {campaign.state}: its audience is settled.")
    return walking.start(campaign, Walk.Kind.COUNT)


def prepare(campaign: Campaign, *, by: str) -> None:
    """Hand a draft to a second person; from now on its rule and texts stay as they are.

    Its audience is counted anew. Raises ValidationError if something in it is wrong.
    """
    campaign.refresh_from_db()
    campaign.full_clean()
    _needs_current_notice(campaign)
    with transaction.atomic():
        _move(
            campaign, "prepared", by=by, of=[State.DRAFT], to=State.PREPARED,
            prepared_by=by, prepared_at=timezone.now(),
        )  # fmt: skip
        walking.start(campaign, Walk.Kind.COUNT)


def withdraw(campaign: Campaign, *, by: str, reason: str) -> None:
    """Make it a draft again, so that it can be changed."""
    _needs(reason)
    _move(campaign, "withdrawn", by=by, reason=reason, of=[State.PREPARED], to=State.DRAFT)


def release(campaign: Campaign, *, by: str, accept_fallbacks: bool = False) -> None:
    """Freeze texts, rule and counts, and have the audience written down; then it starts when due.

    ``accept_fallbacks``: the releaser has seen that some languages get the default text instead.
    """
    if by == campaign.prepared_by:
        raise CampaignError("You prepared it yourself: somebody else has to release it.")
    _needs_current_notice(campaign)
    if campaign.stops_at and campaign.stops_at <= timezone.now():
        raise CampaignError("Its last day is over.")
    numbers = numbers_of(campaign)
    if numbers is None:
        raise CampaignError("Its audience is still being counted. Try again in a moment.")
    if not numbers.size:
        raise CampaignError("Its audience matches nobody.")
    if numbers.fallbacks and not accept_fallbacks:
        raise CampaignError(
            "There is no text in some languages, so these members would get the one in the "
            f"default language: {_listed(numbers)}. Translate the notice, or accept this."
        )
    reason = f"Without a text of their own: {_listed(numbers)}" if numbers.fallbacks else ""
    with transaction.atomic():
        _move(
            campaign, "released", by=by, reason=reason, of=[State.PREPARED], to=State.RELEASED,
            released_by=by, released_at=timezone.now(), audience=numbers.stored(),
        )  # fmt: skip
        walking.start(campaign, Walk.Kind.FREEZE)


def start_due(now: datetime) -> None:
    """Start the released campaigns whose audience is written down and whose time has come."""
    frozen = Walk.objects.filter(kind=Walk.Kind.FREEZE).exclude(done_at=None)
    due = Campaign.objects.filter(
        state=State.RELEASED, starts_at__lte=now, pk__in=frozen.values("campaign")
    )
    for campaign in due:
        _move_if(campaign, "started", of=[State.RELEASED], to=State.RUNNING, started_at=now)


def pause(campaign: Campaign, *, by: str, reason: str) -> None:
    """Send nothing more from now on; mails in the hands of the mail server apart."""
    _needs(reason)
    of = [State.RUNNING, State.RELEASED]
    _move(campaign, "paused", by=by, reason=reason, of=of, to=State.PAUSED)


def resume(campaign: Campaign, *, by: str, reason: str = "") -> None:
    """Go on where it was, or wait for its start if it has not begun."""
    to = State.RUNNING if campaign.started_at else State.RELEASED
    _move(
        campaign, "resumed", by=by, reason=reason, of=[State.PAUSED], to=to,
        problem="", failures=0, not_before=None,
    )  # fmt: skip


def kill(campaign: Campaign, *, by: str, reason: str) -> None:
    """End it for good; whoever waits is left out."""
    _needs(reason)
    _move(
        campaign, "killed", by=by, reason=reason, of=Campaign.UNDER_WAY, to=State.KILLED,
        finished_at=timezone.now(),
    )  # fmt: skip


def change(campaign: Campaign, *, by: str, reason: str, **values: Any) -> None:
    """Change when and how fast it sends (`WHILE_RUNNING`); the history keeps what it was."""
    _needs(reason)
    if unknown := set(values) - WHILE_RUNNING:
        raise CampaignError(f"This does not change any more: {', '.join(sorted(unknown))}.")
    before = {name: getattr(campaign, name) for name in values}
    for name, value in values.items():
        setattr(campaign, name, value)
    campaign.clean()
    was = ", ".join(f"{name} was {value}" for name, value in before.items())
    reason = f"{reason.strip()} ({was})"
    _move(campaign, "changed", by=by, reason=reason, of=Campaign.UNDER_WAY, **values)


def finish_due(now: datetime) -> None:
    """End the campaigns that have nobody left to mail to, or whose last day is over."""
    for campaign in Campaign.objects.under_way().filter(stops_at__lte=now):
        _move_if(
            campaign, "finished", of=Campaign.UNDER_WAY, to=State.FINISHED,
            reason="Its last day was over.", finished_at=now,
        )  # fmt: skip
    for campaign in Campaign.objects.filter(state=State.RUNNING):
        if not campaign.recipients.filter(state__in=["pending", "sending"]).exists():
            _move_if(campaign, "finished", of=[State.RUNNING], to=State.FINISHED, finished_at=now)


def pause_by_itself(campaign: Campaign, problem: str) -> None:
    """Something makes its mails untrue: staff have to look."""
    _move_if(
        campaign, "paused", of=[State.RUNNING], to=State.PAUSED, reason=problem, problem=problem
    )


def stop_all(*, by: str, reason: str) -> MailStop:
    """The kill switch: no campaign sends anything until `lift_stop`."""
    _needs(reason)
    try:
        with transaction.atomic():
            return MailStop.objects.create(by=by, reason=reason.strip())
    except IntegrityError:
        raise CampaignError("All campaigns are stopped already.") from None


def lift_stop(*, by: str) -> None:
    if not MailStop.objects.open().update(lifted_at=timezone.now(), lifted_by=by):
        raise CampaignError("The campaigns are not stopped.")


def may_send(campaign: Campaign) -> bool:
    """Whether it may send right now; asked anew before every few mails."""
    now = timezone.now()
    running = Campaign.objects.running(now).filter(pk=campaign.pk).exclude(stops_at__lte=now)
    return running.exists() and not MailStop.objects.open().exists()


def _needs(reason: str) -> None:
    if not reason.strip():
        raise CampaignError("Give a reason: it is part of the history.")


def _needs_current_notice(campaign: Campaign) -> None:
    if not campaign.notice.is_current:
        raise CampaignError("Its notice is not the one that members are shown.")


def _listed(numbers: Numbers) -> str:
    return ", ".join(f"{language}: {number:,}" for language, number in numbers.fallbacks.items())


def _move(
    campaign: Campaign,
    kind: str,
    *,
    by: str,
    of: Iterable[Campaign.State],
    to: Campaign.State | None = None,
    reason: str = "",
    **values: Any,
) -> None:
    """Change the state if it is one ``of`` those, and add the line of history."""
    if to:
        values["state"] = to
    with transaction.atomic():
        found = Campaign.objects.filter(
            pk=campaign.pk, state__in=of, prepared_at=campaign.prepared_at
        )
        if not found.update(**values):
            campaign.refresh_from_db()
            raise CampaignError(f"The campaign is {campaign.state}: it cannot be {kind} now.")
        CampaignChange.objects.create(campaign=campaign, kind=kind, by=by, reason=reason.strip())
    campaign.refresh_from_db()


def _move_if(campaign: Campaign, kind: str, **move: Any) -> None:
    """As `_move`, by the site itself; another process may have been first."""
    with suppress(CampaignError):
        _move(campaign, kind, by=BY_ITSELF, **move)
