"""What a member's browser sends with a choice."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.core import signing

from ledger.models import Decision

SALT = "consent.seen"
SEEN_LENGTH = 400
FRESH = 60 * 60
"""Seconds for which a page counts as fresh enough to allow from."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What the page showed when the button was pressed; ``fresh``: shown less than FRESH ago."""

    notice_version: int | None
    language: str
    revision: int | None
    fresh: bool = True


NOTHING_SEEN = Seen(None, "", None, fresh=False)


def sign_seen(member_id: int, seen: Seen) -> str:
    """A value for the form that the browser can carry but not change."""
    return signing.dumps([member_id, seen.notice_version, seen.language, seen.revision], salt=SALT)


def read_seen(member_id: int, value: str) -> Seen:
    """What `sign_seen` signed for this member; NOTHING_SEEN for anything else."""
    try:
        return _seen_by(member_id, signing.loads(value, salt=SALT, max_age=FRESH), fresh=True)
    except signing.SignatureExpired:
        return _seen_by(member_id, signing.loads(value, salt=SALT), fresh=False)
    except (signing.BadSignature, ValueError, TypeError):
        return NOTHING_SEEN


def _seen_by(member_id: int, signed: list[Any], *, fresh: bool) -> Seen:
    owner, version, language, revision = signed
    return Seen(version, language, revision, fresh) if owner == member_id else NOTHING_SEEN


@dataclass(frozen=True, slots=True)
class SentChoice:
    """What the button sends. ``seen`` may be anything, also empty: an objection counts even where
    we cannot tell what the member saw."""

    request_id: UUID
    decision: Decision
    seen: str


def read_choice(sent: Mapping[str, str]) -> SentChoice | None:
    """What the button sends; None for anything else.

    Not a Form: that would copy and bind its fields for each request, which costs as much as one
    of the request's queries, and none of its messages would be shown.
    """
    seen = sent.get("seen", "")
    if len(seen) > SEEN_LENGTH or "\0" in seen:
        return None
    try:
        request_id = UUID(sent.get("request_id", ""))
        return SentChoice(request_id, Decision(sent.get("decision", "")), seen)
    except ValueError:
        return None
