"""A choice as one message of a stream."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC

from propagation.choice import Choice
from propagation.stores.base import Refusal
from propagation.stores.unicode import encodable

MAX_BODY = 64 * 1024  # bytes; every broker takes as much


@dataclass(frozen=True, slots=True)
class Event:
    """``id`` follows from member, purpose and revision alone, so that repeats can be told."""

    id: str
    body: bytes
    purpose: str


def events_of(
    choices: Sequence[Choice], longest_purpose: int = MAX_BODY
) -> tuple[list[Event], list[Refusal]]:
    """What to send, and the choices that cannot be sent. ``longest_purpose`` is in bytes."""
    events, refusals = [], []
    for choice in choices:
        if not encodable(choice.key):
            refusals.append(Refusal(*choice.key, "not valid Unicode"))
        elif len(body := _body(choice)) > MAX_BODY:
            refusals.append(Refusal(*choice.key, f"longer than {MAX_BODY} bytes"))
        elif len(choice.purpose.encode()) > longest_purpose:
            refusals.append(Refusal(*choice.key, f"purpose longer than {longest_purpose} bytes"))
        else:
            events.append(Event(_id(choice), body, choice.purpose))
    return events, refusals


def _id(choice: Choice) -> str:
    named = json.dumps([choice.member_ref, choice.purpose, choice.revision])
    return f"choice_{hashlib.sha256(named.encode()).hexdigest()[:32]}"


def _body(choice: Choice) -> bytes:
    fields = {
        "member_ref": choice.member_ref,
        "purpose": choice.purpose,
        "decision": choice.decision,
        "revision": choice.revision,
        "changed_at": choice.changed_at.astimezone(UTC).isoformat(),
    }
    return json.dumps(fields, separators=(",", ":")).encode()
