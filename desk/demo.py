"""Some work of a support desk, so that the demo's desk has something to see."""

import uuid
from datetime import timedelta

from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from accounts.models import Member
from desk import corrections, helping, requests
from desk.evidence import examine
from desk.models import MemberRequest
from desk.objecting import object_for

LETTER = b"To the privacy team: I object to the use of my data for training AI. O. Lang\n"
Kind = MemberRequest.Kind


def support_work(*, agent: str, lead: str, helped: str, asks: str) -> None:
    """An objection by letter that may be somebody else's, and requests in every state; each name is
    the reference of a member or a member of staff."""
    member = Member.objects.get(member_ref=helped)
    object_for(
        member=member,
        by=agent,
        way="letter",
        reason="Letter of today, ticket 4711",
        press=uuid.uuid4(),
        evidence=examine(SimpleUploadedFile("letter.txt", LETTER)),
    )
    helping.write_note(
        member_ref=helped, by=agent, reason="Wants to be called, not mailed", press=uuid.uuid4()
    )
    corrections.ask(
        member_ref=helped,
        meant_ref=asks,
        by=agent,
        reason="Two members have this name; the letter is the other one's (ticket 4712)",
        press=uuid.uuid4(),
    )
    for kind, days_ago, owner in (
        (Kind.ACCESS, 25, lead),
        (Kind.COMPLAINT, 36, ""),
        (Kind.ERASURE, 2, ""),
    ):
        request = requests.open_request(
            member_ref=asks,
            kind=kind,
            received_on=timezone.localdate() - timedelta(days=days_ago),
            by=agent,
            reason="By mail, ticket 4713",
            press=uuid.uuid4(),
        )
        if owner:
            requests.assign(
                request=request, owner=owner, by=lead, reason="Mine", press=uuid.uuid4()
            )
