"""All that happened between a member and this site, as one list."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.urls import reverse

from accounts.models import Member, MemberAccess
from campaigns.models import Recipient
from consent.models import ParkedMail, SentMail, Told
from desk.models import StaffAction, SupportMail
from ledger.models import Entry
from propagation.progress import Delivery, history
from propagation.removals import removals

SHOWN = 300
"""Of each kind, at most; the member's download has all of it."""


@dataclass(frozen=True, slots=True)
class Event:
    """``kind`` is a word to sort by eye; ``link`` leads to the text or file that it is about."""

    at: datetime
    kind: str
    what: str
    detail: str = ""
    link: str = ""
    link_text: str = ""


def timeline(member_ref: str, member: Member | None, *, looks: bool) -> list[Event]:
    """The newest first. Of a member who is not known here, what the reference leads to.

    ``looks``: with who looked at the page.
    """
    events = [*_choices(member_ref), *_staff(member_ref), *(_looks(member_ref) if looks else ())]
    if member:
        events += [*_mails(member), *_notices(member), *_campaigns(member)]
    return sorted(events, key=lambda event: event.at, reverse=True)


def _choices(member_ref: str) -> Iterator[Event]:
    for entry, stores in history(member_ref)[:SHOWN]:
        seen, link = _text_seen(entry)
        channel = entry.get_channel_display()
        yield Event(
            entry.recorded_at,
            "choice",
            f"{entry.get_decision_display().capitalize()} (choice {entry.revision})",
            f"By {channel}. {seen} Receipt number {entry.request_id}."
            + (f" Evidence {entry.evidence_sha256}." if entry.evidence_sha256 else ""),
            link,
            "the exact text" if link else "",
        )
        yield from (_confirmed(entry, store) for store in stores if store.state == "confirmed")
    for removed in removals(member_ref, settings.PURPOSE):
        yield Event(removed.at, "store", f"{removed.label}: {removed.rows} records removed")


def _text_seen(entry: Entry) -> tuple[str, str]:
    if not entry.notice_version:
        return "Which text the member saw is not known.", ""
    seen = f"Saw notice version {entry.notice_version} ({entry.notice_language or 'language ?'})."
    return seen, _notice_link(entry.notice_language, entry.notice_version)


def _notice_link(language: str, version: int | None) -> str:
    return reverse("notice_version", args=[language, version]) if language and version else ""


def _confirmed(entry: Entry, store: Delivery) -> Event:
    assert store.at  # noqa: S101 — confirmed means when
    return Event(store.at, "store", f"{store.label} confirmed choice {entry.revision}")


def _mails(member: Member) -> Iterator[Event]:
    for mail in SentMail.objects.filter(member=member).order_by("-sent_at")[:SHOWN]:
        about = f"choice {mail.revision}" if mail.revision else f"notice {mail.notice_version}"
        link = _notice_link(mail.language, mail.notice_version)
        yield Event(
            mail.sent_at, "mail", f"Mail sent: {mail.get_kind_display()}, {about}",
            f"In {mail.language}.", link, "the exact text" if link else "",
        )  # fmt: skip
    for parked in ParkedMail.objects.filter(member=member)[:SHOWN]:
        yield Event(
            parked.parked_at, "mail", f"Mail refused: confirmation of choice {parked.revision}",
            parked.reason,
        )  # fmt: skip
    for asked in SupportMail.objects.filter(member=member).order_by("-pk")[:SHOWN]:
        if asked.sent_at:
            yield Event(asked.sent_at, "mail", f"Mail sent by support: {asked.get_kind_display()}")
        elif asked.problem:
            again = "tried again" if asked.retry_at else "given up"
            what = f"Mail by support is not taken: {asked.get_kind_display()}"
            yield Event(asked.asked_at, "mail", what, f"{asked.problem}; {again}.")


def _notices(member: Member) -> Iterator[Event]:
    for told in Told.objects.filter(member=member).select_related("notice"):
        link = _notice_link(member.language or settings.LANGUAGE_CODE, told.notice.version)
        times = (
            (told.seen_at, "Saw the page"),
            (told.mailed_at, "Was told by mail"),
            (told.letter_at, "Was told by letter"),
        )
        for at, what in times:
            if at:
                yield Event(at, "notice", f"{what}: notice version {told.notice.version}",
                            link=link, link_text="the text")  # fmt: skip
        if told.address_at and told.address in {Told.Address.BOUNCED, Told.Address.REFUSED}:
            what = f"Mail with notice version {told.notice.version} came back"
            yield Event(told.address_at, "notice", what, f"{told.get_address_display()}.")


def _campaigns(member: Member) -> Iterator[Event]:
    sent = Recipient.objects.filter(member=member).select_related("campaign").order_by("-pk")
    for recipient in sent[:SHOWN]:
        at = recipient.sent_at or recipient.due_at
        reason = recipient.get_reason_display() if recipient.reason else ""
        detail = "; ".join(filter(None, [reason, recipient.reply]))
        what = f"Campaign “{recipient.campaign}”: {recipient.get_state_display()}"
        yield Event(at, "notice", what, detail)
        if recipient.complained_at:
            yield Event(recipient.complained_at, "notice", "Marked the mail as spam")


def _staff(member_ref: str) -> Iterator[Event]:
    for action in StaffAction.objects.filter(member_ref=member_ref).order_by("-pk")[:SHOWN]:
        what = f"{action.by} {action.get_kind_display()}"
        outcome = f"{action.outcome} " if action.outcome else ""
        yield Event(action.at, "staff", what, f"{outcome}Reason: {action.reason}")


def _looks(member_ref: str) -> Iterator[Event]:
    looks = MemberAccess.objects.filter(member_ref=member_ref).order_by("-pk")
    for look in looks.exclude(what=MemberAccess.What.ACTED)[:50]:
        reason = f"Reason: {look.reason}" if look.reason else ""
        yield Event(look.at, "look", f"{look.by}: {look.get_what_display()}", reason)
