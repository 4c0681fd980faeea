"""An objection that a member made to support: recorded with evidence, confirmed, and no more."""

import hashlib
import uuid

import pytest
from django.core import mail
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import get_resolver

from consent.confirming import send_confirmations
from desk import actions
from desk.models import Evidence, StaffAction
from desk.roles import Role
from ledger.models import Channel, CurrentChoice, Decision, Entry
from ledger.seal import seal
from tests.people import choose

pytestmark = pytest.mark.django_db
PDF = b"%PDF-1.7\n1 0 obj\n"


def test_it_is_recorded_confirmed_and_attributed(agent, anna, act, settings):
    settings.MAILERS = {"default": {"BACKEND": "django.core.mail.backends.locmem.EmailBackend"}}
    letter = SimpleUploadedFile("letter.pdf", PDF)
    page = act(agent, "object", way="letter", evidence=letter).content.decode()
    assert "recorded as choice 1" in page
    entry = Entry.objects.get()
    digest = hashlib.sha256(PDF).hexdigest()
    assert (entry.member_ref, entry.decision, entry.channel) == ("anna", "objected", "support")
    assert entry.evidence_sha256 == digest
    done = StaffAction.objects.get()
    assert (done.by, done.kind, done.evidence_sha256) == ("support-agent", "objected", digest)
    assert "ticket 4711" in done.reason
    assert f"Evidence {digest}" in page
    seal(0)
    send_confirmations(0)
    assert mail.outbox[0].to == ["anna@private.example"]
    assert "by our support" in mail.outbox[0].body


def test_an_objection_that_holds_is_not_recorded_twice(agent, anna, act):
    choose("anna")
    page = act(agent, "object", way="phone").content.decode()
    assert "had objected before" in page
    assert Entry.objects.count() == 1
    assert StaffAction.objects.count() == 1


def test_one_press_is_one_action(agent, anna, act):
    press = uuid.uuid4()
    act(agent, "object", way="phone", press=press)
    choose("anna", Decision.ALLOWED)
    page = act(agent, "object", way="phone", press=press).content.decode()
    assert "done already" in page
    assert CurrentChoice.objects.get().decision == Decision.ALLOWED
    assert StaffAction.objects.count() == 1


@pytest.mark.parametrize("wrong", [{"reason": ""}, {"way": "telepathy"}, {"press": "x"}])
def test_what_is_missing_or_wrong_records_nothing(agent, anna, act, wrong):
    answer = act(agent, "object", **{"way": "phone", **wrong})
    assert answer.status_code == 400
    assert not Entry.objects.exists()
    assert not StaffAction.objects.exists()


def test_a_reason_of_nothing_but_nul_and_blanks(agent, anna, act):
    act(agent, "object", way="phone", reason=" \0 ")
    assert not Entry.objects.exists()


def test_a_refused_write_leaves_no_trace_and_no_file(agent, anna, act, tmp_path, monkeypatch):
    def fails(**_values):
        raise RuntimeError("no database")

    monkeypatch.setattr("desk.objecting.act", fails)
    letter = SimpleUploadedFile("letter.pdf", PDF)
    with pytest.raises(RuntimeError):
        act(agent, "object", way="letter", evidence=letter)
    assert not Entry.objects.exists()
    assert not Evidence.objects.exists()


@pytest.mark.parametrize("role", [Role.AUDITOR, Role.CAMPAIGN_MANAGER, Role.OPERATOR])
def test_other_roles_cannot(staff, anna, act, role):
    browser = staff(role)
    assert act(browser, "object", way="phone").status_code in {200, 403}
    assert not Entry.objects.exists()


@pytest.mark.parametrize("fields", [
    {"decision": "allowed"}, {"decision": "allowed", "channel": "dashboard", "revision": 1},
    {"member_ref": "ben"}, {"way": "phone", "expected_revision": 1, "decision": "allowed"},
])  # fmt: skip
def test_crafted_posts_never_allow(agent, anna, act, fields):
    choose("anna")
    for name in actions.MEMBER:
        act(agent, name, **fields)
    assert not Entry.objects.filter(decision=Decision.ALLOWED).exists()
    assert not Entry.objects.exclude(member_ref="anna").exists()


@pytest.mark.parametrize("role", list(Role))
def test_no_role_can_allow_edit_delete_or_change_many(staff, anna, role):
    """Every address of choices in admin, with every way to write, by every role at once."""
    choose("anna", channel=Channel.SUPPORT)
    entry = Entry.objects.get()
    browser = staff(role)
    sent = {"action": "delete_selected", "_selected_action": [entry.pk], "post": "yes",
            "decision": "allowed", "_save": "1"}  # fmt: skip
    for path in ("", "add/", f"{entry.pk}/change/", f"{entry.pk}/delete/"):
        for method in (browser.post, browser.put, browser.delete, browser.patch):
            method(f"/admin/ledger/entry/{path}", sent)
    browser.post("/choose/", {"decision": "allowed", "request_id": uuid.uuid4(), "seen": ""})
    after = Entry.objects.exclude(member_ref=browser.member.member_ref)
    assert list(after) == [entry]
    assert after.get().decision == Decision.OBJECTED


def test_nothing_lets_staff_act_as_a_member():
    """No address, and no permission, by which a session could become somebody else's."""
    words = ("impersonate", "hijack", "loginas", "login_as", "su/", "switch_user")
    routes = " ".join(str(pattern.pattern) for pattern in _patterns(get_resolver()))
    assert not [word for word in words if word in routes]


def _patterns(resolver):
    for pattern in resolver.url_patterns:
        yield from _patterns(pattern) if hasattr(pattern, "url_patterns") else [pattern]
