"""Signatures of receipts and snapshots: compact JWS (RFC 7515) by Ed25519, with keys that anybody
can fetch."""

import json
import warnings
from functools import cache
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings
from joserfc import jws
from joserfc.errors import JoseError, SecurityWarning
from joserfc.jwk import OKPKey
from joserfc.util import urlsafe_b64decode

# RFC 9864 calls this "Ed25519"; see docs/adr/0006-receipts-are-signed-json.md for why not yet.
ALGORITHM = "EdDSA"
warnings.filterwarnings("ignore", "EdDSA is deprecated", SecurityWarning)
# What is signed as the one is not the other (RFC 8725, 3.11).
TYPE = "privacydash-receipt+jws"
SNAPSHOT = "privacydash-snapshot+jws"


class NotSigned(Exception):
    """Not a JWS of the kind that we make."""


class UnknownKey(Exception):
    """A JWS of our kind, by a key that is not ours or that we have dropped."""


class Changed(Exception):
    """A JWS that names a key of ours, whose signature does not fit what it says."""


def sign(payload: dict[str, Any], kind: str = TYPE) -> str:
    """A compact JWS of the payload, by the first of RECEIPT_KEYS."""
    kid, key = next(iter(_keys(tuple(settings.RECEIPT_KEYS)).items()))
    return jws.serialize_compact(
        {"alg": ALGORITHM, "typ": kind, "kid": kid},
        json.dumps(payload, ensure_ascii=False, separators=(",", ":")),
        key,
        algorithms=[ALGORITHM],
    )


def verified(token: str) -> dict[str, Any]:
    """The payload of a JWS that one of RECEIPT_KEYS has signed.

    Raises NotSigned, UnknownKey or Changed. The algorithm is ours to choose, never the token's:
    "none", or a public key used as the secret of HS256, is NotSigned.
    """
    try:
        found = jws.extract_compact(token.encode())
        header = found.headers()
        if header["alg"] != ALGORITHM or header.get("typ") != TYPE:
            raise NotSigned
        key = _keys(tuple(settings.RECEIPT_KEYS)).get(header["kid"])
        if key is None:
            raise UnknownKey
        if not jws.validate_compact(found, key, algorithms=[ALGORITHM]):
            raise Changed
    except (JoseError, ValueError, KeyError, TypeError):
        raise NotSigned from None
    payload: dict[str, Any] = json.loads(found.payload)
    return payload


def public_keys() -> dict[str, list[dict[str, Any]]]:
    """The JWK Set (RFC 7517) of all keys that verify receipts."""
    return {
        "keys": [
            {**key.as_dict(private=False), "use": "sig", "alg": ALGORITHM, "kid": kid}
            for kid, key in _keys(tuple(settings.RECEIPT_KEYS)).items()
        ]
    }


@cache
def _keys(seeds: tuple[str, ...]) -> dict[str, OKPKey]:
    """By key id, which is the RFC 7638 thumbprint; the one that signs comes first."""
    keys = [
        OKPKey.import_key(Ed25519PrivateKey.from_private_bytes(urlsafe_b64decode(seed.encode())))
        for seed in seeds
    ]
    return {key.thumbprint(): key for key in keys}
