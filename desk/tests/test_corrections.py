"""An objection recorded for the wrong person: two people, once; nothing deleted or allowed."""

import threading
import uuid

import pytest
from django.core import mail
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, InternalError, connection, transaction

from consent.services import record_choice
from desk.acting import CannotAct
from desk.corrections import agree, ask, refuse
from desk.mails import send_due
from desk.models import Correction, Evidence, StaffAction, SupportMail
from desk.roles import Role
from ledger.models import Channel, Decision, Entry
from tests.people import choose

BASE = "/admin/desk/correction/"
REFUSED = (IntegrityError, InternalError)
pytestmark = pytest.mark.django_db


def decide(browser, correction, name):
    sent = {"press": uuid.uuid4(), "reason": "the letter is Ben's"}
    return browser.post(f"{BASE}{correction.pk}/do/{name}/", sent, follow=True)


@pytest.fixture
def wrong(anna, other):
    """Anna has allowed, and support has recorded Ben's objection for her."""
    choose("anna")
    choose("anna", Decision.ALLOWED)
    choose("anna", channel=Channel.SUPPORT)
    return anna


def asked(by="asker", **values):
    given = {"member_ref": "anna", "meant_ref": "ben", "reason": "mixed up", **values}
    return ask(by=by, press=uuid.uuid4(), **given)


def test_one_asks_another_agrees_and_both_facts_stay(agent, lead, wrong, act, settings):
    settings.MAILERS = {"default": {"BACKEND": "django.core.mail.backends.locmem.EmailBackend"}}
    act(agent, "correct", meant_ref="ben")
    correction = Correction.objects.get()
    page = decide(lead, correction, "agree").content.decode()
    assert "holds until the member changes it" in page
    # Nothing was deleted, and nothing was allowed by anybody but Anna herself.
    assert list(Entry.objects.of("anna", "genai-training").values_list("decision", "channel")) == [
        ("objected", "support"), ("allowed", "dashboard"), ("objected", "dashboard"),
    ]  # fmt: skip
    bens = Entry.objects.get(member_ref="ben")
    assert (bens.decision, bens.channel) == ("objected", "support")
    seen = act(agent, "note").content.decode()
    assert "recorded for the wrong person" in seen
    assert "support-lead agreed to a correction" in seen
    send_due()
    (sent,) = mail.outbox
    assert sent.to == ["anna@private.example"]
    assert "by mistake" in sent.subject
    assert "It holds until you change it" in sent.body
    assert "Allow the use again" in sent.body


def test_the_member_undoes_it_with_one_press(lead, wrong):
    agree(correction=asked(), by="lead", reason="yes", press=uuid.uuid4())
    record_choice(
        member_ref="anna",
        purpose="genai-training",
        decision=Decision.ALLOWED,
        channel=Channel.DASHBOARD,
        request_id=uuid.uuid4(),
        expected_revision=3,
    )
    assert Entry.objects.of("anna", "genai-training").first().decision == Decision.ALLOWED


def test_who_asked_cannot_decide(lead, wrong):
    correction = asked(by="support-lead")
    for name in ("agree", "refuse"):
        assert "somebody else" in decide(lead, correction, name).content.decode()
    correction.refresh_from_db()
    assert correction.state == "asked"
    with pytest.raises(IntegrityError), transaction.atomic():
        Correction.objects.update(state="agreed", decided_by="support-lead")


def test_agents_cannot_decide(agent, wrong):
    assert decide(agent, asked(), "agree").status_code == 403


def test_it_is_decided_once(wrong):
    correction = asked()
    refuse(correction=correction, by="lead", reason="no", press=uuid.uuid4())
    for decision in (agree, refuse):
        with pytest.raises(CannotAct, match="already"):
            decision(correction=correction, by="other", reason="yes", press=uuid.uuid4())
    assert not Entry.objects.filter(member_ref="ben").exists()
    assert not SupportMail.objects.exists()


@pytest.mark.parametrize("channel", [Channel.DASHBOARD, Channel.MAIL_LINK, Channel.GPC])
def test_a_members_own_choice_cannot_be_corrected(anna, other, channel):
    choose("anna", channel=channel)
    with pytest.raises(CannotAct, match="theirs"):
        asked()


def test_nor_one_after_which_the_member_chose(wrong):
    correction = asked()
    choose("anna", Decision.ALLOWED)
    with pytest.raises(CannotAct, match="theirs"):
        asked()
    with pytest.raises(CannotAct, match="theirs"):
        agree(correction=correction, by="lead", reason="yes", press=uuid.uuid4())
    assert Correction.objects.get().state == "asked"


def test_nor_twice_nor_for_nobody(wrong):
    for meant in ("anna", "unknown"):
        with pytest.raises(CannotAct, match="another member"):
            asked(meant_ref=meant)
    asked()
    with pytest.raises(CannotAct, match="before"):
        asked()


def test_the_evidence_goes_to_whose_it_is(agent, anna, other, act):
    letter = SimpleUploadedFile("letter.pdf", b"%PDF-1.4 I am Ben")
    act(agent, "object", way="letter", evidence=letter)
    agree(correction=asked(), by="lead", reason="yes", press=uuid.uuid4())
    assert Evidence.objects.get().member == other
    hashes = set(Entry.objects.values_list("evidence_sha256", flat=True))
    assert hashes == {Evidence.objects.get().sha256}


def test_what_was_asked_and_decided_stays(wrong):
    correction = asked()
    with pytest.raises(REFUSED, match="decided once"), transaction.atomic():
        Correction.objects.update(reason="other")
    refuse(correction=correction, by="lead", reason="no", press=uuid.uuid4())
    for change in ({"state": "agreed"}, {"state": "asked"}, {"decided_by": "x"}):
        with pytest.raises(REFUSED, match="decided once"), transaction.atomic():
            Correction.objects.update(**change)
    with pytest.raises(REFUSED, match="decided once"), transaction.atomic():
        Correction.objects.all().delete()


@pytest.mark.django_db(transaction=True)
def test_of_two_who_agree_at_once_one_does(wrong):
    correction = asked()
    together, said = threading.Barrier(2), []

    def agreeing(by):
        together.wait(10)
        try:
            agree(correction=correction, by=by, reason="yes", press=uuid.uuid4())
            said.append("agreed")
        except CannotAct as refused:
            said.append(str(refused))
        finally:
            connection.close()

    threads = [threading.Thread(target=agreeing, args=(by,)) for by in ("lead", "officer")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(said) == ["Somebody else has decided already.", "agreed"]
    assert StaffAction.objects.filter(kind="agreed").count() == 1
    assert SupportMail.objects.count() == 1


def test_the_list_and_the_page(staff, wrong):
    correction = asked()
    for role in (Role.AUDITOR, Role.PRIVACY_OFFICER):
        browser = staff(role)
        assert "ben" in browser.get(BASE).content.decode()
        assert "mixed up" in browser.get(f"{BASE}{correction.pk}/change/").content.decode()
    assert staff(Role.OPERATOR).get(f"{BASE}{correction.pk}/change/").status_code == 403
