"""What a store may hold for a key, and what is drift."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from propagation.choice import Choice
from propagation.expected import NOTHING, Confirmed, Expected, expected
from propagation.stores.base import Key, ReadableStore


class Drift(StrEnum):
    MISSING = "missing"
    EXTRA = "extra"
    """The ledger has no choice of this member for this purpose."""
    OLDER = "older"
    """A choice that the store had replaced already, as after restoring a backup."""
    EDITED = "edited"
    """The ledger never gave this revision with this decision."""


@dataclass(frozen=True, slots=True)
class Finding:
    key: Key
    drift: Drift
    held: Choice | None
    due: Choice | None
    partition: int

    @property
    def takes_away(self) -> bool:
        """Whether its repair takes an objection away that the ledger does not know."""
        return (
            self.drift in {Drift.EXTRA, Drift.EDITED}
            and self.held is not None
            and self.held.decision != "allowed"
            and (self.due is None or self.due.decision == "allowed")
        )

    def as_example(self) -> dict[str, str]:
        """For staff only: it names a member."""
        # PostgreSQL's JSON takes no NUL, and what a store holds may be anything.
        member_ref, purpose = (part.replace("\0", "\ufffd") for part in self.key)
        return {
            "drift": str(self.drift),
            "member_ref": member_ref,
            "purpose": purpose,
            "held": _words(self.held),
            "ledger": _words(self.due),
        }


def _words(choice: Choice | None) -> str:
    return f"{choice.decision}, revision {choice.revision}" if choice else "nothing"


def judge(alias: str, store: ReadableStore, keys: Sequence[Key]) -> list[Finding]:
    """What is drift among these keys.

    The order matters: what is confirmed before the store is read must be in it, and what it holds
    that is newer was in the ledger before it came there. So nothing on its way is called drift.
    """
    confirmed = Confirmed.of(alias, keys)
    held = store.read(keys)
    known = expected(keys, confirmed)
    findings = []
    for key in keys:
        ours = known.get(key, NOTHING)
        drift = _drift(held.get(key), ours, key in confirmed.parked)
        if drift:
            findings.append(Finding(key, drift, held.get(key), ours.due, ours.partition))
    return findings


def _drift(held: Choice | None, ours: Expected, parked: bool) -> Drift | None:
    if held is None:
        return Drift.MISSING if ours.due and not parked else None
    if not ours.given:
        return Drift.EXTRA
    if (held.revision, held.decision) not in ours.given:
        return Drift.EDITED
    # What the store refuses it may go on without.
    older = ours.due and held.revision < ours.due.revision and not parked
    return Drift.OLDER if older else None
