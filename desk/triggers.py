"""What staff did stays as written down; requests and corrections keep what they began as."""

from ledger.triggers import Guard, same

ACTIONS = Guard(
    table="desk_staffaction",
    message="the record of what staff did is only ever added to",
    identity=(("id",), ("press",)),
)
REQUESTS = Guard(
    table="desk_memberrequest",
    message="a request stays as it came in",
    permitted=same("id", "member_ref", "kind", "received_on", "opened_at", "opened_by"),
)
_ASKED = ("id", "member_ref", "purpose", "revision", "meant_ref", "reason", "asked_by", "asked_at")
CORRECTIONS = Guard(
    table="desk_correction",
    message="a correction is decided once, and stays as it was asked for",
    permitted=f"OLD.state = 'asked' AND NEW.state <> 'asked' AND {same(*_ASKED)}",
)
_MADE = (
    "id", "key", "region", "since", "until", "member_ref", "asked_by", "asked_at", "step",
    "finished_at", "size", "sha256", "error",
)  # fmt: skip
PACKS = Guard(
    table="desk_evidencepack",
    message="what was made is not changed or deleted",
    locked="OLD.finished_at IS NOT NULL",
    permitted=f"OLD.purged_at IS NULL AND {same(*_MADE)}",
    identity=(("id",), ("key",)),
)
GUARDS = (ACTIONS, REQUESTS, CORRECTIONS, PACKS)
