"""The one way in which a choice is recorded, whoever asks for it."""

from functools import partial
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils import timezone

from ledger.append import Appended, NewChoice, Outcome, append, partition_of
from ledger.models import Channel, Decision
from propagation.wake import wake

__all__ = ["Outcome", "record_choice"]


def record_choice(
    *,
    member_ref: str,
    purpose: str,
    decision: Decision,
    channel: Channel,
    request_id: UUID,
    notice_version: int | None = None,
    notice_language: str = "",
    expected_revision: int | None = None,
    evidence_sha256: str | None = None,
) -> Appended:
    """Record a member's choice; on return it is durable (or is so with the caller's commit).

    ``notice_version`` and ``notice_language``: what the member saw, where that is known.
    ``expected_revision``: the revision that the member saw; needed for allowing, which must not
    happen from an old page. An objection is taken from any page; with 0 it is recorded only for
    a member who has made no choice. ``evidence_sha256``: of the file by which support records it.

    Raises PermissionDenied for allowing through any other channel than the dashboard, and
    django.db.Error if the database did not take it: then nothing is recorded.
    """
    if decision == Decision.ALLOWED and (channel != Channel.DASHBOARD or not expected_revision):
        raise PermissionDenied("Only members themselves can allow, signed in, on a fresh page.")
    appended = append(
        NewChoice(
            member_ref=member_ref,
            purpose=purpose,
            decision=decision,
            channel=channel,
            request_id=request_id,
            recorded_at=timezone.now(),
            notice_version=notice_version,
            notice_language=notice_language,
            expected_revision=expected_revision,
            evidence_sha256=evidence_sha256,
        )
    )
    if appended.outcome is Outcome.RECORDED:
        transaction.on_commit(partial(wake, partition_of(member_ref)))
    return appended
