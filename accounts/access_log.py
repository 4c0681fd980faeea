"""The log of what staff did with members' data, for the member, auditors and privacy officers."""

from collections.abc import Iterable

from accounts.models import MemberAccess

REASON_LENGTH = 500
"""Characters of a reason that are kept."""


def note(*, by: str, member_ref: str, what: str, reason: str = "") -> None:
    """Write down one access, before anything is shown or done.

    ``by`` and ``member_ref`` are references of the member of staff and of the member, ``what`` is
    one of MemberAccess.What. Raises django.db.Error if it could not be kept: then show nothing.
    """
    MemberAccess.objects.create(
        by=by, member_ref=member_ref, what=MemberAccess.What(what), reason=_kept(reason)
    )


def note_all(*, by: str, member_refs: Iterable[str], what: str, reason: str = "") -> None:
    """The same for several members, in one statement: those on a list that is shown."""
    kind = MemberAccess.What(what)
    MemberAccess.objects.bulk_create(
        MemberAccess(by=by, member_ref=ref, what=kind, reason=_kept(reason)) for ref in member_refs
    )


def _kept(reason: str) -> str:
    # PostgreSQL takes no NUL, and a refused row would be a look without a trace.
    return reason.replace("\0", "").strip()[:REASON_LENGTH]
