"""What staff can do, by name: who may, what the form says, and the service that does it.

There is no action that allows for a member, edits or deletes a choice, acts on several members, or
signs in as one; and none can be added here without its service.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from desk import corrections, helping, requests
from desk.forms import (
    CorrectionForm,
    CountryForm,
    ObjectionForm,
    OwnerForm,
    ReasonForm,
    ReceiptForm,
    RequestForm,
    TodoForm,
)
from desk.member_page import Who
from desk.models import Correction, MemberRequest
from desk.objecting import object_for

type Given = dict[str, Any]
"""``by``, ``reason`` and ``press``, which each service takes."""


@dataclass(frozen=True, slots=True)
class Action[Subject]:
    """``perform`` gets the subject, the form's own values, and what all services take; it returns
    what to tell the member of staff."""

    title: str
    permission: str
    form: type[ReasonForm]
    explains: str
    perform: Callable[[Subject, Given, Given], str]
    known_members_only: bool = True


def _object(who: Who, own: Given, given: Given) -> str:
    return object_for(member=who.known, way=own["way"], evidence=own["evidence"], **given)


def _link(who: Who, own: Given, given: Given) -> str:
    return helping.send_link(member=who.known, **given)


def _receipt(who: Who, own: Given, given: Given) -> str:
    return helping.send_receipt(member=who.known, revision=own["revision"], **given)


def _country(who: Who, own: Given, given: Given) -> str:
    return helping.correct_country(member=who.known, code=own["country"], **given)


def _retry(who: Who, own: Given, given: Given) -> str:
    return helping.retry(member=who.known, **given)


def _explain(who: Who, own: Given, given: Given) -> str:
    return helping.explain(member_ref=who.member_ref, **given)


def _note(who: Who, own: Given, given: Given) -> str:
    return helping.write_note(member_ref=who.member_ref, **given)


def _request(who: Who, own: Given, given: Given) -> str:
    opened = requests.open_request(
        member_ref=who.member_ref, kind=own["kind"], received_on=own["received_on"], **given
    )
    return f"Noted as request {opened.pk}, to be answered by {opened.due_on}."


def _correction(who: Who, own: Given, given: Given) -> str:
    corrections.ask(member_ref=who.member_ref, meant_ref=own["meant_ref"], **given)
    return "Asked for. Somebody else has to agree."


MEMBER: dict[str, Action[Who]] = {
    "object": Action(
        "Record an objection",
        "desk.record_objection",
        ObjectionForm,
        "The member has objected to us by phone, letter, mail or in person. It counts from now on, "
        "and the member gets a mail that confirms it. Only they can undo it.",
        _object,
    ),
    "link": Action(
        "Send the link again",
        "desk.send_mails",
        ReasonForm,
        "The notice with the member's personal link is mailed to the address that we have.",
        _link,
    ),
    "receipt": Action(
        "Send a receipt again",
        "desk.send_mails",
        ReceiptForm,
        "The receipt is mailed as PDF and JSON to the address that we have.",
        _receipt,
    ),
    "country": Action(
        "Correct the country",
        "desk.correct_country",
        CountryForm,
        "Kept as the member's own word. No choice changes. Where the account names a country with "
        "other rules, neither is believed, and the member's data is not used.",
        _country,
    ),
    "retry": Action(
        "Try again now",
        "desk.retry_delivery",
        ReasonForm,
        "What a store or the mail server refused for this member is offered again within seconds.",
        _retry,
    ),
    "explain": Action(
        "Explain a delay",
        "desk.retry_delivery",
        ReasonForm,
        "Kept beside the delay, for whoever is asked next.",
        _explain,
        known_members_only=False,
    ),
    "note": Action(
        "Write a note",
        "desk.write_note",
        ReasonForm,
        "Kept in the timeline for good.",
        _note,
        known_members_only=False,
    ),
    "request": Action(
        "Note a request",
        "desk.open_memberrequest",
        RequestForm,
        "An objection that needs an answer, access, erasure or a complaint: with its deadline and "
        "a list of what is to be done.",
        _request,
        known_members_only=False,
    ),
    "correct": Action(
        "Recorded for the wrong person",
        "desk.ask_correction",
        CorrectionForm,
        "Only for an objection that support recorded, while the member has not chosen since. A "
        "second person decides. Nothing is deleted and nothing is allowed: the choice is marked, "
        "the member is told and can change it, and the objection is recorded for who made it.",
        _correction,
        known_members_only=False,
    ),
}


def _assign(request: MemberRequest, own: Given, given: Given) -> str:
    return requests.assign(request=request, owner=own["owner"], **given)


def _tick(request: MemberRequest, own: Given, given: Given) -> str:
    return requests.tick(todo=request.todos.get(pk=own["todo"]), **given)


def _extend(request: MemberRequest, own: Given, given: Given) -> str:
    return requests.extend(request=request, **given)


def _close(request: MemberRequest, own: Given, given: Given) -> str:
    return requests.close(request=request, **given)


def _erase(request: MemberRequest, own: Given, given: Given) -> str:
    return requests.erase_for(request=request, **given)


HANDLE = "desk.handle_memberrequest"
REQUEST: dict[str, Action[MemberRequest]] = {
    "assign": Action("Assign", HANDLE, OwnerForm, "Who answers the member.", _assign),
    "tick": Action("Tick off", HANDLE, TodoForm, "A step on the list is done.", _tick),
    "extend": Action(
        "Extend by two months",
        HANDLE,
        ReasonForm,
        "Once, within the first month, where a request is complex or there are many (GDPR Art. "
        "12(3)). The member must be told within that month, with the reason.",
        _extend,
    ),
    "close": Action(
        "Close: answered", HANDLE, ReasonForm, "Say how the member was answered.", _close
    ),
    "erase": Action(
        "Erase the member",
        "desk.erase_member",
        ReasonForm,
        "For good: address, name, mails, evidence. Their choices stay under the reference, and an "
        "objection stays in force. It cannot be undone.",
        _erase,
    ),
}


def _agree(correction: Correction, own: Given, given: Given) -> str:
    return corrections.agree(correction=correction, **given)


def _refuse(correction: Correction, own: Given, given: Given) -> str:
    return corrections.refuse(correction=correction, **given)


DECIDE = "desk.decide_correction"
CORRECTION: dict[str, Action[Correction]] = {
    "agree": Action(
        "Agree",
        DECIDE,
        ReasonForm,
        "The choice is marked as recorded by mistake and holds until the member changes it; they "
        "are told by mail. For who was meant, the objection is recorded.",
        _agree,
    ),
    "refuse": Action("Refuse", DECIDE, ReasonForm, "The choice stays as it is.", _refuse),
}
