"""Writing down what the mail server has taken; at once for a few mails, in full every second.

A sender says which few mails it takes in hand next, and which of the last few were taken
(``in_hand`` and ``sent_at``, still in state sending). If it is killed, nobody knows of those alone.
"""

import uuid
from datetime import datetime

from django.db import transaction
from django.db.models import Case, F, OuterRef, Q, Subquery, Value, When
from django.utils import timezone

from campaigns.models import Campaign, Recipient, RecipientQuerySet
from consent import told
from consent.inserting import insert_from
from consent.models import SentMail

State = Recipient.State


def write_sent(campaign: Campaign, rows: RecipientQuerySet, at: datetime | None = None) -> None:
    """The mails of these rows were taken: for the report, the member's own record, and as told.

    ``at``: the same time for all; without it each row has it already.
    Within a transaction that has locked the members before (`consent.told.lock_members`).
    """
    mine = dict(rows.select_for_update().values_list("pk", "member_id"))
    written = Recipient.objects.filter(pk__in=mine)
    moment = Value(at) if at else F("sent_at")
    written.update(
        state=State.SENT, sent_at=moment, reason="", reply="", lease=None, leased_until=None,
        in_hand=False,
    )  # fmt: skip
    members = [member_id for member_id in mine.values() if member_id is not None]
    of_member = written.filter(member=OuterRef("pk")).values("sent_at")
    there = told.mail_accepted(campaign.notice, members, at or Subquery(of_member))
    insert_from(
        SentMail,
        written.filter(member__in=there),
        member_id=F("member"),
        kind=Value(SentMail.Kind.NOTICE.value),
        purpose=Value(campaign.notice.purpose_id),
        notice_version=Value(campaign.notice.version),
        language=F("language"),
        sent_at=moment,
    )


def settle_cut_off(now: datetime) -> None:
    """Decide about mails whose sender did not come back.

    What was noted as taken is written down in full; so is what must have arrived, since its page
    was seen. The others wait again. Of those in hand nobody knows: they have the same Message-ID
    the second time, and are reported as possibly doubled. Better twice than never.
    """
    cut_off = Recipient.objects.cut_off(now)
    cut_off.filter(sent_at=None, seen_at__isnull=False).update(sent_at=F("seen_at"))
    taken = cut_off.exclude(sent_at=None)
    for campaign_id, at in set(taken.values_list("campaign", "sent_at")):
        assert at  # noqa: S101 — that is what they were chosen by
        campaign = Campaign.objects.select_related("notice").get(pk=campaign_id)
        _finish(campaign, taken.filter(campaign=campaign, sent_at=at), at)
    again = cut_off.filter(sent_at=None)
    waiting = {"state": State.PENDING, "lease": None, "leased_until": None}
    again.filter(in_hand=True).update(**waiting, in_hand=False, possibly_doubled=True)
    again.update(**waiting, attempts=F("attempts") - 1)


def take_in_hand(lease: uuid.UUID, coming: list[int], taken: list[int]) -> None:
    """A sender is about to hand over these mails, and the server has taken those."""
    rows = Recipient.objects.held(lease).filter(pk__in=[*coming, *taken])
    at = Case(When(pk__in=taken, then=Value(timezone.now())), default=F("sent_at"))
    rows.update(in_hand=True, sent_at=at)


def _finish(campaign: Campaign, rows: RecipientQuerySet, at: datetime) -> None:
    with transaction.atomic():
        members = rows.filter(~Q(member=None)).values_list("member", flat=True)
        told.lock_members(list(members))
        write_sent(campaign, rows, at)
