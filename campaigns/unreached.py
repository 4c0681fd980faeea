"""Whom a campaign did not reach, to be told in another way."""

from collections.abc import Iterator
from datetime import datetime

from django.db.models import Q

from accounts.models import Member
from campaigns.models import Campaign, Recipient
from consent.launch import was_told

STEP = 10_000
"""Keys looked at in one statement."""
COLUMNS = ("member", "reason", "mail server", "country", "language", "under 18", "tried at")

_State, _Reason = Recipient.State, Recipient.Reason
NOT_REACHED = Q(state__in=[_State.BOUNCED, _State.FAILED]) | Q(
    state=_State.SKIPPED, reason__in=[_Reason.ADDRESS, _Reason.BAD_ADDRESS, _Reason.STOPPED]
)
"""The others that were left out know already, or are not meant."""


def unreached(campaign: Campaign) -> Iterator[tuple[str, ...]]:
    """Rows of COLUMNS, in the order of their keys: the member's reference, not the address.

    Who was told in another way meanwhile, or has made a choice, is not among them. Read in ranges
    of keys: safe on millions, and while mails still come back.
    """
    reached = Member.objects.filter(was_told(campaign.notice))
    rows = Recipient.objects.filter(campaign=campaign)
    upto = 0
    while (first := rows.filter(pk__gt=upto).order_by("pk").first()) is not None:
        upto = first.pk + STEP - 1
        here = rows.filter(NOT_REACHED, pk__gte=first.pk, pk__lte=upto, member__isnull=False)
        told = set(reached.filter(pk__in=here.values("member")).values_list("pk", flat=True))
        values = here.order_by("pk").values_list(
            "member", "member__member_ref", "reason", "reply", "country", "language", "minor",
            "sent_at",
        )  # fmt: skip
        for member, ref, reason, reply, country, language, minor, sent_at in values:
            if member not in told:
                yield (
                    ref, str(_Reason(reason).label) if reason else "", reply, country, language,
                    "yes" if minor else "no", _iso(sent_at),
                )  # fmt: skip


def _iso(at: datetime | None) -> str:
    return at.isoformat(timespec="seconds") if at else ""
