"""What support sees of one member on one page."""

from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.utils import translation

from accounts.cldr import country_name
from accounts.models import Member
from consent.dashboard import current_notice
from consent.models import ParkedMail
from consent.situation import Situation, situation_of
from desk.acting import CannotAct
from desk.corrections import correctable
from desk.masking import masked, masked_email
from desk.models import Correction, Evidence, MemberRequest, StaffAction, SupportMail
from desk.timeline import Event, timeline
from ledger.models import Entry
from propagation.models import Cursor, Parked
from propagation.progress import Delivery, deliveries
from propagation.report import standing_of
from propagation.words import in_words

RULES = {
    "minor": "Data of members under 18 is never used, whatever they choose.",
    "unknown_country": "Nobody has said where they live. Until then their data is not used.",
    "disputed_country": (
        "Account and member name countries with different rules. Until that is clear, their data "
        "is not used."
    ),
    "not_here": "The change does not apply where they live. An objection is kept all the same.",
    "no_notice": "There is no notice for where they live, so their data is not used.",
}


@dataclass(frozen=True, slots=True)
class Who:
    """``open``: the member of staff has said why they look, so nothing is masked."""

    member_ref: str
    member: Member | None
    open: bool

    @property
    def known(self) -> Member:
        """Raises CannotAct for a reference that is in the ledger only."""
        if self.member is None:
            raise CannotAct("This member is not known here: erased, or never imported.")
        return self.member

    @property
    def email(self) -> str:
        if self.member is None:
            return ""
        return self.member.email if self.open else masked_email(self.member.email)

    @property
    def name(self) -> str:
        if self.member is None:
            return ""
        return self.member.name if self.open else masked(self.member.name)


@dataclass(frozen=True, slots=True)
class Delay:
    """Something that has not arrived, and why in plain words."""

    what: str
    since: datetime | None
    why: str


class Page:
    """Each attribute is what the page says under that name; only for a page that is open."""

    def __init__(self, member_ref: str, member: Member | None, *, looks: bool) -> None:
        self.member_ref, self.member = member_ref, member
        newest = Entry.objects.of(member_ref, settings.PURPOSE).first()
        self.choice = newest
        self.deliveries: list[Delivery] = deliveries(newest) if newest else []
        self.delays = [*_store_delays(newest), *_mail_delays(member)] if newest else []
        self.explained = StaffAction.objects.filter(
            member_ref=member_ref, kind=StaffAction.Kind.EXPLAINED
        ).order_by("-pk")[:3]
        self.situation, self.rule = _rules(member)
        self.account_country = country_name(member.residence.by_account) if member else ""
        self.stated_country = country_name(member.residence.by_member) if member else ""
        self.corrections = list(
            Correction.objects.filter(member_ref=member_ref).order_by("-pk")[:10]
        )
        self.correctable = (
            newest is not None
            and correctable(newest)
            and all(c.revision != newest.revision or c.state == "refused" for c in self.corrections)
        )
        self.requests = MemberRequest.objects.filter(member_ref=member_ref).order_by("-pk")[:20]
        self.evidence = Evidence.objects.filter(member=member).order_by("-pk")[:50]
        self.events: list[Event] = timeline(member_ref, member, looks=looks)


def _rules(member: Member | None) -> tuple[Situation | None, str]:
    """Which rules apply, and why, in English for staff."""
    notice = current_notice()
    if member is None or notice is None:
        return None, ""
    with translation.override("en"):
        found = situation_of(member, notice, notice.text())
    why = RULES.get(found.why) or {
        "before": f"Starts on {found.starts_on} in {found.region_name}, unless they object.",
        "since": f"Started on {found.starts_on} in {found.region_name}; used unless they object.",
        "paused": f"Paused in {found.region_name}: no data is used.",
    }.get(found.phase, "")
    return found, why


def _store_delays(entry: Entry) -> list[Delay]:
    """Of the current choice: what each store has not confirmed, and what keeps it from it."""
    parked = {
        row.store: row
        for row in Parked.objects.open().filter(
            member_ref=entry.member_ref, purpose=entry.purpose, store__in=settings.DATA_STORES
        )
    }
    cursors = Cursor.objects.filter(partition=entry.partition, store__in=settings.DATA_STORES)
    found = []
    for cursor in cursors.order_by("store"):
        refused = parked.get(cursor.store)
        if refused:
            why = f"The store refuses it: {in_words(refused.reason)} Tried {refused.attempts} times"
            why += f"; tried again at {refused.retry_at:%Y-%m-%d %H:%M} UTC."
            found.append(Delay(cursor.store, refused.parked_at, why))
        elif entry.position is None or cursor.position < entry.position:
            standing = standing_of(cursor)
            why = f"The store is {standing.state}. {standing.trouble}".strip()
            found.append(Delay(cursor.store, entry.recorded_at, why))
    return found


def _mail_delays(member: Member | None) -> list[Delay]:
    if member is None:
        return []
    parked = [
        Delay(
            f"confirmation mail of choice {mail.revision}",
            mail.parked_at,
            f"The mail server refuses it: {mail.reason} "
            + (f"Tried again at {mail.retry_at:%Y-%m-%d %H:%M} UTC." if mail.retry_at else
               "It was given up: is the address right?"),
        )
        for mail in ParkedMail.objects.filter(member=member)
    ]  # fmt: skip
    waiting = SupportMail.objects.filter(member=member, sent_at=None)
    return parked + [
        Delay(mail.get_kind_display(), mail.asked_at, mail.problem or "It is sent within seconds.")
        for mail in waiting
    ]
