"""What an evidence pack says about one member: all that the member's own download says."""

from accounts.models import Member
from consent.my_data import my_data
from desk.pack_parts import Part


def member_part(member: Member) -> Part:
    """Their choices as a table, and everything that is held about them in the JSON."""
    data = my_data(member)
    rows = [
        [
            entry.recorded_at, entry.purpose, entry.decision, entry.channel, entry.revision,
            entry.notice_version, entry.notice_language,
            "; ".join(f"{store.label}: {_state(store.state, store.at)}" for store in stores),
        ]
        for entry, stores in data.choices
    ]  # fmt: skip
    # When it was collected stands in the manifest; so two packs of the same data are the same.
    held = {name: value for name, value in data.as_json().items() if name != "made_at"}
    return Part(
        "member", "The member",
        f"All choices of {member.member_ref}, from the beginning, and what each data store "
        "confirmed. The JSON file has all that is held about the member, as in their own download.",
        ["recorded_at", "purpose", "decision", "channel", "revision", "notice_version",
         "notice_language", "stores"],
        rows, details=held,
    )  # fmt: skip


def _state(state: str, at: object) -> str:
    return f"{state} at {at}" if at else state
