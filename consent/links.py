"""Tokens of mail links: they open one member's objection for one notice, and nothing else.

A token is encrypted and authenticated (AES-GCM), so that nobody can read whom it is for or make
one. Its purpose is part of what is authenticated: a token of another kind does not open here.
"""

import base64
import hashlib
import hmac
import os
import struct
from dataclasses import dataclass
from functools import cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings

KIND = b"privacydash.object-link.1"
_PAYLOAD = struct.Struct(">QQ")
_NONCE = 12
LENGTH = 59
"""Characters in a token; base64url without padding."""


class BadToken(Exception):
    """Forged, cut off, made for something else, or made with a key that is retired."""


@dataclass(frozen=True, slots=True)
class Link:
    """What a token stands for: primary keys of a member and of the notice in the mail."""

    member_id: int
    notice_id: int


@cache
def _cipher(key: str) -> AESGCM:
    return AESGCM(hmac.digest(key.encode(), KIND, hashlib.sha256))


def make_token(link: Link) -> str:
    nonce = os.urandom(_NONCE)
    sealed = _cipher(settings.LINK_KEYS[0]).encrypt(
        nonce, _PAYLOAD.pack(link.member_id, link.notice_id), KIND
    )
    return base64.urlsafe_b64encode(nonce + sealed).rstrip(b"=").decode()


def read_token(token: str) -> Link:
    """What the token stands for; BadToken for anything that we did not make."""
    if len(token) != LENGTH:
        raise BadToken
    try:
        raw = base64.b64decode(token + "=" * (-LENGTH % 4), altchars=b"-_", validate=True)
    except ValueError:
        raise BadToken from None
    for key in settings.LINK_KEYS:
        try:
            return Link(*_PAYLOAD.unpack(_cipher(key).decrypt(raw[:_NONCE], raw[_NONCE:], KIND)))
        except InvalidTag:
            continue
    raise BadToken
