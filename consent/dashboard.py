"""What the member's page and the mail page show."""

import uuid
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.utils import timezone

from accounts.models import Member
from consent.coverage import Period, exposure
from consent.forms import Seen, sign_seen
from consent.models import Notice, NoticeText
from consent.situation import Situation, situation_of
from ledger.models import Entry
from propagation.progress import Delivery, deliveries
from propagation.removals import Removed, removals

HISTORY = 50
"""Choices shown in the history; older ones stay in the ledger."""


@dataclass(frozen=True, slots=True)
class Page:
    """All that is shown to one member about one purpose. ``choice`` is None for no choice."""

    notice: Notice
    text: NoticeText
    situation: Situation
    history: list[Entry]
    deliveries: list[Delivery]
    exposure: list[Period]
    removals: list[Removed]

    @property
    def choice(self) -> Entry | None:
        return self.history[0] if self.history else None

    @property
    def pending(self) -> bool:
        return any(delivery.state != "confirmed" for delivery in self.deliveries)

    def context(self, member: Member, problem: str | None = None) -> dict[str, Any]:
        """Template context, with a form that stands for one new request on this page."""
        seen = Seen(self.text.version, self.text.language, self.revision)
        return {
            "text": self.text,
            "situation": self.situation,
            "choice": self.choice,
            "deliveries": self.deliveries,
            "pending": self.pending,
            "history": self.history,
            "exposure": self.exposure,
            "removals": self.removals,
            "form": {"request_id": uuid.uuid4(), "seen": sign_seen(member.pk, seen)},
            "problem": problem,
        }

    @property
    def revision(self) -> int:
        return self.choice.revision if self.choice else 0


def page_for(member: Member, notice: Notice) -> Page:
    text = notice.text()
    situation = situation_of(member, notice, text)
    history = list(Entry.objects.of(member.member_ref, notice.purpose_id)[:HISTORY])
    delivered = deliveries(history[0]) if history else []
    return Page(
        notice=notice,
        text=text,
        situation=situation,
        history=history,
        deliveries=delivered,
        exposure=exposure(notice, situation.region, history, delivered, timezone.now())
        if situation.why == "region"
        else [],
        removals=removals(member.member_ref, notice.purpose_id) if history else [],
    )


def current_notice() -> Notice | None:
    return Notice.objects.current(settings.PURPOSE)
