"""What becomes of a mail after the mail server has taken it: it arrives, comes back, or annoys.

Each function is safe to repeat, in any order: providers send events twice and late. Find the
recipient with `message_ids.recipient_of`. Nothing comes of a mail that was never tried.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto

from django.db import transaction

from accounts.models import Member
from campaigns.models import NoReminders, Recipient, Undeliverable
from campaigns.rendering import address_of
from consent import told
from consent.models import Told

State, Reason = Recipient.State, Recipient.Reason


class What(Enum):
    """What a report says about one mail."""

    DELIVERED = auto()
    NO_SUCH_ADDRESS = auto()
    NOT_DELIVERED = auto()  # for good, and for another reason
    COMPLAINT = auto()
    NOTHING = auto()  # that would change anything, such as a delay


@dataclass(frozen=True, slots=True)
class Outcome:
    """A report about one recipient's mail. ``reply`` names no addresses; ``address`` is where the
    mail had gone, if that is known."""

    what: What
    recipient: Recipient
    at: datetime
    reply: str = ""
    address: str | None = None

    def write(self) -> None:
        match self.what:
            case What.DELIVERED:
                delivered(self.recipient, at=self.at)
            case What.COMPLAINT:
                complained(self.recipient, at=self.at)
            case What.NO_SUCH_ADDRESS | What.NOT_DELIVERED:
                hard = self.what is What.NO_SUCH_ADDRESS
                came_back(
                    self.recipient, hard=hard, reply=self.reply, at=self.at, address=self.address
                )


def delivered(recipient: Recipient, *, at: datetime) -> None:
    """The mail has arrived: this settles one whose sender was cut off."""
    with transaction.atomic():
        _locked(recipient)
        unsettled = Recipient.objects.filter(
            pk=recipient.pk, state__in=[State.PENDING, State.SENDING], attempts__gt=0
        )
        settled = unsettled.update(state=State.SENT, sent_at=at, lease=None, leased_until=None)
        if settled and recipient.member_id is not None:
            told.mail_accepted(recipient.campaign.notice, [recipient.member_id], at)


def came_back(
    recipient: Recipient, *, hard: bool, reply: str, at: datetime, address: str | None = None
) -> None:
    """The mail was not delivered. ``hard``: there is no such address, so nothing more goes there.

    ``address``: where it had gone, if that is known; one that the member has left does not count.
    """
    state, reason = (
        (State.BOUNCED, Reason.HARD_BOUNCE) if hard else (State.FAILED, Reason.SOFT_BOUNCE)
    )
    with transaction.atomic():
        _locked(recipient)
        row = Recipient.objects.select_for_update().get(pk=recipient.pk)
        known = row.state == State.BOUNCED or (row.state == State.FAILED and not hard)
        if known or row.state == State.SKIPPED or not row.was_tried:
            return
        row.state, row.reason, row.reply = state, reason, reply[:200]
        row.lease = row.leased_until = None
        row.save(update_fields=["state", "reason", "reply", "lease", "leased_until"])
        not_reached(row, gone=hard, reply=reply, at=at, address=address)


def not_reached(
    recipient: Recipient, *, gone: bool, reply: str, at: datetime, address: str | None = None
) -> None:
    """Note what this says about the member and the address, unless the member is erased."""
    member = _locked(recipient)
    if member is None:
        return
    told.mail_failed(
        recipient.campaign.notice,
        member.pk,
        Told.Address.BOUNCED if gone else Told.Address.REFUSED,
        at,
        sent_at=recipient.sent_at,
    )
    if gone and _is_address_of(member, address):
        Undeliverable.objects.update_or_create(
            member=member, defaults={"email": member.email, "since": at, "reply": reply[:200]}
        )


def complained(recipient: Recipient, *, at: datetime) -> None:
    """The member marked the mail as spam: it was read, and there shall be no reminders."""
    with transaction.atomic():
        member = _locked(recipient)
        row = Recipient.objects.get(pk=recipient.pk)
        if not row.was_tried:
            return
        Recipient.objects.filter(pk=row.pk, complained_at=None).update(complained_at=at)
        if member:
            NoReminders.objects.get_or_create(
                member=member, defaults={"since": at, "how": NoReminders.How.COMPLAINED}
            )


def _locked(recipient: Recipient) -> Member | None:
    """The member, who cannot be erased before the transaction ends; None once erased."""
    if recipient.member_id is None:
        return None
    rows = Member.objects.select_for_update(no_key=True).filter(pk=recipient.member_id)
    member: Member | None = rows.first()
    return member


def _is_address_of(member: Member, address: str | None) -> bool:
    """Whether the member still has it; mails give a domain in ASCII (`address_of`)."""
    if address is None:
        return True
    written = address_of(member.email)
    return address.lower() in {member.email, written.text.lower() if written else ""}
