"""Whether whoever is in front of the browser has just shown who they are."""

import time

from allauth.account.authentication import get_authentication_records
from django.http import HttpRequest

FRESH = 5 * 60
"""Seconds for which a sign-in counts as fresh."""


def freshly_signed_in(request: HttpRequest) -> bool:
    """Whether the member of this session gave a password or a mailed code less than FRESH ago."""
    records = get_authentication_records(request, request.user)
    return any(0 <= time.time() - record["at"] < FRESH for record in records)
