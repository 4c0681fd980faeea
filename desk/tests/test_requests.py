"""Requests and their deadlines: a month, once three, a reminder before, and a history."""

import json
import uuid
from datetime import date, timedelta

import pytest
from django.core import mail
from django.db import IntegrityError, InternalError, transaction
from django.utils import timezone

from accounts.models import Member, MemberAccess
from desk.acting import CannotAct
from desk.models import MemberRequest, StaffAction, Todo
from desk.reminders import remind
from desk.requests import extend, months_after, open_request
from desk.roles import Role
from ledger.models import Entry
from tests.people import choose

pytestmark = pytest.mark.django_db
BASE = "/admin/desk/memberrequest/"
REFUSED = (IntegrityError, InternalError)


@pytest.fixture(autouse=True)
def _mailbox(settings):
    settings.MAILERS = {"default": {"BACKEND": "django.core.mail.backends.locmem.EmailBackend"}}
    settings.ALERT_RECIPIENTS = ["duty@example.org"]


def asked(days_ago=0, kind="access", ref="anna"):
    return open_request(
        member_ref=ref,
        kind=kind,
        by="agent",
        reason="letter",
        press=uuid.uuid4(),
        received_on=timezone.localdate() - timedelta(days=days_ago),
    )


def do(browser, request, name, **fields):
    sent = {"press": uuid.uuid4(), "reason": "as agreed", **fields}
    return browser.post(f"{BASE}{request.pk}/do/{name}/", sent, follow=True)


@pytest.mark.parametrize(("day", "months", "due"), [
    (date(2026, 1, 31), 1, date(2026, 2, 28)), (date(2028, 1, 31), 1, date(2028, 2, 29)),
    (date(2026, 12, 15), 1, date(2027, 1, 15)), (date(2026, 11, 30), 3, date(2027, 2, 28)),
])  # fmt: skip
def test_months_of_the_law(day, months, due):
    assert months_after(day, months) == due


def test_it_begins_with_its_deadline_and_list(agent, anna, act):
    act(agent, "request", kind="erasure", received_on="2026-01-31")
    found = MemberRequest.objects.get()
    assert (found.due_on, found.opened_by) == (date(2026, 2, 28), "support-agent")
    assert found.todos.count() == 5
    assert found.history.get().reason.startswith("asked by phone")


@pytest.mark.parametrize("day", ["2999-01-01", "yesterday", "", "2026-02-30"])
def test_a_day_that_cannot_be(agent, anna, act, day):
    act(agent, "request", kind="access", received_on=day)
    assert not MemberRequest.objects.exists()


def test_the_inbox(lead, anna):
    late, near, far = asked(40), asked(28), asked(1)
    far.owner = lead.member.member_ref
    far.save()
    pages = {
        "": [late, near, far], "overdue": [late], "near": [near], "mine": [far],
        "nobody": [late, near], "closed": [],
    }  # fmt: skip
    for state, wanted in pages.items():
        found = lead.get(BASE, {"state": state} if state else {}).context["cl"].result_list
        assert list(found) == wanted, state


def test_it_is_assigned_worked_on_and_closed(lead, anna):
    request = asked()
    do(lead, request, "assign", owner="support-lead")
    assert "Not everything" in do(lead, request, "close").content.decode()
    for todo in Todo.objects.all():
        do(lead, request, "tick", todo=todo.pk)
    page = do(lead, request, "close", reason="sent by post").content.decode()
    assert "answered and closed" in page
    request.refresh_from_db()
    assert (request.owner, request.state) == ("support-lead", "done")
    assert request.history.count() == 2 + 4 + 1
    assert do(lead, request, "assign", owner="support-lead").status_code == 200
    assert request.history.count() == 7  # a closed one stays closed


def test_it_is_extended_once_with_a_reason_and_in_time(lead, anna):
    request = asked(10)
    do(lead, request, "extend", reason="")
    request.refresh_from_db()
    assert request.extended_at is None
    do(lead, request, "extend", reason="three systems have to be searched")
    request.refresh_from_db()
    assert request.due_on == months_after(request.received_on, 3)
    for other in (request, asked(45)):
        with pytest.raises(CannotAct):
            extend(request=other, by="lead", reason="again", press=uuid.uuid4())


def test_what_it_began_as_cannot_be_changed_or_deleted(anna):
    asked()
    for values in ({"received_on": date(2030, 1, 1)}, {"member_ref": "ben"}, {"kind": "complaint"}):
        with pytest.raises(REFUSED, match="as it came in"), transaction.atomic():
            MemberRequest.objects.update(**values)
    with pytest.raises(REFUSED, match="as it came in"), transaction.atomic():
        MemberRequest.objects.all()._raw_delete("default")


def test_one_reminder_before_and_one_when_it_is_late(lead, anna):
    request = asked(20)
    assert remind() == 0
    request = asked(25)
    assert (remind(), remind()) == (1, 0)
    assert mail.outbox[-1].to == ["duty@example.org"]
    assert "anna" not in mail.outbox[-1].body + mail.outbox[-1].subject
    MemberRequest.objects.filter(pk=request.pk).update(
        due_on=timezone.localdate() - timedelta(days=1), owner="support-lead"
    )
    assert (remind(), remind()) == (1, 0)
    assert mail.outbox[-1].to == ["support-lead@staff.example"]
    assert "late" in mail.outbox[-1].subject


def test_a_reminder_that_could_not_be_sent_is_sent_later(anna, monkeypatch):
    asked(28)

    def fails(_self, **_):
        raise ConnectionRefusedError

    monkeypatch.setattr("django.core.mail.EmailMessage.send", fails)
    assert remind() == 0
    monkeypatch.undo()
    MemberRequest.objects.update(leased_until=None)
    assert remind() == 1


def test_access_gives_a_file_to_send_on(lead, anna):
    choose("anna")
    request = asked()
    data = json.loads(lead.get(f"{BASE}{request.pk}/my-data.json").content)
    assert data["identity"]["email"] == "anna@private.example"
    answer = lead.get(f"{BASE}{request.pk}/my-data.html")
    assert "attachment" in answer["Content-Disposition"]
    look = MemberAccess.objects.filter(what="exported").first()
    assert (look.member_ref, look.reason) == ("anna", f"request {request.pk}")
    assert lead.get(f"{BASE}{request.pk}/my-data.exe").status_code == 404


def test_only_access_requests_give_it_and_only_to_some(lead, agent, anna):
    assert lead.get(f"{BASE}{asked(kind='complaint').pk}/my-data.json").status_code == 403
    assert agent.get(f"{BASE}{asked().pk}/my-data.json").status_code == 403


def test_erasure_leaves_the_choices_and_the_history(lead, anna):
    choose("anna")
    request = asked(kind="erasure")
    page = do(lead, request, "erase", reason="identity checked").content.decode()
    assert "Erased here" in page
    assert not Member.objects.filter(member_ref="anna").exists()
    assert Entry.objects.get().decision == "objected"
    assert StaffAction.objects.filter(kind="erased").get().by == "support-lead"
    assert "not known here" in do(lead, request, "erase").content.decode()


def test_nobody_is_erased_who_did_not_ask(lead, agent, anna):
    do(lead, asked(kind="access"), "erase")
    assert do(agent, asked(kind="erasure"), "erase").status_code == 403
    assert Member.objects.filter(member_ref="anna").exists()


def test_staff_accounts_are_not_erased(lead, agent):
    page = do(lead, asked(kind="erasure", ref="support-agent"), "erase").content.decode()
    assert "Staff accounts are not erased" in page


def test_who_may_only_look(staff, anna):
    request = asked()
    auditor = staff(Role.AUDITOR)
    assert auditor.get(f"{BASE}{request.pk}/change/").status_code == 200
    for name in ("assign", "tick", "extend", "close", "erase"):
        assert do(auditor, request, name).status_code == 403
    operator = staff(Role.OPERATOR)
    assert operator.get(f"{BASE}{request.pk}/change/").status_code == 403
    assert operator.get(BASE).status_code == 403
