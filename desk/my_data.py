"""What the desk holds about a member, for that member's download."""

from typing import Any

from accounts.models import Member
from desk.models import Correction, MemberRequest, StaffAction


def held_about(member: Member) -> dict[str, Any]:
    """What staff did and wrote, without who: staff answer to the operator."""
    ref = member.member_ref
    return {
        "support_actions": list(
            StaffAction.objects.filter(member_ref=ref).order_by("-pk")
            .values("at", "kind", "reason", "outcome", "evidence_sha256")
        ),
        "evidence_files": list(
            member.evidence.order_by("-pk").values("kept_at", "kind", "size", "sha256")
        ),
        "requests": list(
            MemberRequest.objects.filter(member_ref=ref).order_by("-pk")
            .values("kind", "received_on", "due_on", "extended_at", "closed_at")
        ),
        "corrections": list(
            Correction.objects.filter(member_ref=ref).order_by("-pk")
            .values("purpose", "revision", "state", "asked_at", "decided_at")
        ),
        "mails_by_support": list(
            member.support_mails.order_by("-pk").values("kind", "revision", "asked_at", "sent_at")
        ),
    }  # fmt: skip
