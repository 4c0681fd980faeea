"""Requests of members and their deadlines. Each change is an action in the request's history."""

import calendar
from datetime import date
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from accounts.models import Member
from consent.erasure import IsStaff, erase
from desk.acting import CannotAct, act
from desk.models import MemberRequest, StaffAction, Todo

Kind = MemberRequest.Kind
TODOS: dict[str, tuple[str, ...]] = {
    Kind.OBJECTION: (
        "Check that who asks is the member",
        "Record the objection, if it is not recorded yet",
        "Answer the member: what was done, from when it holds, where to complain",
    ),
    Kind.ACCESS: (
        "Check that who asks is the member",
        "Download all that is held here, and read it: nothing of others may be in it",
        "Have the host platform add what it holds",
        "Send it to the member, over a way that is theirs",
    ),
    Kind.ERASURE: (
        "Check that who asks is the member",
        "Offer the objection first: after the erasure they can object only in writing",
        "Erase the member here",
        "Have the host platform erase what it holds, or say why it must not",
        "Answer the member",
    ),
    Kind.COMPLAINT: (
        "Find out what happened: the member's page has all of it",
        "Put it right, or explain why not",
        "Answer the member, and name the authority",
    ),
}


def months_after(day: date, months: int) -> date:
    """The same day so many months later; the month's last day where it has no such day."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def open_request(
    *, member_ref: str, kind: str, received_on: date, by: str, reason: str, press: UUID
) -> MemberRequest:
    """Note what a member asks for, with its deadline and a list of what is to be done.

    Raises CannotAct for a day that has not come yet.
    """
    if received_on > timezone.localdate():
        raise CannotAct("Nothing was noted: a request cannot arrive tomorrow.")
    with transaction.atomic():
        request = MemberRequest.objects.create(
            member_ref=member_ref,
            kind=Kind(kind),
            received_on=received_on,
            due_on=months_after(received_on, 1),
            opened_by=by,
        )
        Todo.objects.bulk_create(Todo(request=request, text=text) for text in TODOS[kind])
        _history(request, by, reason, press, f"Opened; to be answered by {request.due_on}.")
    return request


def assign(*, request: MemberRequest, owner: str, by: str, reason: str, press: UUID) -> str:
    with transaction.atomic():
        current = _open(request)
        current.owner = owner
        current.save(update_fields=["owner"])
        outcome = f"Now answered by {owner}."
        _history(current, by, reason, press, outcome)
    return outcome


def extend(*, request: MemberRequest, by: str, reason: str, press: UUID) -> str:
    """By two further months, once, and only while the first month runs (GDPR Art. 12(3)): the
    member must be told of it, and why, within that month."""
    with transaction.atomic():
        current = _open(request)
        if current.extended_at:
            raise CannotAct("It has been extended before; once is what the law permits.")
        if current.overdue:
            raise CannotAct("It is late already: an extension has to be told within the month.")
        current.due_on = months_after(current.received_on, 3)
        current.extended_at = timezone.now()
        current.reminded_at = None
        current.save(update_fields=["due_on", "extended_at", "reminded_at"])
        told = f"Tell the member before {months_after(current.received_on, 1)}, and why"
        Todo.objects.create(request=current, text=told)
        outcome = f"To be answered by {current.due_on}. {told}."
        _history(current, by, reason, press, outcome)
    return outcome


def tick(*, todo: Todo, by: str, reason: str, press: UUID) -> str:
    with transaction.atomic():
        current = _open(todo.request)
        ticked = current.todos.filter(pk=todo.pk, done_at=None).update(
            done_at=timezone.now(), done_by=by
        )
        if not ticked:
            raise CannotAct("That is done already.")
        _history(current, by, reason, press, f"Done: {todo.text}")
    return f"Done: {todo.text}."


def close(*, request: MemberRequest, by: str, reason: str, press: UUID) -> str:
    """The member has been answered; ``reason`` says how. Raises CannotAct with steps left."""
    with transaction.atomic():
        current = _open(request)
        if current.todos.filter(done_at=None).exists():
            raise CannotAct("Not everything on its list is done.")
        current.closed_at = timezone.now()
        current.save(update_fields=["closed_at"])
        _history(current, by, reason, press, "Answered.")
    return "The request is answered and closed."


def erase_for(*, request: MemberRequest, by: str, reason: str, press: UUID) -> str:
    """Erase the member who asked for it. What stays is in docs/adr/0007."""
    with transaction.atomic():
        current = _open(request)
        if current.kind != Kind.ERASURE:
            raise CannotAct("The member did not ask for that.")
        member = Member.objects.filter(member_ref=current.member_ref).first()
        if member is None:
            raise CannotAct("The member is not known here, or was erased before.")
        try:
            erase(member.pk)
        except IsStaff:
            raise CannotAct("Staff accounts are not erased: what they did must stay.") from None
        outcome = "Erased here; choices stay under the reference."
        act(
            by=by,
            member_ref=current.member_ref,
            kind=StaffAction.Kind.ERASED,
            reason=reason,
            press=press,
            outcome=outcome,
            request=current,
        )
    return outcome


def _open(request: MemberRequest) -> MemberRequest:
    """The request as it is now, locked."""
    current = MemberRequest.objects.select_for_update().get(pk=request.pk)
    if current.closed_at:
        raise CannotAct("The request is closed.")
    return current


def _history(request: MemberRequest, by: str, reason: str, press: UUID, outcome: str) -> None:
    act(
        by=by,
        member_ref=request.member_ref,
        kind=StaffAction.Kind.REQUEST,
        reason=reason,
        press=press,
        outcome=f"{request.get_kind_display()}. {outcome}",
        request=request,
    )
