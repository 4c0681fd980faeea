"""DKIM (RFC 6376), where the mail server does not sign: DKIM_DOMAIN, _SELECTOR and _KEY_FILE."""

from functools import cache
from pathlib import Path

import dkim
from django.conf import settings

SIGNED = (
    b"from", b"to", b"subject", b"date", b"message-id", b"mime-version", b"content-type",
    b"list-unsubscribe", b"list-unsubscribe-post", b"feedback-id",
)  # fmt: skip
"""RFC 8058 asks for both List-Unsubscribe headers."""


def sign(data: bytes) -> bytes:
    """The mail with a signature in front, if one is configured."""
    if not settings.DKIM_DOMAIN:
        return data
    signature: bytes = dkim.sign(
        data,
        settings.DKIM_SELECTOR.encode(),
        settings.DKIM_DOMAIN.encode(),
        _key(settings.DKIM_KEY_FILE),
        include_headers=list(SIGNED),
    )
    return signature + data


@cache
def _key(path: str) -> bytes:
    return Path(path).read_bytes()
