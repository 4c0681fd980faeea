"""Personal links for another system: whom they are for, who may have them, and in which form."""

import csv
import io
import json
import logging
from datetime import timedelta

import pytest
from django.core.cache import cache
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from campaigns import api, elsewhere, lifecycle, sending
from campaigns.link_files import FORMATS
from campaigns.models import Campaign, Recipient, Undeliverable
from campaigns.tests.campaigns import make_campaign, prepared, released, running
from consent import told
from consent.links import REMINDERS, read_token
from tests.people import make_member

pytestmark = pytest.mark.django_db

TOKEN = "a-token-that-is-long-enough-to-count"
URL = "/api/links/"


@pytest.fixture(autouse=True)
def tokens(settings):
    settings.API_TOKENS = {"crm": TOKEN, "other": "another-token-that-is-long-enough"}
    cache.clear()


@pytest.fixture
def campaign(notice, member, other):
    return released(notice, name="By the CRM", sent_elsewhere=True)


def ask(client=None, token=TOKEN, **query):
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    query = {"campaign": "By the CRM", **query}
    return (client or Client()).get(URL, query, headers=headers)


def rows(answer):
    assert answer.status_code == 200, answer.content
    return [json.loads(line) for line in answer.getvalue().splitlines()]


class TestLinks:
    def test_one_for_each_member(self, campaign, member, other, settings):
        found = {row["member_ref"]: row for row in rows(ask())}
        assert set(found) == {"anna", "ben"}
        anna = found["anna"]
        assert set(anna) == {
            "id", "member_ref", "language", "under_18", "link", "reminders_link",
        }  # fmt: skip
        link = read_token(anna["link"].split("/")[-2])
        assert (link.member_id, link.notice_id, link.campaign_id) == (
            member.pk, campaign.notice_id, campaign.pk,
        )  # fmt: skip
        assert read_token(anna["reminders_link"].split("/")[-2], REMINDERS) == link
        assert anna["link"].startswith(settings.SITE_URL)

    def test_the_link_opens_the_notice(self, campaign, client):
        link = rows(ask())[0]["link"]
        assert client.get("/o/" + link.split("/o/")[1]).status_code == 200

    def test_as_csv(self, campaign):
        answer = ask(format="csv")
        assert answer["Content-Type"] == "text/csv; charset=utf-8"
        found = list(csv.DictReader(io.StringIO(answer.getvalue().decode())))
        assert [row["member_ref"] for row in found] == ["anna", "ben"]
        assert found[0]["under_18"] == "False"

    def test_in_pages_and_from_where_it_broke_off(self, campaign, monkeypatch):
        monkeypatch.setattr(elsewhere, "PAGE", 1)
        first, second = rows(ask())
        assert [row["id"] for row in rows(ask(after=first["id"]))] == [second["id"]]
        assert rows(ask(after=second["id"])) == []
        header = ask(format="csv", after=first["id"]).getvalue().decode()
        assert header.startswith(second["id"])

    def test_looked_at_again(self, campaign, member, other, notice):
        told.letter_sent(notice, member.pk, timezone.now())
        Undeliverable.objects.create(member=other, email=other.email)
        assert rows(ask()) == []
        other.email = "new@example.org"
        other.save()
        assert [row["member_ref"] for row in rows(ask())] == ["ben"]
        other.delete()
        assert rows(ask()) == []
        assert set(Recipient.objects.values_list("state", flat=True)) == {"pending"}

    def test_words_for_those_under_18(self, notice):
        make_member("kim@example.org", is_minor=True)
        released(notice, name="By the CRM", sent_elsewhere=True, minors="own_text")
        assert [row["under_18"] for row in rows(ask())] == [True]

    def test_it_is_kept_who_got_how_many(self, campaign, caplog):
        caplog.set_level(logging.INFO)
        rows(ask())
        line = campaign.history.get(kind="exported")
        assert (line.by, line.reason) == ("API: crm", "2 personal links")
        assert "API: crm got 2 links" in caplog.text
        assert TOKEN not in caplog.text

    def test_it_is_kept_also_if_the_client_goes_away(self, campaign, monkeypatch):
        monkeypatch.setattr(elsewhere, "PAGE", 1)
        content = api._handed_out(campaign, 0, FORMATS["jsonl"](heading=True), "crm")
        next(content)
        content.close()  # as the server does
        assert campaign.history.get(kind="exported").reason == "1 personal links"


class TestNotNow:
    def test_of_a_campaign_that_is_sent_here(self, notice, member):
        released(notice, name="By the CRM")
        answer = ask()
        assert answer.status_code == 409
        assert answer.json() == {"problem": "This site sends the campaign's mails itself."}

    def test_of_one_that_is_not_released(self, notice, member):
        prepared(notice, name="By the CRM", sent_elsewhere=True)
        assert ask().json() == {"problem": "The campaign is prepared."}

    def test_while_it_is_paused_or_all_are_stopped(self, campaign):
        lifecycle.stop_all(by="jo", reason="Wrong date")
        assert ask().json() == {"problem": "All campaigns are stopped."}
        lifecycle.lift_stop(by="jo")
        assert len(rows(ask())) == 2
        lifecycle.pause(campaign, by="jo", reason="Wrong date")
        assert ask().status_code == 409

    def test_a_pause_acts_in_the_middle(self, campaign, monkeypatch):
        monkeypatch.setattr(elsewhere, "PAGE", 1)
        pages = elsewhere.pages(campaign)
        assert len(next(pages)) == 1
        lifecycle.pause(campaign, by="jo", reason="Wrong date")
        with pytest.raises(elsewhere.NoLinks):
            next(pages)

    def test_when_the_rollout_was_moved(self, campaign, notice):
        rollout = notice.rollouts.get(region="eu_eea")
        rollout.reschedule(timezone.localdate() + timedelta(days=90), by="jo", reason="Later")
        assert "rescheduled after the release" in ask().json()["problem"]

    @pytest.mark.parametrize(
        ("query", "status"),
        [
            ({"campaign": "None such"}, 404),
            ({"campaign": "a\0b"}, 404),
            ({"campaign": ""}, 404),
            ({"campaign": "x" * 100_000}, 404),
            ({"format": "xml"}, 400),
            ({"after": "1.2.3"}, 409),
            ({"after": "\0"}, 409),
        ],
    )
    def test_what_cannot_be(self, campaign, query, status):
        answer = ask(**query)
        assert answer.status_code == status
        assert answer.json()["problem"]


class TestTokens:
    @pytest.mark.parametrize(
        "header",
        [None, "", "Bearer", "Bearer x", f"Basic {TOKEN}", f"Bearer {TOKEN}x", "Bearer \0",
         "Bearer é", TOKEN, "Bearer " + "x" * 100_000],
    )  # fmt: skip
    def test_wrong_ones_all_get_the_same_answer(self, campaign, header):
        headers = {} if header is None else {"Authorization": header}
        answer = Client().get(URL, headers=headers)
        assert (answer.status_code, answer["WWW-Authenticate"]) == (401, "Bearer")
        assert answer.json() == {"problem": "Send a valid token: Authorization: Bearer …"}

    def test_a_session_of_staff_is_no_token(self, campaign, admin_client):
        assert admin_client.get(URL).status_code == 401

    def test_no_tokens_no_page(self, campaign, settings):
        settings.API_TOKENS = {}
        assert ask().status_code == 404

    def test_many_wrong_ones(self, campaign, monkeypatch):
        monkeypatch.setattr(api, "WRONG_TOKENS_A_MINUTE", 2)
        assert [ask(token="x").status_code for _ in range(4)] == [401, 401, 429, 429]
        assert ask().status_code == 200

    def test_many_calls(self, campaign, monkeypatch):
        monkeypatch.setattr(api, "CALLS_A_MINUTE", 2)
        answers = [ask() for _ in range(3)]
        assert [answer.status_code for answer in answers] == [200, 200, 429]
        assert answers[-1]["Retry-After"] == "60"
        assert ask(token="another-token-that-is-long-enough").status_code == 200

    @pytest.mark.parametrize("method", ["post", "put", "delete"])
    def test_wrong_method(self, method):
        assert getattr(Client(), method)(URL).status_code == 405

    def test_nothing_is_kept_by_a_cache(self, campaign):
        assert "no-store" in ask()["Cache-Control"]


class TestCampaign:
    def test_nothing_is_sent_from_here(self, notice, member, server):
        campaign = running(notice, sent_elsewhere=True)
        assert not lifecycle.may_send(campaign)
        sending.send(campaign.pk)
        assert server.to() == []

    def test_who_sends_is_settled_by_the_release(self, notice, member):
        campaign = prepared(notice)
        with pytest.raises(IntegrityError), transaction.atomic():
            Campaign.objects.filter(pk=campaign.pk).update(sent_elsewhere=True)
        draft = make_campaign(notice, name="Draft")
        Campaign.objects.filter(pk=draft.pk).update(sent_elsewhere=True)


class TestCommand:
    def export(self, file, *arguments):
        call_command("export_links", "By the CRM", file, "--no-progress", *arguments)

    def test_both_forms(self, campaign, tmp_path, capsys):
        self.export(tmp_path / "links.csv")
        self.export(tmp_path / "links.jsonl")
        assert capsys.readouterr().out == "2 links\n2 links\n"
        found = list(csv.DictReader((tmp_path / "links.csv").open()))
        lines = (tmp_path / "links.jsonl").read_text().splitlines()
        assert [row["id"] for row in found] == [json.loads(line)["id"] for line in lines]
        assert (tmp_path / "links.csv").stat().st_mode & 0o077 == 0
        assert campaign.history.filter(by="export_links").count() == 2

    def test_one_that_fails_leaves_the_last_file(self, campaign, tmp_path):
        file = tmp_path / "links.csv"
        self.export(file)
        before = file.read_text()
        lifecycle.pause(campaign, by="jo", reason="Wrong date")
        with pytest.raises(CommandError, match="The campaign is paused"):
            self.export(file)
        assert file.read_text() == before
        assert list(tmp_path.iterdir()) == [file]

    def test_where_nothing_can_be_written(self, campaign, tmp_path):
        with pytest.raises(CommandError, match="cannot be written"):
            self.export(tmp_path / "nowhere" / "links.csv")

    def test_no_such_campaign(self, tmp_path):
        with pytest.raises(CommandError, match="there is no campaign"):
            self.export(tmp_path / "x.csv")


def test_the_addresses():
    assert [reverse("api_links"), reverse("api_events")] == ["/api/links/", "/api/events/"]
