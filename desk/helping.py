"""What support does on a member's page, apart from objections and requests."""

from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts.models import Member
from accounts.regions import country_for
from desk.acting import CannotAct, act
from desk.models import StaffAction, SupportMail
from ledger.models import Entry
from propagation.retrying import retry_member

Kind = StaffAction.Kind


def send_link(*, member: Member, by: str, reason: str, press: UUID) -> str:
    """Have the notice with the member's personal link mailed again."""
    return _mail(member, SupportMail.Kind.LINK, None, by=by, reason=reason, press=press)


def send_receipt(*, member: Member, revision: int, by: str, reason: str, press: UUID) -> str:
    """Have the receipt of one choice mailed again. Raises CannotAct where there is none."""
    if not Entry.objects.of(member.member_ref, settings.PURPOSE).filter(revision=revision).exists():
        raise CannotAct("There is no such choice, so there is no receipt.")
    return _mail(member, SupportMail.Kind.RECEIPT, revision, by=by, reason=reason, press=press)


def _mail(
    member: Member,
    kind: SupportMail.Kind,
    revision: int | None,
    *,
    by: str,
    reason: str,
    press: UUID,
) -> str:
    outcome = f"It will be mailed within seconds: {kind.label}."
    with transaction.atomic():
        act(
            by=by,
            member_ref=member.member_ref,
            kind=Kind.LINK if kind == SupportMail.Kind.LINK else Kind.RECEIPT,
            reason=reason,
            press=press,
            outcome=f"{kind.label}, choice {revision}" if revision else kind.label,
        )
        SupportMail.objects.create(
            member=member, kind=kind, purpose=settings.PURPOSE, revision=revision
        )
    return outcome


def correct_country(*, member: Member, code: str, by: str, reason: str, press: UUID) -> str:
    """Keep where the member says they live, as the member's own page would.

    No choice is touched. Where the account says otherwise and the rules differ, neither is
    believed, and the member's data is not used (`accounts.residence`).
    """
    country = country_for(code)
    if country is None:
        raise CannotAct("There is no such country.")
    with transaction.atomic():
        current = Member.objects.select_for_update().get(pk=member.pk)
        before = current.residence.code or "not known"
        current.state_country(country.code)
        outcome = f"{before} → {country.code}"
        if current.residence.disputed:
            outcome += "; the account says otherwise, so the more protective rules hold"
        act(
            by=by,
            member_ref=member.member_ref,
            kind=Kind.COUNTRY,
            reason=reason,
            press=press,
            outcome=outcome,
        )
    return f"Corrected: {outcome}."


def retry(*, member: Member, by: str, reason: str, press: UUID) -> str:
    """Have all that is parked for the member, choices and mails, tried again at once."""
    with transaction.atomic():
        choices = retry_member(member.member_ref)
        mails = member.parked_mails.update(retry_at=timezone.now())
        outcome = f"{choices} refused by stores and {mails} refused by the mail server"
        act(
            by=by,
            member_ref=member.member_ref,
            kind=Kind.RETRIED,
            reason=reason,
            press=press,
            outcome=outcome,
        )
    return f"Tried again within seconds: {outcome}."


def explain(*, member_ref: str, by: str, reason: str, press: UUID) -> str:
    """Keep why something is delayed, for whoever is asked next."""
    act(by=by, member_ref=member_ref, kind=Kind.EXPLAINED, reason=reason, press=press)
    return "The explanation is kept."


def write_note(*, member_ref: str, by: str, reason: str, press: UUID) -> str:
    act(by=by, member_ref=member_ref, kind=Kind.NOTE, reason=reason, press=press)
    return "The note is kept."
