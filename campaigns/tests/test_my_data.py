"""The member's download has what campaigns hold."""

import json

import pytest

from campaigns.models import NoReminders, Undeliverable
from consent.models import Told

pytestmark = pytest.mark.django_db


def test_all_of_it_is_given(client, notice, member):
    Undeliverable.objects.create(member=member, email=member.email, reply="550 unknown")
    NoReminders.objects.create(member=member, how="asked")
    Told.objects.create(member=member, notice=notice, mailed_at=notice.published_at)
    client.force_login(member)
    data = json.loads(client.get("/my-data/my-data.json").content)
    assert data["mails_come_back"]["reply"] == "550 unknown"
    assert data["no_reminders"]["how"] == "asked"
    assert data["told_of_notices"][0]["notice_version"] == 1
    page = client.get("/my-data/my-data.html").content.decode()
    for words in ("550 unknown", "no more reminders", "Notice version 1"):
        assert words in page


def test_nothing_is_said_of_what_is_not_held(client, notice, member, other):
    NoReminders.objects.create(member=other, how="asked")
    client.force_login(member)
    data = json.loads(client.get("/my-data/my-data.json").content)
    assert (data["mails_come_back"], data["no_reminders"]) == (None, None)
    assert "no more reminders" not in client.get("/my-data/my-data.html").content.decode()
