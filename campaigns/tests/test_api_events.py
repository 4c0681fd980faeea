"""Delivery events of another system: taken once, in any order, the good ones of a bad lot."""

import json
import logging
from datetime import UTC, datetime, timedelta

import pytest
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from campaigns import closing, lifecycle, outcomes, reported
from campaigns.message_ids import local_part
from campaigns.models import NoReminders, ReceivedEvent, Recipient, Undeliverable
from campaigns.tests.campaigns import running
from consent.models import SentMail, Told
from tests.people import make_member

pytestmark = pytest.mark.django_db

TOKEN = "a-token-that-is-long-enough-to-count"
AT = "2026-03-01T12:00:00Z"
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def tokens(settings):
    settings.API_TOKENS = {"crm": TOKEN, "other": "another-token-that-is-long-enough"}
    cache.clear()


@pytest.fixture
def row(notice, member):
    running(notice, sent_elsewhere=True)
    return Recipient.objects.get()


def event(recipient, kind="sent", event_id="", at=AT, **values):
    return {
        "event_id": event_id or kind,
        "id": local_part(recipient.campaign_id, recipient.pk),
        "event": kind,
        "at": at,
        **values,
    }


def post(*lines, token=TOKEN):
    data = b"\n".join(
        line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines
    )
    headers = {"Authorization": f"Bearer {token}"}
    return Client().post("/api/events/", data, content_type="application/x-ndjson", headers=headers)


def results(*lines, **options):
    answer = post(*lines, **options)
    assert answer.status_code == 200
    return [result["result"] for result in answer.json()["results"]]


def again(row):
    return Recipient.objects.get(pk=row.pk)


class TestEvents:
    @pytest.mark.parametrize("kind", ["sent", "delivered"])
    def test_a_mail_that_was_sent(self, row, member, kind):
        assert results(event(row, kind)) == ["taken"]
        assert (again(row).state, again(row).sent_at) == ("sent", NOON)
        assert Told.objects.get(member=member).first == (NOON, Told.Way.MAIL)
        assert SentMail.objects.get(member=member).sent_at == NOON
        lifecycle.finish_due(timezone.now())
        assert row.campaign.history.filter(kind="finished").exists()

    @pytest.mark.parametrize("order", [("sent", "bounced"), ("bounced", "sent"), ("bounced",)])
    @pytest.mark.parametrize("together", [True, False])
    def test_a_mail_that_came_back(self, row, member, order, together):
        told = [event(row, kind, reply="550 5.1.1 <anna@example.org> unknown") for kind in order]
        for lot in [told] if together else [[one] for one in told]:
            assert set(results(*lot)) == {"taken"}
        assert (again(row).state, again(row).reply) == ("bounced", "550 5.1.1 … unknown")
        assert Undeliverable.objects.get().email == member.email
        assert Told.objects.get().first is None

    def test_one_that_failed_and_one_that_annoyed(self, row, member):
        assert results(event(row, "failed")) == ["taken"]
        assert again(row).state == "failed"
        assert not Undeliverable.objects.exists()
        results(event(row, "complained"))
        assert again(row).complained_at == NOON
        assert NoReminders.objects.get().how == "complained"

    def test_a_repeat_by_its_id(self, row):
        assert results(event(row), event(row)) == ["taken", "repeated"]
        assert results(event(row, at="2026-03-02T12:00:00Z")) == ["repeated"]
        assert again(row).sent_at == NOON
        assert SentMail.objects.count() == 1
        assert results(event(row, "bounced", event_id="sent")) == ["repeated"]
        assert again(row).state == "sent"

    def test_ids_are_each_systems_own(self, row):
        results(event(row, event_id="1"))
        assert results(
            event(row, "bounced", event_id="1"), token="another-token-that-is-long-enough"
        ) == ["taken"]

    def test_after_a_crash_in_between(self, row, monkeypatch):
        with monkeypatch.context() as patch:
            patch.setattr(outcomes, "came_back", lambda *args, **kwargs: 1 / 0)
            with pytest.raises(ZeroDivisionError):
                post(event(row), event(row, "bounced"))
        assert results(event(row), event(row, "bounced")) == ["taken", "taken"]
        assert again(row).state == "bounced"
        assert SentMail.objects.count() == 1

    def test_told_late_of_a_campaign_that_has_ended(self, row, member):
        lifecycle.kill(row.campaign, by="jo", reason="Enough")
        closing.close_ended()
        assert again(row).reason == "stopped"
        assert results(event(row)) == ["taken"]
        assert again(row).state == "sent"
        assert Told.objects.get().first == (NOON, Told.Way.MAIL)

    def test_of_a_member_who_is_erased(self, row, member):
        member.delete()
        assert results(event(row), event(row, "bounced")) == ["taken", "taken"]
        assert again(row).state == "bounced"
        assert not Told.objects.exists()

    def test_of_a_mail_that_this_site_sends(self, notice, member):
        running(notice)
        row = Recipient.objects.get()
        assert results(event(row)) == ["unknown"]
        assert results(event(row, "bounced")) == ["taken"]  # never tried: it changes nothing
        assert again(row).state == "pending"
        assert not Undeliverable.objects.exists()

    def test_of_a_recipient_who_is_not_there(self, row):
        foreign = event(row) | {"id": local_part(row.campaign_id, row.pk + 7)}
        other = event(row, event_id="2") | {"id": local_part(row.campaign_id + 1, row.pk)}
        assert results(foreign, other) == ["unknown", "unknown"]

    def test_a_clock_that_is_ahead(self, row):
        results(event(row, at=(timezone.now() + timedelta(days=9)).isoformat()))
        assert again(row).sent_at <= timezone.now()

    def test_many(self, notice, django_assert_max_num_queries):
        for number in range(60):
            make_member(f"m{number}@example.org")
        running(notice, sent_elsewhere=True)
        told = [
            event(one, event_id=str(one.pk), at=f"2026-03-01T12:00:{number:02}.5Z")
            for number, one in enumerate(Recipient.objects.all())
        ]
        with django_assert_max_num_queries(40):
            assert results(*told) == ["taken"] * 60
        for row in Recipient.objects.select_related("member"):
            assert row.member.told.get().mailed_at == row.sent_at
            assert row.member.sent_mails.get().sent_at == row.sent_at
        assert len(set(Recipient.objects.values_list("sent_at"))) == 60

    def test_ids_of_long_ago_go(self, row):
        results(event(row))
        long_ago = timezone.now() - reported.KEPT - timedelta(days=1)
        ReceivedEvent.objects.update(received_at=long_ago)
        post(b"", b"")
        assert not ReceivedEvent.objects.exists()

    def test_it_is_logged_who_sent_how_many(self, row, caplog):
        caplog.set_level(logging.INFO)
        post(event(row), b"x")
        assert "API: crm sent 2 events: {'taken': 1, 'bad': 1}" in caplog.text


BAD = {
    "no JSON": b"{",
    "no object": b"[]",
    "deep": b"[" * 9_000,
    "a number of many digits": b"1" * 9_000,
    "no text": b"\xff\xfe",
    "NUL": b"\0",
    "long": b'{"x": "' + b"x" * 100_000 + b'"}',
    "empty": b"{}",
}


class TestBadInput:
    @pytest.mark.parametrize("bad", BAD)
    def test_lines(self, row, bad):
        answer = post(BAD[bad], event(row)).json()
        assert answer["counts"] == {"bad": 1, "taken": 1}
        assert [result["line"] for result in answer["results"]] == [1, 2]
        assert answer["results"][0]["problem"]
        assert again(row).state == "sent"

    @pytest.mark.parametrize(
        "values",
        [{"event_id": ""}, {"event_id": "a\0"}, {"event_id": "é"}, {"event_id": "x" * 101},
         {"event_id": 7}, {"event_id": None}, {"event": "opened"}, {"event": None}, {"event": []},
         {"id": ""}, {"id": "1.1.00000000000000000000"}, {"id": "\0"}, {"id": 1}, {"at": ""},
         {"at": "2026-03-01T12:00:00"}, {"at": "yesterday"}, {"at": "2026-13-01T12:00:00Z"},
         {"at": 1}],
    )  # fmt: skip
    def test_values(self, row, values):
        answer = post(event(row) | values).json()
        assert answer["counts"] == {"bad": 1}
        assert answer["results"][0]["problem"].startswith((*values, "event: one of"))
        assert again(row).state == "pending"

    def test_a_reply_that_the_database_would_not_take(self, row):
        assert results(event(row, "failed", reply="a\0b \ud800 " + "x" * 1_000)) == ["taken"]
        assert again(row).reply.startswith("a b ? xxx")

    def test_too_much_at_once(self, row):
        answer = post(event(row), b"x" * 10_000_000)
        assert answer.status_code == 413
        assert "nothing was taken" in answer.json()["problem"]
        assert again(row).state == "pending"

    def test_without_a_length(self, row):
        """As with chunked transfer, of which Django reads nothing: never a silent loss."""
        headers = {"Authorization": f"Bearer {TOKEN}"}
        answer = Client().post("/api/events/", b"", content_type="text/plain", headers=headers)
        assert answer.status_code == 411

    def test_nothing(self):
        assert post(b"", b"\r").json() == {"counts": {}, "results": []}

    def test_without_a_token(self, row):
        assert post(event(row), token="x").status_code == 401
        assert again(row).state == "pending"

    def test_wrong_method(self):
        assert Client().get("/api/events/").status_code == 405
