"""What allauth keeps about addresses beside ``Member.email``, which is the only true one."""

from collections.abc import Iterable

from allauth.account.models import EmailAddress
from django.db.models import F, Q


def forget_stale_addresses(*, members: Iterable[int] = (), emails: Iterable[str] = ()) -> None:
    """Remove rows of these members or with these addresses that are not their member's address.

    allauth lets such a row sign in, ahead of ``Member.email``: whoever reads the old mailbox, or
    had the address before its present owner.
    """
    EmailAddress.objects.filter(Q(user_id__in=list(members)) | Q(email__in=list(emails))).exclude(
        email=F("user__email")
    ).delete()
