"""Writes down who was told of a notice, when and how. Safe to repeat: the first time counts."""

from collections.abc import Iterable
from datetime import datetime

from django.db import transaction
from django.db.models import F, Value
from django.db.models.expressions import Combinable

from accounts.models import Member
from consent.inserting import insert_from
from consent.models import Notice, Told


def mail_accepted(
    notice: Notice, member_ids: Iterable[int], at: datetime | Combinable
) -> list[int]:
    """The mail server has taken the notice for them. Those erased meanwhile are left out.

    ``at`` may be an expression over members, where it is not the same time for all of them.
    Returns the others, who cannot be erased before the caller's transaction ends.
    """
    accepted = Told.Address.ACCEPTED
    return _first(notice, member_ids, "mailed_at", at, address=accepted, address_at=at)


def page_seen(notice: Notice, member_id: int, at: datetime) -> None:
    _first(notice, [member_id], "seen_at", at)


def letter_sent(notice: Notice, member_id: int, at: datetime) -> None:
    """Support has told the member by a letter; who did it is in the staff log."""
    _first(notice, [member_id], "letter_at", at)


def mail_failed(
    notice: Notice, member_id: int, address: Told.Address, at: datetime, sent_at: datetime | None
) -> None:
    """A mail was refused or came back; ``sent_at`` is when it had been accepted before that.

    What it told the member does not count any more; an earlier mail that did not come back does.
    """
    with transaction.atomic():
        _first(notice, [member_id], None, at, address=address, address_at=at)
        if sent_at:
            told = Told.objects.filter(notice=notice, member_id=member_id, mailed_at=sent_at)
            told.update(mailed_at=None)


def _first(
    notice: Notice,
    member_ids: Iterable[int],
    way: str | None,
    at: datetime | Combinable,
    **address: str | datetime | Combinable,
) -> list[int]:
    """Set the time of ``way`` where it has none, and what is known of the address."""
    with transaction.atomic():
        ids = lock_members(member_ids)
        first = {way: at} if way else {}
        values = {"address": "", **first, **address}
        kept = [f"{way} = coalesce(consent_told.{way}, excluded.{way})"] if way else []
        kept += [f"{name} = excluded.{name}" for name in address]
        insert_from(
            Told,
            Member.objects.filter(pk__in=ids),
            on_conflict=f"(member_id, notice_id) DO UPDATE SET {', '.join(kept)}",
            member_id=F("pk"),
            notice_id=Value(notice.pk),
            **{
                name: value if isinstance(value, Combinable) else Value(value)
                for name, value in values.items()
            },
        )
    return ids


def lock_members(member_ids: Iterable[int]) -> list[int]:
    """Those of the members who are there; within a transaction, none is erased before its end.

    To be called before other rows of theirs are locked, which an erasure does in that order too.
    """
    rows = Member.objects.select_for_update(no_key=True).filter(pk__in=list(member_ids))
    return list(rows.order_by("pk").values_list("pk", flat=True))
