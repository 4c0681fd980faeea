"""Checks what somebody pastes or uploads as a receipt. Nothing of it is kept or logged."""

import json
import re
from dataclasses import dataclass, field
from typing import Any, Literal

from consent.signing import Changed, NotSigned, UnknownKey, verified

# It starts where a word starts: a search that starts anywhere takes quadratic time. 86: Ed25519.
TOKEN = re.compile(r"(?<![\w-])eyJ[\w-]+\.[\w-]+\.[\w-]{86}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Checked:
    """``payload`` is what the receipt says, if it is valid, and else empty."""

    outcome: Literal["nothing", "not_a_receipt", "unknown_key", "changed", "valid"]
    payload: dict[str, Any] = field(default_factory=dict)


def check_receipt(text: str) -> Checked:
    """Check a JSON receipt, or a text in which a compact JWS stands, broken into lines or not."""
    if not text.strip():
        return Checked("nothing")
    token, readable = _parts(text)
    try:
        payload = verified(token)
    except NotSigned:
        return Checked("not_a_receipt")
    except UnknownKey:
        return Checked("unknown_key")
    except Changed:
        return Checked("changed")
    # The part to read is not signed by itself: whoever changed it wants it to be believed.
    if readable not in (None, payload):
        return Checked("changed")
    return Checked("valid", payload)


def _parts(text: str) -> tuple[str, Any]:
    """The JWS, and the part to read of a JSON receipt."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        document = None
    if isinstance(document, dict) and isinstance(document.get("jws"), str):
        return document["jws"], document.get("receipt")
    found = TOKEN.search("".join(text.split()))
    return (found[0] if found else ""), None
