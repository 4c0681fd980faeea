"""What members can take away: all that this site holds about them, and nothing of anybody else."""

import json
import re
import uuid
from datetime import timedelta
from html.parser import HTMLParser

import pytest
from django.urls import reverse

from accounts.models import Member, MemberAccess
from consent.models import SentMail
from ledger.models import Channel, Decision
from ledger.seal import seal_all
from propagation.models import Removal
from propagation.relay import relay
from tests.people import choose, make_member

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("notice", "sql_store")]

PAGE, JSON, HTML, DELETE = (
    reverse(name) for name in ("my_data", "my_data_json", "my_data_html", "delete_my_data")
)
ALL = (PAGE, JSON, HTML, DELETE)


@pytest.fixture
def signed_in(client, member):
    client.force_login(member)
    return client


def leave_traces(member: Member, staff: str) -> None:
    """One of everything that can be held about a member."""
    ref = member.member_ref
    choose(ref, notice_version=1, notice_language="en")
    choose(ref, Decision.ALLOWED, purpose="other-purpose", channel=Channel.API)
    for kind, revision in (("notice", None), ("confirmation", 1)):
        SentMail.objects.record(
            member.pk,
            kind=kind,
            purpose="genai-training",
            notice_version=1,
            language="en",
            revision=revision,
        )
    member.parked_mails.create(
        purpose="genai-training", revision=2, partition=0, reason="550 no such mailbox"
    )
    MemberAccess.objects.create(by=staff, member_ref=ref, what="viewed")
    seal_all(0)
    relay("sql")


def taken(client):
    return json.loads(client.get(JSON).content)


def test_the_page_leads_to_everything(signed_in):
    page = signed_in.get(PAGE).content.decode()
    for address in (JSON, HTML, DELETE):
        assert f'href="{address}"' in page


def test_json_has_everything(signed_in, member, settings):
    member.stated_country, member.language = "FR", "fr"
    member.save()
    leave_traces(member, "boss")
    Removal.objects.create(
        store="sql", member_ref="anna", purpose="genai-training", rows=7, at=member.joined_at
    )
    data = taken(signed_in)
    assert data["held_by"]["contact"] == settings.OPERATOR_PRIVACY_EMAIL
    identity = data["identity"]
    assert (identity["member_ref"], identity["email"]) == ("anna", "anna@example.org")
    assert (identity["country_by_account"], identity["country_by_member"]) == ("DE", "FR")
    assert (identity["language"], identity["under_18"]) == ("fr", False)
    assert identity["last_sign_in"]
    assert len(data["signed_in_until"]) == 1
    other_purpose, choice = data["choices"]
    assert (other_purpose["purpose"], other_purpose["decision"]) == ("other-purpose", "allowed")
    assert other_purpose["notice_address"] is None
    assert (choice["decision"], choice["channel"], choice["revision"]) == (
        "objected", "dashboard", 1,
    )  # fmt: skip
    assert choice["notice_address"] == f"{settings.SITE_URL}/en/notice/1/"
    (store,) = choice["stores"]
    assert (store["label"], store["state"]) == ("Feature store", "confirmed")
    assert store["at"]
    assert [row["rows"] for row in data["deleted_by_stores"]] == [7]
    assert [mail["kind"] for mail in data["mails_sent"]] == ["confirmation", "notice"]
    assert [mail["reason"] for mail in data["mails_not_sent"]] == ["550 no such mailbox"]
    assert [access["what"] for access in data["staff_access"]] == ["viewed"]


def test_the_addresses_of_notices_can_be_read(signed_in, member, settings):
    leave_traces(member, "boss")
    address = taken(signed_in)["choices"][1]["notice_address"]
    assert signed_in.get(address.removeprefix(settings.SITE_URL)).status_code == 200


def test_every_field_of_a_member_is_given_or_left_out_on_purpose():
    """Fails for a new field or relation, so that somebody asks whether members must see it."""
    given = {
        "member_ref", "email", "country", "stated_country", "language", "is_minor", "is_staff",
        "joined_at", "last_login", "sessions", "sent_mails", "parked_mails",
        "told", "undeliverable", "no_reminders", "name", "evidence", "support_mails",
    }  # fmt: skip
    left_out = {
        "id",  # ours, and means nothing outside
        "password",  # that there is one is said
        "is_active",  # who is not cannot ask here
        "is_superuser", "groups", "user_permissions", "logentry",  # work of staff
        "authenticator", "socialaccount",  # how staff sign in
        "emailaddress",  # allauth's copy of the address
    }  # fmt: skip
    assert {field.name for field in Member._meta.get_fields()} == given | left_out


def test_html_says_the_same(signed_in, member):
    leave_traces(member, "boss")
    page = signed_in.get(HTML).content.decode()
    for words in (
        "anna@example.org", "anna", "Germany", "Objected", "Allowed", "other-purpose",
        "Feature store: confirmed", "Confirmation of your choice", "550 no such mailbox",
        "looked at", "/en/notice/1/",
    ):  # fmt: skip
        assert words in page


class Parts(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags, self.attributes = set(), set()

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}


def test_the_html_file_needs_nothing_else(signed_in, member):
    leave_traces(member, "boss")
    parts = Parts()
    parts.feed(signed_in.get(HTML).content.decode())
    assert not parts.tags & {"link", "script", "style", "img", "form", "iframe"}
    assert not parts.attributes & {"style", "src", "onclick"}


def test_files_are_downloads_that_nothing_keeps(signed_in):
    for address, kind in ((JSON, "application/json"), (HTML, "text/html")):
        answer = signed_in.get(address)
        assert answer["Content-Type"].startswith(kind)
        assert answer["Content-Disposition"] == f'attachment; filename="{address[9:]}"'
        assert "no-store" in answer["Cache-Control"]
        assert "private" in answer["Cache-Control"]


def test_nothing_of_others(signed_in, member, other):
    boss = make_member("boss@example.org", is_staff=True)
    for person in (member, other):
        leave_traces(person, boss.member_ref)
    for address in (JSON, HTML):
        text = signed_in.get(address).content.decode()
        assert "anna" in text
        assert not re.search(r"\bben\b|boss", text)
    data = taken(signed_in)
    assert len(data["choices"]) == len(data["mails_sent"]) == 2
    assert len(data["staff_access"]) == len(data["signed_in_until"]) == 1


def test_with_nothing_yet(signed_in):
    data = taken(signed_in)
    assert data["choices"] == data["mails_sent"] == data["staff_access"] == []
    assert signed_in.get(HTML).content.decode().count("None yet.") == 3


def test_markup_and_formulas_in_an_address_stay_text(client, settings):
    evil = '"=cmd()<script>alert(1)</script>&"@example.org'
    member = make_member("eve@example.org")
    Member.objects.filter(pk=member.pk).update(email=evil)
    settings.DATA_STORES["sql"]["LABEL"] = "<b>bold</b>"
    choose("eve")
    client.force_login(member)
    page = client.get(HTML).content.decode()
    assert "<script>" not in page
    assert "<b>" not in page
    assert "&lt;script&gt;" in page
    assert "&lt;b&gt;bold" in page
    answer = client.get(JSON)
    assert json.loads(answer.content)["identity"]["email"] == evil
    assert answer["X-Content-Type-Options"] == "nosniff"


def test_in_the_members_language(client):
    member = make_member("fritz@example.org", language="de")
    client.force_login(member)
    page = client.get(HTML).content.decode()
    assert '<html lang="de"' in page
    assert "Deutschland" in page


@pytest.mark.parametrize("address", ALL)
def test_who_is_not_signed_in_is_asked_to_and_sees_nothing(client, address):
    answer = client.get(address)
    assert (answer.status_code, answer.url) == (302, f"/accounts/login/?next={address}")
    assert client.post(DELETE).url == f"/accounts/login/?next={DELETE}"


@pytest.mark.parametrize("address", ALL[:3])
@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_only_looking(signed_in, address, method):
    assert getattr(signed_in, method)(address).status_code == 405


@pytest.mark.parametrize("query", ["?member=ben", "?id=2", "?member_ref=%00", "?x=" + "y" * 8000])
def test_whom_it_is_about_cannot_be_asked_for(signed_in, other, query):
    choose("ben")
    assert json.loads(signed_in.get(JSON + query).content)["identity"]["member_ref"] == "anna"


def test_a_long_history_is_whole_and_quick(signed_in, django_assert_max_num_queries):
    for number in range(120):
        choose("anna", Decision.ALLOWED if number % 2 else Decision.OBJECTED)
    with django_assert_max_num_queries(17):
        assert len(taken(signed_in)["choices"]) == 120


def test_a_delayed_store_is_not_called_confirmed(signed_in, member):
    choose("anna", recorded_at=member.joined_at - timedelta(hours=1), request_id=uuid.uuid4())
    (store,) = taken(signed_in)["choices"][0]["stores"]
    assert store["state"] == "delayed"
