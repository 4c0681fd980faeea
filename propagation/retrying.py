"""Staff have seen to a store and want it tried now, rather than when its time comes."""

from django.conf import settings
from django.utils import timezone

from propagation.models import Cursor, Parked


def retry_now(alias: str) -> int:
    """End the store's back-off and make all that it refused due; return how many those are.

    The next sweep wakes the relay.
    """
    Cursor.objects.filter(store=alias).update(next_attempt_at=None)
    return Parked.objects.open().filter(store=alias).update(retry_at=timezone.now())


def retry_member(member_ref: str) -> int:
    """Make what stores refused of one member's choices due; return how many those are."""
    refused = Parked.objects.open().filter(store__in=settings.DATA_STORES, member_ref=member_ref)
    return refused.update(retry_at=timezone.now())
