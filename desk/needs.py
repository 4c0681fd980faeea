"""What stores, mails, campaigns, notices and staff need, for `desk.attention`."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from allauth.mfa.models import Authenticator
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from accounts.models import Member, UnusualAccess
from accounts.second_factor import FACTORS
from campaigns.models import Campaign, MailStop
from consent.models import Notice, ParkedMail, Rollout
from desk.attention import Item, Urgency, counted, list_of, register
from desk.models import Correction, MemberRequest
from propagation.models import Alarm, Parked, StorePause


@dataclass(frozen=True, slots=True)
class Need:
    """Rows that somebody should look at: who may (``permission``), and how it is said."""

    permission: str
    rows: Callable[[], "QuerySet[Any]"]
    one: str
    many: str
    rest: str
    model: str
    query: str = ""
    urgency: Urgency = Urgency.SOON


def _waiting() -> "QuerySet[Any]":
    return Campaign.objects.filter(state=Campaign.State.PREPARED)


def _stuck() -> "QuerySet[Any]":
    return Campaign.objects.under_way().exclude(problem="")


def _drafts() -> "QuerySet[Any]":
    return Notice.objects.filter(published_at=None, proposed_at=None)


def _proposed() -> "QuerySet[Any]":
    return Notice.objects.filter(published_at=None, proposed_at__isnull=False)


def _held() -> "QuerySet[Any]":
    return Rollout.objects.filter(held=True, starts_on__lte=timezone.localdate())


def _late() -> "QuerySet[Any]":
    return MemberRequest.objects.overdue(timezone.localdate())


def _near() -> "QuerySet[Any]":
    return MemberRequest.objects.near(timezone.localdate())


def _unusual() -> "QuerySet[Any]":
    return UnusualAccess.objects.since(timezone.localdate() - timedelta(days=7))


def _without_factor() -> "QuerySet[Member]":
    factor = Authenticator.objects.filter(user=OuterRef("pk"), type__in=FACTORS)
    staff: QuerySet[Member] = Member.objects.filter(is_staff=True, is_active=True)
    return staff.filter(~Exists(factor))


NEEDS = (
    Need(
        "propagation.view_cursor", Alarm.objects.open, "store", "stores",
        "later than promised", "propagation.cursor", urgency=Urgency.NOW,
    ),
    Need(
        "propagation.view_cursor", StorePause.objects.open, "store", "stores",
        "paused by staff", "propagation.cursor",
    ),
    Need(
        "propagation.view_parked", Parked.objects.open, "choice", "choices",
        "refused by a store: tried again each hour, but please find out why",
        "propagation.parked", "confirmed_at__isempty=1",
    ),
    Need(
        "consent.view_parkedmail", ParkedMail.objects.all, "confirmation", "confirmations",
        "that the mail server did not take", "consent.parkedmail",
    ),
    Need(
        "campaigns.view_campaign", MailStop.objects.open, "stop", "stops",
        "in force: no campaign sends anything", "campaigns.campaign", urgency=Urgency.NOW,
    ),
    Need(
        "campaigns.release_campaign", _waiting, "campaign", "campaigns",
        "prepared: a second person can release it", "campaigns.campaign", "state__exact=prepared",
    ),
    Need(
        "campaigns.view_campaign", _stuck, "campaign", "campaigns",
        "kept from sending", "campaigns.campaign", urgency=Urgency.NOW,
    ),
    Need(
        "consent.change_rollout", _held, "rollout", "rollouts",
        "held beyond the start: too few members were told", "consent.rollout", urgency=Urgency.NOW,
    ),
    Need(
        "consent.publish_notice", _proposed, "notice", "notices",
        "proposed: a second person can publish it", "consent.notice",
    ),
    Need(
        "consent.change_notice", _drafts, "notice", "notices",
        "not published yet", "consent.notice", urgency=Urgency.KNOW,
    ),
    Need(
        "accounts.view_unusualaccess", _unusual, "report", "reports",
        "of unusual access to members in the last week", "accounts.unusualaccess",
    ),
    Need(
        "desk.handle_memberrequest", _late, "request", "requests",
        "of members overdue", "desk.memberrequest", "state=overdue", urgency=Urgency.NOW,
    ),
    Need(
        "desk.handle_memberrequest", _near, "request", "requests",
        "of members near the deadline", "desk.memberrequest", "state=near",
    ),
    Need(
        "desk.decide_correction", Correction.objects.asked, "correction", "corrections",
        "waiting for a second person", "desk.correction", "state__exact=asked",
    ),
    # Held by nobody but superusers, as no role has it.
    Need(
        "mfa.view_authenticator", _without_factor, "member of staff", "members of staff",
        "without a second factor", "mfa.authenticator", urgency=Urgency.KNOW,
    ),
)  # fmt: skip


@register
def needs(member: Member) -> Iterator[Item]:
    for need in NEEDS:
        if member.has_perm(need.permission) and (
            count := counted(need.rows(), need.one, need.many)
        ):
            text = f"{count[0].upper()}{count[1:]} {need.rest}"
            yield Item(text, list_of(need.model, need.query), need.urgency)
