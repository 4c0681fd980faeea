"""What a receipt says, as page and as JSON, and to whom."""

import json
import uuid

import pytest
from django.test import Client
from django.utils import translation

from consent.receipt_words import words_of
from consent.tests.receipts import carry_to_stores, download
from ledger.models import Channel, Decision, Entry
from tests.people import choose, make_member, toggle

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("notice", "sql_store")]

FORMATS = ["/receipt/{}/", "/receipt/{}.pdf", "/receipt/{}.json"]


@pytest.fixture
def signed_in(client, member):
    client.force_login(member)
    return client


def facts(payload):
    with translation.override("en"):
        return {row.label: row.value for row in words_of(payload).facts}


def test_all_that_was_chosen_is_in_it(signed_in):
    choose("anna", notice_version=1, notice_language="de")
    entry = Entry.objects.get()
    payload = download(signed_in)["receipt"]
    assert payload["schema_version"] == "privacydash-objection-receipt-1"
    assert payload["record_id"] == str(entry.request_id)
    assert payload["pii_principal_id"] == "anna"
    event = payload["event"]
    assert event["event_time"] == entry.recorded_at.isoformat(timespec="milliseconds").replace(
        "+00:00", "Z"
    )
    assert (event["event_type"], event["revision"]) == ("objected", 1)
    assert event["event_state"] == "dpv:LegitimateInterestObjected"
    assert event["dpv:hasIndicationMethod"] == "dashboard"
    process = payload["dpv:hasProcess"]
    assert process["dpv:hasPurpose"]["dct:identifier"] == "genai-training"
    assert process["dpv:hasNotice"]["dct:hasVersion"] == 1
    assert process["dpv:hasNotice"]["dct:language"] == "de"
    assert process["dpv:hasNotice"]["@id"].endswith("/de/notice/1/")
    assert process["dpv:hasDataController"]["dpv:hasName"] == "Example Network"
    assert process["dpv:hasJurisdiction"] == "loc:DE"
    assert process["dpv:hasRight"]["@type"] == "eu-gdpr:A21"


def test_the_words_come_from_the_notice(signed_in, notice):
    choose("anna")
    text = notice.text("en")
    said = facts(download(signed_in)["receipt"])
    assert said["For what"] == text.purpose_name
    assert said["What it does"] == text.effect
    assert said["What cannot be undone"] == text.not_undone
    assert said["Legal basis"] == text.basis


def test_the_page_shows_what_the_file_says(signed_in):
    choose("anna", notice_version=1, notice_language="fr")
    page = signed_in.get("/receipt/1/").content.decode()
    payload = download(signed_in)["receipt"]
    for label, value in facts(payload).items():
        assert label in page
        if label != "Receipt issued on" and "@" not in value and "://" not in value:
            assert value in page
    assert "Notice version 1 (French)" in page
    assert "/fr/notice/1/" in page
    assert 'href="/receipt/1.pdf"' in page
    assert 'href="/receipt/1.json"' in page


def test_it_speaks_the_readers_language_and_names_the_one_seen(signed_in, member):
    choose("anna", notice_version=1, notice_language="en")
    member.language = "de"
    member.save()
    payload = download(signed_in)["receipt"]
    assert payload["dct:language"] == "de"
    assert payload["dpv:hasProcess"]["dpv:hasPurpose"]["dct:title"] == "Training generativer KI"
    assert payload["dpv:hasProcess"]["dpv:hasNotice"]["dct:language"] == "en"
    assert "(Englisch)" in signed_in.get("/receipt/1/").content.decode()


@pytest.mark.parametrize(
    ("channel", "words"),
    [
        (Channel.DASHBOARD, "on the privacy page"),
        (Channel.MAIL_LINK, "by the link in a mail"),
        (Channel.SUPPORT, "by our support"),
        (Channel.IMPORT, "taken over from an earlier list"),
        (Channel.API, "on Example Network"),
    ],
)
def test_every_channel_has_words(signed_in, channel, words):
    choose("anna", channel=channel)
    assert facts(download(signed_in)["receipt"])["How"] == words


def test_the_state_of_the_systems_is_that_of_the_time_of_issue(signed_in):
    choose("anna")
    before = download(signed_in)["receipt"]
    assert before["confirmations"]["systems"] == [
        {"name": "Feature store", "state": "waiting", "at": None}
    ]
    assert before["confirmations"]["as_of"] == before["dct:created"]
    carry_to_stores()
    after = download(signed_in)["receipt"]
    (system,) = after["confirmations"]["systems"]
    assert system["state"] == "confirmed"
    assert before["dct:created"] < system["at"] <= after["dct:created"]
    assert after["record_id"] == before["record_id"]
    page = signed_in.get("/receipt/1/").content.decode()
    assert "Which systems had confirmed when this receipt was issued" in page


def test_a_later_choice_is_told(signed_in):
    toggle("anna", 2)
    first, second = download(signed_in, 1)["receipt"], download(signed_in, 2)["receipt"]
    assert facts(first)["At that time"] == "A later choice had taken its place."
    assert facts(second)["At that time"] == "This choice was in force."
    assert second["event"]["event_state"] == "dpv:LegitimateInterestNotObjected"
    assert "What it does" not in facts(second)
    with translation.override("en"):
        assert words_of(first).choice.startswith("Objection, saved on ")
        assert words_of(second).choice.startswith("Permission, saved on ")


@pytest.mark.parametrize(
    ("country", "basis", "right", "place"),
    [
        ("NO", "eu-gdpr:A6-1-f", "Art. 21 GDPR", "Norway (EU and EEA)"),
        ("GB", "dpv:LegitimateInterest", "Art. 21 UK GDPR", "United Kingdom"),
        ("CH", "dpv:LegitimateInterest", "Art. 30(2)(b) FADP", "Switzerland"),
        ("", "eu-gdpr:A6-1-f", "Art. 21 GDPR", "not known"),
    ],
)
def test_the_law_is_that_of_the_place(client, country, basis, right, place):
    client.force_login(make_member("carl@example.org", country))
    choose("carl")
    payload = download(client)["receipt"]
    assert payload["dpv:hasProcess"]["dpv:hasLegalBasis"]["@type"] == basis
    assert payload["dpv:hasProcess"]["dpv:hasRight"]["dct:title"] == right
    assert facts(payload)["Country"] == place


@pytest.mark.parametrize("fields", [{"country": "US"}, {"is_minor": True}])
def test_no_legal_basis_is_named_where_the_change_does_not_apply(client, fields):
    client.force_login(make_member("carl@example.org", **fields))
    choose("carl")
    payload = download(client)["receipt"]
    assert "dpv:hasLegalBasis" not in payload["dpv:hasProcess"]
    assert "Legal basis" not in facts(payload)
    assert client.get("/receipt/1/").status_code == 200


def test_where_nobody_knows_what_was_seen_it_says_so(signed_in):
    choose("anna", channel=Channel.IMPORT)
    assert facts(download(signed_in)["receipt"])["Notice seen"] == "not known"


def test_a_version_that_is_not_here_is_named_and_not_linked(signed_in):
    choose("anna", channel=Channel.IMPORT, notice_version=7, notice_language="de")
    payload = download(signed_in)["receipt"]
    assert facts(payload)["Notice seen"] == "Notice version 7 (German)"
    assert payload["dpv:hasProcess"]["dpv:hasPurpose"]["dct:title"] == "Training of generative AI"


@pytest.mark.parametrize("address", FORMATS)
def test_without_any_notice_there_is_no_receipt(signed_in, address, settings):
    settings.PURPOSE = "no-notice-yet"
    choose("anna", channel=Channel.IMPORT, purpose="no-notice-yet")
    assert signed_in.get(address.format(1)).status_code == 404


@pytest.mark.parametrize("address", FORMATS)
def test_nobody_elses(signed_in, other, address):
    choose("ben")
    assert signed_in.get(address.format(1)).status_code == 404


@pytest.mark.parametrize("address", FORMATS)
def test_no_other_purpose(signed_in, address):
    choose("anna", purpose="something-else")
    assert signed_in.get(address.format(1)).status_code == 404


@pytest.mark.parametrize("revision", ["0", "2", "9" * 30, "9" * 5000, "-1", "x", "1%00"])
@pytest.mark.parametrize("address", FORMATS)
def test_a_choice_that_does_not_exist(signed_in, address, revision):
    choose("anna")
    assert signed_in.get(address.format(revision)).status_code == 404


@pytest.mark.parametrize("address", FORMATS)
def test_signed_out(address):
    choose("anna")
    answer = Client().get(address.format(1))
    assert answer.status_code == 302
    assert answer.url.startswith("/accounts/login/?next=/receipt/1")


@pytest.mark.parametrize("address", FORMATS)
def test_reading_only_and_kept_by_no_cache(signed_in, address):
    choose("anna")
    entries = list(Entry.objects.values())
    answer = signed_in.get(address.format(1))
    assert "no-store" in answer["Cache-Control"]
    assert "private" in answer["Cache-Control"]
    assert signed_in.post(address.format(1)).status_code == 405
    assert list(Entry.objects.values()) == entries


def test_files_have_names_and_types(signed_in):
    choose("anna")
    answer = signed_in.get("/receipt/1.json")
    assert answer["Content-Type"] == "application/json"
    assert answer["Content-Disposition"] == 'attachment; filename="receipt-1.json"'
    answer = signed_in.get("/receipt/1.pdf")
    assert answer["Content-Type"] == "application/pdf"
    assert answer["Content-Disposition"] == 'attachment; filename="receipt-1.pdf"'


def test_the_number_of_a_receipt_is_that_of_the_request(signed_in):
    request_id = uuid.uuid4()
    choose("anna", Decision.OBJECTED, request_id=request_id)
    assert json.dumps(str(request_id)) in signed_in.get("/receipt/1.json").content.decode()
