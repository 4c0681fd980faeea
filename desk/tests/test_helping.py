"""Mails again, countries, retries, notes: each recorded, and none touches a choice."""

import json
from smtplib import SMTPRecipientsRefused

import pytest
from django.core import mail
from django.db import IntegrityError, InternalError, transaction
from django.utils import timezone

from accounts.models import Member
from consent.erasure import erase
from consent.links import read_token
from consent.models import ParkedMail, SentMail, Told
from desk.mails import send_due
from desk.models import StaffAction, SupportMail
from desk.roles import Role
from ledger.models import CurrentChoice, Entry
from propagation.models import Parked
from tests.people import choose

pytestmark = pytest.mark.django_db
REFUSED = (IntegrityError, InternalError)


@pytest.fixture(autouse=True)
def _mailbox(settings):
    settings.MAILERS = {"default": {"BACKEND": "django.core.mail.backends.locmem.EmailBackend"}}


def test_the_link_again(agent, anna, act, notice):
    act(agent, "link")
    send_due()
    send_due()
    (sent,) = mail.outbox
    token = next(word for word in sent.body.split() if "/o/" in word).rstrip("/").rpartition("/")[2]
    assert read_token(token).member_id == anna.pk
    assert SentMail.objects.get().notice_version == 1
    assert Told.objects.get().mailed_at
    assert StaffAction.objects.get().kind == "link"


def test_a_receipt_again(agent, anna, act):
    choose("anna", notice_version=1, notice_language="en")
    act(agent, "receipt", revision=1)
    send_due()
    (sent,) = mail.outbox
    names = [attachment.filename for attachment in sent.attachments]
    assert names == ["receipt-1.pdf", "receipt-1.json"]
    receipt = json.loads(sent.attachments[1].content)
    assert receipt["receipt"]["pii_principal_id"] == "anna"
    assert "Message-ID" not in sent.extra_headers


@pytest.mark.parametrize("revision", [0, 2, "x", ""])
def test_a_receipt_of_a_choice_that_is_not_there(agent, anna, act, revision):
    choose("anna")
    assert act(agent, "receipt", revision=revision).status_code == 400
    assert not SupportMail.objects.exists()


class Failing:
    def __init__(self, error):
        self.error = error

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None

    def send_messages(self, _mails):
        raise self.error


@pytest.mark.parametrize("error", [
    ConnectionRefusedError("no"), SMTPRecipientsRefused({"a@b": (550, b"anna@private.example")}),
    ValueError("not an address"),
])  # fmt: skip
def test_a_mail_that_is_not_taken_is_tried_again_and_hides_the_address(
    agent, anna, act, monkeypatch, error
):
    act(agent, "link")
    monkeypatch.setattr("desk.mails.mailers", type("M", (), {"default": Failing(error)}))
    send_due()
    kept = SupportMail.objects.get()
    assert kept.sent_at is None
    assert kept.retry_at > timezone.now()
    assert kept.problem
    assert "private" not in kept.problem
    monkeypatch.undo()
    SupportMail.objects.update(retry_at=timezone.now())
    send_due()
    assert SupportMail.objects.get().sent_at


def test_a_mail_is_given_up_at_last(agent, anna, act, monkeypatch):
    act(agent, "link")
    monkeypatch.setattr("desk.mails.mailers", type("M", (), {"default": Failing(OSError())}))
    for _ in range(12):
        SupportMail.objects.exclude(retry_at=None).update(retry_at=timezone.now())
        send_due()
    assert SupportMail.objects.get().retry_at is None
    page = act(agent, "note").content.decode()
    assert "given up" in page


def test_nothing_is_mailed_to_a_closed_account_or_an_erased_member(agent, anna, act):
    act(agent, "link")
    Member.objects.filter(pk=anna.pk).update(is_active=False)
    send_due()
    act(agent, "link")
    erase(anna.pk)
    send_due()
    assert mail.outbox == []


def test_a_corrected_country_touches_no_choice(agent, anna, act):
    choose("anna")
    before = list(Entry.objects.values()), list(CurrentChoice.objects.values())
    page = act(agent, "country", country="US").content.decode()
    assert (list(Entry.objects.values()), list(CurrentChoice.objects.values())) == before
    assert "the more protective rules hold" in page
    anna.refresh_from_db()
    assert (anna.country, anna.stated_country) == ("DE", "US")
    assert anna.residence.disputed  # neither is believed: the data is not used
    assert "their data is not used" in act(agent, "note").content.decode()


@pytest.mark.parametrize("country", ["", "XX", "de\0", "DEU", "<b>"])
def test_a_country_that_does_not_exist(agent, anna, act, country):
    assert act(agent, "country", country=country).status_code == 400
    anna.refresh_from_db()
    assert anna.stated_country == ""


def test_parked_deliveries_are_tried_again_and_explained(agent, anna, other, act, sql_store):
    later = timezone.now() + timezone.timedelta(days=1)
    for ref in ("anna", "ben"):
        Parked.objects.create(
            store="sql",
            partition=0,
            member_ref=ref,
            purpose="genai-training",
            revision=1,
            reason="no",
            parked_at=later,
            retry_at=later,
        )
    choose("anna")
    ParkedMail.objects.create(
        member=anna, purpose="genai-training", revision=1, partition=0, reason="550"
    )
    act(agent, "retry")
    assert Parked.objects.get(member_ref="anna").retry_at < later
    assert Parked.objects.get(member_ref="ben").retry_at == later
    assert ParkedMail.objects.get().retry_at
    page = act(agent, "explain", reason="the store is being moved").content.decode()
    assert "the store is being moved" in page


def test_what_staff_did_is_only_ever_added_to(agent, anna, act):
    act(agent, "note", reason="=HYPERLINK(1)<script>alert(1)</script>")
    with pytest.raises(REFUSED, match="only ever added to"), transaction.atomic():
        StaffAction.objects.update(reason="nothing")
    with pytest.raises(REFUSED, match="only ever added to"), transaction.atomic():
        StaffAction.objects.all().delete()
    page = act(agent, "note").content.decode()
    assert "<script>alert" not in page
    anna.delete()
    assert StaffAction.objects.count() == 2  # nothing cascades to it


def test_the_member_finds_it_in_their_download(client, agent, anna, act):
    act(agent, "note", reason="wants to be called Anna")
    act(agent, "request", kind="access", received_on=timezone.localdate())
    client.force_login(anna)
    data = json.loads(client.get("/my-data/my-data.json").content)
    assert data["support_actions"][1]["reason"] == "wants to be called Anna"
    assert data["requests"][0]["kind"] == "access"
    assert "support-agent" not in json.dumps(data)


def test_who_may_not(staff, anna, act):
    auditor = staff(Role.AUDITOR)
    for name in ("link", "receipt", "country", "retry", "explain", "note", "request", "correct"):
        assert act(auditor, name).status_code == 403, name
    assert not StaffAction.objects.exists()
    assert act(staff(Role.SUPPORT_AGENT), "allow").status_code == 404
