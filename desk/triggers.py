"""What staff did stays as written down; requests and corrections keep what they began as."""

from ledger.triggers import Guard


def _same(*columns: str) -> str:
    return " AND ".join(
        f"coalesce(NEW.{column} = OLD.{column}, NEW.{column} IS NULL AND OLD.{column} IS NULL)"
        for column in columns
    )


ACTIONS = Guard(
    table="desk_staffaction",
    message="the record of what staff did is only ever added to",
    identity=(("id",), ("press",)),
)
REQUESTS = Guard(
    table="desk_memberrequest",
    message="a request stays as it came in",
    permitted=_same("id", "member_ref", "kind", "received_on", "opened_at", "opened_by"),
)
_ASKED = ("id", "member_ref", "purpose", "revision", "meant_ref", "reason", "asked_by", "asked_at")
CORRECTIONS = Guard(
    table="desk_correction",
    message="a correction is decided once, and stays as it was asked for",
    permitted=f"OLD.state = 'asked' AND NEW.state <> 'asked' AND {_same(*_ASKED)}",
)
GUARDS = (ACTIONS, REQUESTS, CORRECTIONS)
