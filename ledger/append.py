"""Appending a choice: the current-choice row is locked, its revision rises, the entry is added.

On PostgreSQL this is one statement; `_append_orm` does the same on SQLite, and tests hold the
two together.
"""

import zlib
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, connection, transaction

from ledger.models import Channel, CurrentChoice, Decision, Entry
from privacydash.prepared import Prepared


class Outcome(Enum):
    RECORDED = "recorded"
    UNCHANGED = "unchanged"
    """It held already, or this very request recorded it before: nothing was added."""
    STALE = "stale"
    """Another choice has been made since the one that this request builds on: nothing was added."""


@dataclass(frozen=True, slots=True)
class NewChoice:
    """What is asked for. ``expected_revision`` is the revision that the member saw; where it is
    given, the choice is recorded only if that still holds. None: whatever holds now.
    ``evidence_sha256``: of the file that support keeps for it, in hex."""

    member_ref: str
    purpose: str
    decision: Decision
    channel: Channel
    request_id: UUID
    recorded_at: datetime
    notice_version: int | None = None
    notice_language: str = ""
    expected_revision: int | None = None
    evidence_sha256: str | None = None


@dataclass(frozen=True, slots=True)
class Appended:
    """The outcome, and the revision that holds now (0: no choice)."""

    outcome: Outcome
    revision: int


def partition_of(member_ref: str) -> int:
    return zlib.crc32(member_ref.encode()) % settings.LEDGER_PARTITIONS


def append(new: NewChoice) -> Appended:
    """Append a choice; committed on return, or with the caller's transaction.

    Repeating a ``request_id`` of the same member and purpose, or asking for what holds already,
    adds nothing. Raises django.db.Error if the database did not take it: then nothing is kept.
    """
    try:
        with _guarded():
            revision = _append_sql(new) if connection.vendor == "postgresql" else _append_orm(new)
    except IntegrityError:
        # The same request came twice at once, and a choice in between made both look new.
        revision = None
    return Appended(Outcome.RECORDED, revision) if revision else _settle(new)


def _guarded() -> AbstractContextManager[Any]:
    """A savepoint where the caller has a transaction, so that a failure leaves it usable."""
    return transaction.atomic() if connection.in_atomic_block else nullcontext()


# The casts give each parameter one type, whether it is sent beside the statement or within it.
_APPEND = """
WITH current AS (
    INSERT INTO ledger_currentchoice AS held (member_ref, purpose, decision, revision, changed_at)
    SELECT %(member_ref)s::varchar, %(purpose)s::varchar, %(decision)s::varchar, 1,
        %(recorded_at)s::timestamptz
    WHERE NOT EXISTS (
        SELECT 1 FROM ledger_entry
        WHERE member_ref = %(member_ref)s AND purpose = %(purpose)s
          AND request_id = %(request_id)s
    ) AND (%(expected_revision)s::int IS NULL OR %(expected_revision)s::int = 0 OR EXISTS (
        SELECT 1 FROM ledger_currentchoice
        WHERE member_ref = %(member_ref)s AND purpose = %(purpose)s
    ))
    ON CONFLICT (member_ref, purpose) DO UPDATE
    SET decision = EXCLUDED.decision, revision = held.revision + 1,
        changed_at = EXCLUDED.changed_at
    WHERE held.decision <> EXCLUDED.decision
      AND (%(expected_revision)s::int IS NULL OR held.revision = %(expected_revision)s::int)
    RETURNING revision
)
INSERT INTO ledger_entry (partition, member_ref, purpose, decision, revision, channel,
    notice_version, notice_language, request_id, recorded_at, evidence_sha256)
SELECT %(partition)s, %(member_ref)s, %(purpose)s, %(decision)s, revision, %(channel)s,
    %(notice_version)s, %(notice_language)s, %(request_id)s, %(recorded_at)s, %(evidence_sha256)s
FROM current
RETURNING revision
"""


_append_prepared = Prepared(_APPEND, (*NewChoice.__slots__, "partition"), "choice")


def _append_sql(new: NewChoice) -> int | None:
    values = {name: getattr(new, name) for name in NewChoice.__slots__}
    row = _append_prepared.fetch_row({**values, "partition": partition_of(new.member_ref)})
    return row[0] if row else None


@transaction.atomic
def _append_orm(new: NewChoice) -> int | None:
    key = {"member_ref": new.member_ref, "purpose": new.purpose}
    if Entry.objects.filter(**key, request_id=new.request_id).exists():
        return None
    held = CurrentChoice.objects.select_for_update().filter(**key).first()
    if held and held.decision == new.decision:
        return None
    revision = held.revision if held else 0
    if new.expected_revision not in (None, revision):
        return None
    held = held or CurrentChoice(**key)
    held.decision, held.revision, held.changed_at = new.decision, revision + 1, new.recorded_at
    held.save()
    Entry.objects.create(
        **key,
        partition=partition_of(new.member_ref),
        decision=new.decision,
        revision=held.revision,
        channel=new.channel,
        notice_version=new.notice_version,
        notice_language=new.notice_language,
        request_id=new.request_id,
        recorded_at=new.recorded_at,
        evidence_sha256=new.evidence_sha256,
    )
    return held.revision


def _settle(new: NewChoice) -> Appended:
    """Why nothing was added: it holds already, or something else does by now."""
    held = CurrentChoice.objects.filter(member_ref=new.member_ref, purpose=new.purpose).first()
    if held is None:
        return Appended(Outcome.STALE, 0)
    same = held.decision == new.decision
    return Appended(Outcome.UNCHANGED if same else Outcome.STALE, held.revision)
