"""Test mails to the seed list."""

import re

import pytest

from campaigns.lifecycle import CampaignError
from campaigns.seeds import send_tests
from campaigns.tests.campaigns import make_campaign
from campaigns.wording import Group
from consent.links import read_token

pytestmark = pytest.mark.django_db
SEEDS = ["anna@example.org", "seed@example.net"]


def test_each_language_to_each_seed(notice, member, server):
    campaign = make_campaign(notice, seeds=SEEDS)
    groups = [Group("de", "DE"), Group("en", "GB")]
    assert send_tests(campaign, groups, by="jo") == {}
    assert sorted(server.to()) == sorted(SEEDS * 2)
    assert all(mail.parsed["Subject"].startswith("[Test] ") for mail in server.received)
    assert campaign.history.get().kind == "tested"
    opens = {
        mail.to: read_token(
            re.search(r"/o/([\w-]+)/", mail.parsed.get_body(("plain",)).get_content())[1]
        ).member_id
        for mail in server.received
    }
    assert opens == {"anna@example.org": member.pk, "seed@example.net": 0}


def test_what_goes_wrong_is_said(notice, server):
    server.answers["seed@example.net"] = "550 5.1.1 no such user"
    campaign = make_campaign(notice, seeds=SEEDS)
    assert send_tests(campaign, [Group("en")], by="jo") == {
        "seed@example.net": "550 5.1.1 no such user"
    }
    assert server.to() == ["anna@example.org"]


def test_without_seeds(notice):
    with pytest.raises(CampaignError, match="no seed list"):
        send_tests(make_campaign(notice), [Group("en")], by="jo")
