"""Going over all members in small steps: to count a campaign's audience, and to freeze it; and over
its recipients, to count what has come of it.

Each step is one short transaction over a range of keys, with its place kept in the walk, so that
a process that dies is followed by another one that goes on from there.
"""

import time
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import (
    BooleanField,
    Case,
    CharField,
    F,
    IntegerField,
    Q,
    Value,
    When,
)
from django.db.models.lookups import In
from django.utils import timezone

from accounts.models import Member, MemberQuerySet
from campaigns.audience import ACCOUNT, HOME, Numbers, audience, grouped, languages_of, of_languages
from campaigns.figures import Figures, add
from campaigns.models import Campaign, Lane, Recipient, Walk
from campaigns.providers import provider_expression
from campaigns.wording import Group, write_messages
from consent.inserting import insert_from

LEASE = timedelta(seconds=60)
STEP = 10_000
"""Keys of members or recipients in one step."""


def start(campaign: Campaign, kind: Walk.Kind) -> Walk:
    """Begin the walk, or begin it again from the start."""
    walk, _made = Walk.objects.update_or_create(
        campaign=campaign,
        kind=kind,
        defaults={
            "position": 0,
            "counts": {},
            "started_at": timezone.now(),
            "done_at": None,
            "fence": F("fence") + 1,
            "leased_until": None,
        },
        create_defaults={},
    )
    return walk


def walk_on(walk_id: int, budget: float = 10.0) -> bool:
    """Do steps until the walk is done or ``budget`` seconds are over; True: there is more to do.

    Safe to run at any time, any number of times: all but one return without doing anything.
    """
    walk = Walk.objects.claim(walk_id, timezone.now(), LEASE)
    if walk is None:
        return False
    end = time.monotonic() + budget
    while _step_again(walk):
        if time.monotonic() >= end:
            Walk.objects.held(walk).update(leased_until=None)
            return True
    return False


def progress(walk: Walk) -> float:
    """The share of the way that is done, from 0 to 1."""
    if walk.done_at:
        return 1.0
    last = _rows(walk).order_by("-pk").values_list("pk", flat=True).first()
    return min(walk.position / last, 0.99) if last else 0.0


def _step_again(walk: Walk) -> bool:
    try:
        return _step(walk)
    except IntegrityError:  # a member of this range was erased meanwhile
        return _step(walk)


def _step(walk: Walk) -> bool:
    """One step under a held lease; False when there is no further one, or the lease is lost."""
    with transaction.atomic():
        if not Walk.objects.held(walk).select_for_update().first():
            return False
        rows = _rows(walk)
        upto = _bound(rows, walk.position)
        if upto is None or _in_vain(walk):
            _end(walk)
            return False
        walk.counts = _do(walk, rows.filter(pk__gt=walk.position, pk__lte=upto))
        walk.position = upto
        until = timezone.now() + LEASE
        Walk.objects.held(walk).update(position=upto, counts=walk.counts, leased_until=until)
    return True


def _rows(walk: Walk) -> Any:
    """The recipients or members that it goes over."""
    if walk.kind == Walk.Kind.FIGURES:
        return Recipient.objects.filter(campaign=walk.campaign)
    return Member.objects.all()


def _bound(rows: Any, position: int) -> int | None:
    """The last key of the next range, which begins with a row; None behind the last row.

    A range of keys, not of so many rows: to find where those end, a database that has not looked
    at a new campaign's recipients yet would sort all of them.
    """
    ahead = rows.filter(pk__gt=position).order_by("pk").values_list("pk", flat=True)
    first: int | None = ahead.first()
    return None if first is None else first + STEP - 1


def _in_vain(walk: Walk) -> bool:
    """Whether the campaign has ended before its audience was written down."""
    walk.campaign.refresh_from_db()
    ended = {Campaign.State.FINISHED, Campaign.State.KILLED}
    return walk.kind == Walk.Kind.FREEZE and walk.campaign.state in ended


def _do(walk: Walk, rows: Any) -> dict[str, Any]:
    """Do one range; returns the walk's counts with it."""
    if walk.kind == Walk.Kind.FIGURES:
        figures = Figures(**walk.counts)
        add(figures, walk.campaign, rows, timezone.now())
        return vars(figures)
    numbers = Numbers.read(walk.counts)
    work = _freeze if walk.kind == Walk.Kind.FREEZE else _count
    work(walk.campaign, rows, numbers)
    return numbers.stored()


def _end(walk: Walk) -> None:
    Walk.objects.held(walk).update(done_at=timezone.now(), leased_until=None)
    if walk.kind == Walk.Kind.FIGURES:
        Campaign.objects.filter(pk=walk.campaign_id).update(figures=walk.counts)


def _count(campaign: Campaign, members: MemberQuerySet, numbers: Numbers) -> None:
    language_of_mail = languages_of(campaign.notice)
    for row in grouped(_wanted(campaign, members)):
        numbers.add(row, language_of_mail(row["language"], row["home"]))


def _wanted(campaign: Campaign, members: MemberQuerySet) -> MemberQuerySet:
    wanted = audience(campaign, timezone.now(), members)
    return of_languages(campaign, wanted, languages_of(campaign.notice))


def _freeze(campaign: Campaign, members: MemberQuerySet, numbers: Numbers) -> None:
    """One row for each member of the range who is in the audience, and the mails that they get."""
    wanted = _wanted(campaign, members)
    language_of_mail = languages_of(campaign.notice)
    homes: dict[tuple[str, str], set[str]] = {}
    groups: set[Group] = set()
    for row in grouped(wanted):
        language = language_of_mail(row["language"], row["home"])
        homes.setdefault((row["language"], language), set()).add(row["home"])
        groups.add(Group(language, row["home"], row["account"], row["is_minor"]))
        numbers.add(row, language)
    _insert(campaign, wanted, homes)
    write_messages(campaign, groups)
    Lane.objects.bulk_create(
        [Lane(campaign=campaign, provider=name) for name in ("", *numbers.providers)],
        ignore_conflicts=True,
    )


def _insert(
    campaign: Campaign, members: MemberQuerySet, homes: dict[tuple[str, str], set[str]]
) -> None:
    """INSERT … SELECT: no row comes to this process and back."""
    language = Case(
        *(
            When(Q(In(HOME, sorted(places)), language=tag), then=Value(language))
            for (tag, language), places in homes.items()
        ),
        default=Value(settings.LANGUAGE_CODE),
        output_field=CharField(),
    )
    values: dict[str, Any] = {
        "campaign_id": Value(campaign.pk, IntegerField()),
        "member_id": F("pk"),
        "language": language,
        "minor": F("is_minor"),
        "country": HOME,
        "account_country": ACCOUNT,
        "provider": provider_expression(),
        "state": Value(Recipient.State.PENDING.value),
        "reason": Value(""),
        "reply": Value(""),
        "attempts": Value(0, IntegerField()),
        "in_hand": Value(False, BooleanField()),
        "possibly_doubled": Value(False, BooleanField()),
        "due_at": Value(timezone.now()),
    }
    insert_from(Recipient, members, **values)
