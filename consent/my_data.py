"""All that this site holds about one member, for that member."""

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.urls import reverse
from django.utils import timezone

from accounts.models import Member, MemberAccess, Session
from consent.models import ParkedMail, SentMail, Told
from ledger.models import Entry
from propagation.progress import Delivery, history
from propagation.removals import Removed, removals

more: list[Callable[[Member], dict[str, Any]]] = []
"""What apps above this one hold about a member, as named parts of the JSON; they add to it."""


@dataclass(frozen=True, slots=True)
class MyData:
    """Each list has the newest first."""

    made_at: datetime
    member: Member
    sessions: list[Session]
    choices: list[tuple[Entry, list[Delivery]]]
    removed: list[Removed]
    mails: list[SentMail]
    unsent_mails: list[ParkedMail]
    accesses: list[MemberAccess]
    told: list[Told]

    def as_json(self) -> dict[str, Any]:
        """Points in time are aware, in UTC; the encoder of Django writes them by ISO 8601."""
        return {
            "made_at": self.made_at,
            "held_by": {
                "name": settings.OPERATOR_NAME,
                "contact": settings.OPERATOR_PRIVACY_EMAIL,
            },
            "identity": _identity(self.member),
            "signed_in_until": [session.expire_date for session in self.sessions],
            "choices": [_choice(entry, stores) for entry, stores in self.choices],
            "deleted_by_stores": [asdict(removed) for removed in self.removed],
            "mails_sent": [_mail(mail) for mail in self.mails],
            "mails_not_sent": [_unsent(mail) for mail in self.unsent_mails],
            "told_of_notices": [_told(told) for told in self.told],
            "staff_access": [_access(access) for access in self.accesses],
            **{name: part for held in more for name, part in held(self.member).items()},
        }


def my_data(member: Member) -> MyData:
    """Collect it; labels of stores are in the active language."""
    choices = history(member.member_ref)
    purposes = sorted({entry.purpose for entry, _ in choices})
    return MyData(
        made_at=timezone.now(),
        member=member,
        sessions=list(member.sessions.order_by("-expire_date")),
        choices=choices,
        removed=[found for code in purposes for found in removals(member.member_ref, code)],
        mails=list(member.sent_mails.order_by("-sent_at")),
        unsent_mails=list(member.parked_mails.order_by("-parked_at")),
        accesses=list(MemberAccess.objects.filter(member_ref=member.member_ref).order_by("-pk")),
        told=list(member.told.select_related("notice").order_by("-pk")),
    )


def _identity(member: Member) -> dict[str, Any]:
    return {
        "member_ref": member.member_ref,
        "email": member.email,
        "name": member.name,
        "country_by_account": member.country,
        "country_by_member": member.stated_country,
        "language": member.language,
        "under_18": member.is_minor,
        "has_password": member.has_usable_password(),
        "is_staff": member.is_staff,
        "known_here_since": member.joined_at,
        "last_sign_in": member.last_login,
    }


def _choice(entry: Entry, stores: Iterable[Delivery]) -> dict[str, Any]:
    return {
        "purpose": entry.purpose,
        "decision": entry.decision,
        "recorded_at": entry.recorded_at,
        "revision": entry.revision,
        "channel": entry.channel,
        **_notice(entry.notice_version, entry.notice_language),
        "stores": [asdict(store) for store in stores],
    }


def _mail(mail: SentMail) -> dict[str, Any]:
    return {
        "kind": mail.kind,
        "purpose": mail.purpose,
        **_notice(mail.notice_version, mail.language),
        "revision": mail.revision,
        "sent_at": mail.sent_at,
    }


def _access(access: MemberAccess) -> dict[str, Any]:
    """When, what and why; not who: staff answer to the operator."""
    return {"at": access.at, "what": access.what, "reason": access.reason}


def _told(told: Told) -> dict[str, Any]:
    return {
        "purpose": told.notice.purpose_id,
        "notice_version": told.notice.version,
        "mail_accepted_at": told.mailed_at,
        "page_seen_at": told.seen_at,
        "letter_sent_at": told.letter_at,
        "address": told.address,
        "address_at": told.address_at,
    }


def _unsent(mail: ParkedMail) -> dict[str, Any]:
    return {
        "kind": "confirmation",
        "purpose": mail.purpose,
        "revision": mail.revision,
        "since": mail.parked_at,
        "reason": mail.reason,
    }


def _notice(version: int | None, language: str) -> dict[str, Any]:
    """Which text it was, and where that can be read."""
    known = version and language
    return {
        "notice_version": version,
        "notice_language": language,
        "notice_address": settings.SITE_URL + reverse("notice_version", args=[language, version])
        if known
        else None,
    }
