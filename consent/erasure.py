"""Erasing a member from this site, at their own request.

What goes is who the member is. The ledger, the log of staff access and what stores have told stay
under the member's reference, which leads to nobody here any more: data stores that are added later
must be told of an objection as well, and what was recorded must stay provable
(docs/adr/0007-what-an-erasure-leaves.md).
"""

import logging

from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import transaction

from accounts.models import Member
from accounts.suppression import suppress

logger = logging.getLogger(__name__)


class IsStaff(Exception):
    """Staff are not erased by themselves: what they did here must stay attributable."""


def is_staff_account(member: Member) -> bool:
    """Whether the member is staff, or has acted as staff."""
    acted = LogEntry.objects.filter(user=member).exists()
    return member.is_staff or member.is_superuser or acted


def erase(member_id: int) -> None:
    """Erase the member for good; nothing happens where that was done before.

    Raises IsStaff, and django.db.Error if the database did not do it: then nothing is erased.

    What is on its way meanwhile needs no stopping. Deliveries to stores carry the reference only.
    Mails look the member up as they are sent and record it after locking the row. Saving a member
    or a session that was read before fails.
    """
    with transaction.atomic():
        # The row as it is now: an import may just have changed the address.
        member = Member.objects.select_for_update().filter(pk=member_id).first()
        if member is None:
            return
        if is_staff_account(member):
            raise IsStaff
        suppress((member.member_ref, member.email))
        # Django admin keeps the address there as the name of what was changed.
        LogEntry.objects.filter(
            content_type=ContentType.objects.get_for_model(Member), object_id=str(member_id)
        ).update(object_repr="erased member")
        member.delete()  # and by foreign keys: sessions, addresses, the record of mails
    logger.info("A member was erased at their own request")
