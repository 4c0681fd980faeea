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
REMINDERS = b"privacydash.reminders-link.1"
_PAYLOAD = struct.Struct(">QII")
_NONCE = 12
LENGTH = 59
"""Characters in a token; base64url without padding."""


class BadToken(Exception):
    """Forged, cut off, made for something else, or made with a key that is retired."""


@dataclass(frozen=True, slots=True)
class Link:
    """What a token stands for: primary keys of a member, of the notice in the mail, and of the
    campaign that it was sent for; 0 for none."""

    member_id: int
    notice_id: int
    campaign_id: int = 0


@cache
def _cipher(key: str, kind: bytes) -> AESGCM:
    return AESGCM(hmac.digest(key.encode(), kind, hashlib.sha256))


def make_token(link: Link, kind: bytes = KIND) -> str:
    """A token for the link; one made as ``REMINDERS`` can leave reminders, and nothing else."""
    nonce = os.urandom(_NONCE)
    payload = _PAYLOAD.pack(link.member_id, link.campaign_id, link.notice_id)
    sealed = _cipher(settings.LINK_KEYS[0], kind).encrypt(nonce, payload, kind)
    return base64.urlsafe_b64encode(nonce + sealed).rstrip(b"=").decode()


def read_token(token: str, kind: bytes = KIND) -> Link:
    """What the token stands for; BadToken for anything that we did not make as this kind."""
    if len(token) != LENGTH:
        raise BadToken
    try:
        raw = base64.b64decode(token + "=" * (-LENGTH % 4), altchars=b"-_", validate=True)
    except ValueError:
        raise BadToken from None
    for key in settings.LINK_KEYS:
        try:
            payload = _cipher(key, kind).decrypt(raw[:_NONCE], raw[_NONCE:], kind)
        except InvalidTag:
            continue
        member_id, campaign_id, notice_id = _PAYLOAD.unpack(payload)
        return Link(member_id, notice_id, campaign_id)
    raise BadToken
