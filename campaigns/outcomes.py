"""What becomes of a mail after the mail server has taken it: it arrives, comes back, or annoys.

Each function is safe to repeat, in any order: providers send events twice and late. Find the
recipient with `message_ids.recipient_of`.
"""

from datetime import datetime

from django.db import transaction

from accounts.models import Member
from campaigns.models import NoReminders, Recipient, Undeliverable
from consent import told
from consent.models import Told

State, Reason = Recipient.State, Recipient.Reason


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
        if row.state in {State.BOUNCED, State.FAILED, State.SKIPPED}:
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
    if gone and (address or member.email).lower() == member.email:
        Undeliverable.objects.update_or_create(
            member=member, defaults={"email": member.email, "since": at, "reply": reply[:200]}
        )


def complained(recipient: Recipient, *, at: datetime) -> None:
    """The member marked the mail as spam: it was read, and there shall be no reminders."""
    with transaction.atomic():
        member = _locked(recipient)
        Recipient.objects.filter(pk=recipient.pk, complained_at=None).update(complained_at=at)
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
