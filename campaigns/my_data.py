"""What campaigns hold about a member, for that member's download."""

from typing import Any

from accounts.models import Member


def held_about(member: Member) -> dict[str, Any]:
    """Whether mails to the member come back, and whether they want no reminders."""
    rows = Member.objects.filter(pk=member.pk).values(
        "undeliverable__email", "undeliverable__since", "undeliverable__reply",
        "no_reminders__since", "no_reminders__how",
    )  # fmt: skip
    held = rows.get()
    return {
        "mails_come_back": _part(held, "undeliverable"),
        "no_reminders": _part(held, "no_reminders"),
    }


def _part(held: dict[str, Any], table: str) -> dict[str, Any] | None:
    prefix = f"{table}__"
    part = {name[len(prefix) :]: value for name, value in held.items() if name.startswith(prefix)}
    return part if part["since"] else None
