"""An objection that a member made to support: by phone, letter, mail or in person."""

from typing import Literal
from uuid import UUID

from django.conf import settings
from django.db import transaction

from accounts.models import Member
from consent.services import Outcome, record_choice
from desk.acting import act, refuse_repeat
from desk.evidence import Examined, keep
from desk.models import StaffAction
from ledger.models import Channel, Decision

type Way = Literal["phone", "letter", "mail", "in person"]


def object_for(
    *, member: Member, by: str, way: Way, reason: str, press: UUID, evidence: Examined | None = None
) -> str:
    """Record it in the ledger, with the hash of the evidence, and write down who did so and why.

    Returns what to tell the member of staff. The member gets the confirmation mail as for any
    choice. Raises CannotAct, and django.db.Error if the database did not take it: then nothing is
    recorded. There is no service that allows: only members can, for themselves.
    """
    with transaction.atomic():
        refuse_repeat(press)
        kept = keep(member=member, examined=evidence, by=by) if evidence else None
        recorded = record_choice(
            member_ref=member.member_ref,
            purpose=settings.PURPOSE,
            decision=Decision.OBJECTED,
            channel=Channel.SUPPORT,
            request_id=press,
            evidence_sha256=kept.sha256 if kept else None,
        )
        if recorded.outcome is Outcome.RECORDED:
            outcome = f"By {way}: recorded as choice {recorded.revision}."
        else:
            outcome = f"By {way}: the member had objected before (choice {recorded.revision})."
        act(
            by=by,
            member_ref=member.member_ref,
            kind=StaffAction.Kind.OBJECTED,
            reason=reason,
            press=press,
            outcome=outcome,
            evidence_sha256=kept.sha256 if kept else "",
        )
    return outcome
