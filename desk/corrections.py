"""Objections that support recorded for the wrong person: asked for by one, decided by another.

A correction never allows anything. What it does instead, and why, is in
docs/adr/0017-corrections-never-allow.md.
"""

import uuid
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.models import Member
from consent.services import record_choice
from desk.acting import CannotAct, act, refuse_repeat
from desk.models import Correction, Evidence, StaffAction, SupportMail
from ledger.models import Channel, Decision, Entry

Kind, State = StaffAction.Kind, Correction.State


def correctable(entry: Entry) -> bool:
    """An objection that support recorded, and after which the member has not chosen."""
    newest = Entry.objects.of(entry.member_ref, entry.purpose).first()
    return entry == newest and entry.channel == Channel.SUPPORT


def ask(*, member_ref: str, meant_ref: str, by: str, reason: str, press: UUID) -> Correction:
    """Ask for a correction of the member's choice; ``meant_ref``: whose objection it was, or "".

    Raises CannotAct where there is nothing that support may correct.
    """
    entry = Entry.objects.of(member_ref, settings.PURPOSE).first()
    if entry is None or not correctable(entry):
        raise CannotAct(
            "Only an objection that support recorded can be corrected, and only while the member "
            "has made no other choice. A member's own choice is theirs."
        )
    if meant_ref == member_ref or (
        meant_ref and not Member.objects.filter(member_ref=meant_ref).exists()
    ):
        raise CannotAct("Give the reference of another member, who is known here.")
    try:
        with transaction.atomic():
            refuse_repeat(press)
            correction = Correction.objects.create(
                member_ref=member_ref,
                purpose=settings.PURPOSE,
                revision=entry.revision,
                meant_ref=meant_ref,
                reason=reason,
                asked_by=by,
            )
            act(
                by=by,
                member_ref=member_ref,
                kind=Kind.ASKED,
                reason=reason,
                press=press,
                outcome=f"Choice {entry.revision} was recorded for the wrong person, it is said.",
            )
    except IntegrityError:
        raise CannotAct("A correction of this choice was asked for before.") from None
    return correction


def agree(*, correction: Correction, by: str, reason: str, press: UUID) -> str:
    """Mark the choice as recorded by mistake, record the objection for who was meant, and have the
    member told. Raises CannotAct for who asked, and where it was decided before."""
    with transaction.atomic():
        refuse_repeat(press)
        entry = Entry.objects.of(correction.member_ref, correction.purpose).get(
            revision=correction.revision
        )
        if not correctable(entry):
            raise CannotAct("The member has made a choice since: it is theirs, and holds.")
        _decide(correction, State.AGREED, by, reason)
        outcome = f"Choice {entry.revision} is marked as recorded by mistake. It holds until the "
        outcome += "member changes it; they are told by mail."
        act(
            by=by,
            member_ref=correction.member_ref,
            kind=Kind.AGREED,
            reason=reason,
            press=press,
            outcome=outcome,
        )
        if member := Member.objects.filter(member_ref=correction.member_ref).first():
            SupportMail.objects.create(
                member=member,
                kind=SupportMail.Kind.CORRECTION,
                purpose=correction.purpose,
                revision=correction.revision,
            )
        if meant := Member.objects.filter(member_ref=correction.meant_ref).first():
            # Somebody else's letter must not stay with, or go with, the wrong member.
            kept = Evidence.objects.filter(member__member_ref=correction.member_ref)
            kept.filter(sha256=entry.evidence_sha256 or "").update(member=meant)
            _object_for_who_was_meant(correction, entry, by, reason)
    return outcome


def refuse(*, correction: Correction, by: str, reason: str, press: UUID) -> str:
    with transaction.atomic():
        _decide(correction, State.REFUSED, by, reason)
        act(
            by=by,
            member_ref=correction.member_ref,
            kind=Kind.REFUSED,
            reason=reason,
            press=press,
            outcome=f"Choice {correction.revision} stays as it is.",
        )
    return "The correction is refused. The choice stays as it is."


def _decide(correction: Correction, state: Correction.State, by: str, answer: str) -> None:
    """Once: of two who decide at the same time, one finds it decided."""
    if by == correction.asked_by:
        raise CannotAct("You asked for it, so somebody else has to decide.")
    decided = (
        Correction.objects.asked()
        .filter(pk=correction.pk)
        .update(state=state, decided_by=by, decided_at=timezone.now(), answer=answer)
    )
    if not decided:
        raise CannotAct("Somebody else has decided already.")


def _object_for_who_was_meant(correction: Correction, entry: Entry, by: str, reason: str) -> None:
    recorded = record_choice(
        member_ref=correction.meant_ref,
        purpose=correction.purpose,
        decision=Decision.OBJECTED,
        channel=Channel.SUPPORT,
        request_id=uuid.uuid4(),
        evidence_sha256=entry.evidence_sha256,
    )
    act(
        by=by,
        member_ref=correction.meant_ref,
        kind=Kind.OBJECTED,
        reason=reason,
        press=uuid.uuid4(),
        outcome=(
            f"Meant for this member, asked for by {correction.asked_by}: "
            f"{recorded.outcome.value} as choice {recorded.revision}."
        ),
        evidence_sha256=entry.evidence_sha256 or "",
    )
