"""The log of evidence packs stays as it was."""

from ledger.triggers import Guard, same

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
