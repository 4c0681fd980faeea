"""A member's page as it will be with a notice that is not published yet, for staff to look at."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.utils import timezone

from accounts.cldr import country_name
from accounts.models import Member
from accounts.regions import Region, country_for, lead_authority
from consent.coverage import END, Period
from consent.dashboard import Page
from consent.models import Notice, NoticeText
from consent.situation import Situation, basis_for, region_name
from ledger.models import Channel, Decision, Entry
from propagation.progress import Delivery
from propagation.registry import configured

ANNOUNCED = timedelta(days=30)
"""Between the announcement and the start that a preview shows."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A member's state. ``words`` are what staff call it."""

    words: str
    country: str
    phase: str = "since"
    objected: bool = False
    minor: bool = False


STATES = {
    "before": Shown("before the start", "DE", "before"),
    "since": Shown("since the start", "DE"),
    "paused": Shown("paused", "DE", "paused"),
    "objected": Shown("objected", "DE", objected=True),
    "gb": Shown("since the start, in the United Kingdom", "GB"),
    "ch": Shown("since the start, in Switzerland", "CH"),
    "elsewhere": Shown("where it does not apply", "US"),
    "minor": Shown("under 18", "DE", minor=True),
}


def cannot_be_shown(notice: Notice, text: NoticeText) -> str:
    """Why there is nothing to look at yet; empty if there is."""
    named = {*notice.used, *notice.never_used}
    without = sorted(kind for kind in named if not _has_words(text.kinds.get(kind)))
    return f"There are no words yet for: {', '.join(without)}." if without else ""


def _has_words(words: Any) -> bool:
    return isinstance(words, dict) and {"label", "detail"} <= words.keys()


def context_of(notice: Notice, text: NoticeText, state: str, viewer: Member) -> dict[str, Any]:
    """For the template of the member's page, in the active language. Nothing in it can be sent."""
    shown = STATES[state]
    text.notice = notice
    filled = text.filled()
    situation = _situation(filled, shown)
    now = timezone.now()
    exposed = situation.phase == "since" and not shown.objected
    page = Page(
        notice=notice,
        text=filled,
        situation=situation,
        history=[_objection(filled)] if shown.objected else [],
        deliveries=[
            Delivery(store.label_text, "confirmed", now) for store in configured() if shown.objected
        ],
        exposure=[Period(now, END)] if exposed else [],
        removals=[],
    )
    empty = {"request_id": "", "seen": ""}
    return {**page.context(viewer), "form": empty, "preview": True}


def _situation(text: NoticeText, shown: Shown) -> Situation:
    country = country_for(shown.country)
    assert country  # noqa: S101 — STATES names real ones
    region = country.region
    applies = region is not None and not shown.minor
    today = timezone.localdate()
    starts_on = today + ANNOUNCED if shown.phase == "before" else today
    why = "minor" if shown.minor else "region" if region else "not_here"
    return Situation(
        applies=applies,
        why=why,
        phase=shown.phase if applies else "",
        announced_on=starts_on - ANNOUNCED if applies else None,
        starts_on=starts_on if applies else None,
        paused_since=timezone.now() if applies and shown.phase == "paused" else None,
        country_name=country_name(country),
        region=region or "",
        region_name=region_name(Region(region)) if region else "",
        basis=basis_for(text, region),
        authority=country.authority,
        lead_authority=lead_authority(settings.OPERATOR_LEAD_COUNTRY),
    )


def _objection(text: NoticeText) -> Entry:
    """Not saved, and nobody's."""
    return Entry(
        decision=Decision.OBJECTED,
        channel=Channel.DASHBOARD,
        revision=1,
        recorded_at=timezone.now(),
        notice_version=text.version,
    )
