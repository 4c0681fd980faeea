"""Global Privacy Control: explained, offered, and an objection only where the operator says so."""

import json
import re
import time
from datetime import date

import pytest
from django.core import mail
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError
from django.urls import reverse

from accounts.tests.mails import mailed_code
from consent import services
from consent.confirming import send_confirmations
from consent.links import Link, make_token
from consent.models import Notice
from consent.pressing import page_value
from ledger.models import Entry
from ledger.seal import seal_all
from privacydash import env
from tests.people import choose

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("notice")]

SIGNAL = {"Sec-GPC": "1"}
ASKS = "Your browser asks sites not to sell or share your data"
NOT_THE_SAME = "That is not the same as an objection to this use"
SAVED = "When you signed in, we saved that as your objection"
WILL_BE_SAVED = "When you sign in, we save that as your objection"
PASSWORD = "lamp river seven"


@pytest.fixture(autouse=True)
def _fast_passwords(settings):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def counts(settings):
    settings.GPC_OBJECTS = True


@pytest.fixture
def sign_in(client, member):
    member.set_password(PASSWORD)
    member.save()

    def sign_in(headers=SIGNAL, password=PASSWORD):
        return client.post(
            reverse("account_login"), {"login": member.email, "password": password}, headers=headers
        )

    return sign_in


def recorded():
    return list(Entry.objects.order_by("revision").values_list("decision", "channel"))


class TestWords:
    def test_on_the_members_page_beside_the_one_button(self, client, member):
        client.force_login(member)
        page = client.get("/", headers=SIGNAL).content.decode()
        assert ASKS in page
        assert NOT_THE_SAME in page
        assert page.count('name="decision"') == 1
        assert page.index(ASKS) < page.index('value="objected"')

    def test_not_without_the_signal(self, client, member):
        client.force_login(member)
        for headers in ({}, {"Sec-GPC": "0"}, {"Sec-GPC": "\0"}, {"Sec-GPC": "1" * 10_000}):
            assert ASKS not in client.get("/", headers=headers).content.decode()

    def test_not_to_whoever_has_objected(self, client, member):
        choose("anna")
        client.force_login(member)
        assert ASKS not in client.get("/", headers=SIGNAL).content.decode()

    def test_to_whoever_has_allowed(self, client, member):
        choose("anna")
        choose("anna", "allowed")
        client.force_login(member)
        assert NOT_THE_SAME in client.get("/", headers=SIGNAL).content.decode()

    def test_on_the_mail_page(self, client, member, notice):
        path = reverse("object_by_link", args=[make_token(Link(member.pk, notice.pk))])
        assert NOT_THE_SAME in client.get(path, headers=SIGNAL).content.decode()
        form = {"page": page_value(time.time() - 10), "decision": "objected"}
        client.post(path, form, headers=SIGNAL)
        assert recorded() == [("objected", "mail_link")]

    def test_on_the_notice_signed_out(self, client):
        answer = client.get("/en/notice/", headers=SIGNAL)
        assert NOT_THE_SAME in answer.content.decode()
        assert "Sec-GPC" in answer["Vary"]

    def test_on_the_notice_if_it_will_count(self, client, counts):
        page = client.get("/en/notice/", headers=SIGNAL).content.decode()
        assert WILL_BE_SAVED in page
        assert NOT_THE_SAME not in page

    def test_the_button_with_the_signal_is_an_ordinary_choice(self, client, member):
        client.force_login(member)
        page = client.get("/", headers=SIGNAL).content.decode()
        form = dict(re.findall(r'name="(request_id|seen)" value="([^"]+)"', page))
        client.post("/choose/", {**form, "decision": "objected"}, headers=SIGNAL)
        assert recorded() == [("objected", "dashboard")]


class TestSignIn:
    def test_off_it_records_nothing(self, sign_in):
        assert sign_in().status_code == 302
        assert recorded() == []

    def test_it_objects_where_the_operator_says_so(self, sign_in, counts, client):
        assert sign_in().url == "/"
        entry = Entry.objects.get()
        assert (entry.decision, entry.channel) == ("objected", "gpc")
        assert (entry.notice_version, entry.notice_language) == (1, "en")
        page = client.get("/", headers=SIGNAL).content.decode()
        assert SAVED in page
        assert "You have objected" in page
        assert "by a privacy signal of your browser" in page
        assert SAVED in client.get("/").content.decode()  # it says so in any browser

    def test_by_a_mailed_code_too(self, client, member, counts):
        client.post(reverse("account_request_login_code"), {"email": member.email})
        confirm = reverse("account_confirm_login_code")
        client.post(confirm, {"code": mailed_code()}, headers=SIGNAL)
        assert recorded() == [("objected", "gpc")]

    def test_it_can_be_undone_with_the_ordinary_button_and_stays_undone(
        self, sign_in, counts, client
    ):
        sign_in()
        page = client.get("/", headers=SIGNAL).content.decode()
        form = dict(re.findall(r'name="(request_id|seen)" value="([^"]+)"', page))
        client.post("/choose/", {**form, "decision": "allowed"}, headers=SIGNAL)
        client.logout()
        sign_in()
        assert recorded() == [("objected", "gpc"), ("allowed", "dashboard")]
        page = client.get("/", headers=SIGNAL).content.decode()
        assert SAVED not in page
        assert NOT_THE_SAME in page

    def test_a_choice_that_exists_is_left_alone(self, sign_in, counts):
        choose("anna")
        sign_in()
        assert recorded() == [("objected", "dashboard")]

    def test_not_without_the_signal(self, sign_in, counts):
        for headers in ({}, {"Sec-GPC": "0"}, {"Sec-GPC": "true"}):
            sign_in(headers=headers)
        assert recorded() == []

    def test_not_by_a_sign_in_that_fails(self, sign_in, counts):
        sign_in(password="wrong")
        assert recorded() == []

    def test_not_without_a_notice(self, sign_in, counts, settings):
        settings.PURPOSE = "something-else"
        assert sign_in().status_code == 302
        assert recorded() == []

    def test_only_once(self, sign_in, counts, client):
        for _ in range(2):
            sign_in()
            client.logout()
        assert len(recorded()) == 1

    def test_a_database_that_takes_nothing_keeps_nobody_out(
        self, sign_in, counts, client, monkeypatch
    ):
        def fail(new):
            raise DatabaseError("disk full")

        monkeypatch.setattr(services, "append", fail)
        assert sign_in().url == "/"
        assert "_auth_user_id" in client.session

    def test_it_is_confirmed_by_mail(self, sign_in, counts):
        sign_in()
        seal_all(0)
        send_confirmations(0)
        assert "by a privacy signal of your browser" in mail.outbox[-1].body

    def test_a_notice_in_the_members_language(self, sign_in, counts, member):
        type(member).objects.update(language="de")
        sign_in()
        assert Entry.objects.get().notice_language == "de"
        assert Notice.objects.get().translations.filter(language="de").exists()


class TestSupport:
    @pytest.mark.parametrize("objects", [True, False])
    def test_it_says_what_holds(self, client, settings, objects):
        settings.GPC_OBJECTS = objects
        answer = client.get("/.well-known/gpc.json")
        assert answer["Content-Type"] == "application/json"
        said = json.loads(answer.content)
        assert set(said) == {"gpc", "lastUpdate"}
        assert said["gpc"] is objects
        assert date.fromisoformat(said["lastUpdate"])

    @pytest.mark.parametrize("method", ["post", "put", "delete"])
    def test_it_is_only_read(self, client, method):
        assert getattr(client, method)("/.well-known/gpc.json").status_code == 405

    @pytest.mark.parametrize("day", ["soon", "2026-13-01", "25.11.2026"])
    def test_a_day_that_is_none_stops_the_start(self, monkeypatch, day):
        monkeypatch.setenv("GPC_LAST_UPDATE", day)
        with pytest.raises(ImproperlyConfigured, match="GPC_LAST_UPDATE cannot be read"):
            env.day("GPC_LAST_UPDATE")
