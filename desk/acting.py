"""Writing down what staff do, together with the doing of it."""

from uuid import UUID

from django.db import transaction

from accounts.access_log import note
from accounts.models import MemberAccess
from desk.models import MemberRequest, StaffAction

REASON_LENGTH = 4_000


class CannotAct(Exception):
    """Nothing was done; the message tells the member of staff why."""


class Repeated(CannotAct):
    """The same form was sent before."""


def act(
    *,
    by: str,
    member_ref: str,
    kind: StaffAction.Kind,
    reason: str,
    press: UUID,
    outcome: str = "",
    evidence_sha256: str = "",
    request: MemberRequest | None = None,
) -> StaffAction:
    """Write the action down, for good; within the transaction that does it.

    ``press`` is of the form that was sent. Raises CannotAct for no reason given, and
    django.db.Error if it could not be kept: then nothing may be done either.
    """
    reason = _kept(reason)
    if not reason:
        raise CannotAct("Nothing was done: give a reason. It is kept with what you do.")
    with transaction.atomic():
        refuse_repeat(press)
        note(by=by, member_ref=member_ref, what=MemberAccess.What.ACTED, reason=reason)
        return StaffAction.objects.create(
            by=by,
            member_ref=member_ref,
            kind=kind,
            reason=reason,
            outcome=_kept(outcome),
            evidence_sha256=evidence_sha256,
            request=request,
            press=press,
        )


def refuse_repeat(press: UUID) -> None:
    """Raises Repeated. Two at once are told apart by the unique index."""
    if StaffAction.objects.filter(press=press).exists():
        raise Repeated("This was done already: the same form came twice. Nothing was added.")


def _kept(text: str) -> str:
    return text.replace("\0", "").strip()[:REASON_LENGTH]
