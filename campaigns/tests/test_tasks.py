"""The sweep finds everything that campaigns have to do, from the database alone."""

from datetime import timedelta

import pytest
from django.conf import settings as django_settings
from django.utils import timezone

from campaigns import lifecycle, tasks
from campaigns.models import Campaign, Recipient
from campaigns.tests.campaigns import make_campaign, reasons, running

pytestmark = pytest.mark.django_db


@pytest.fixture
def at_once(monkeypatch):
    """Hints are followed at once; returns which there were."""
    hints = []
    for task in (tasks.walk, tasks.send, tasks.check_launches):

        def follow(arguments=(), *, task=task, **options):
            hints.append(task.name)
            task(*arguments)

        monkeypatch.setattr(task, "apply_async", follow)
        monkeypatch.setattr(task, "delay", lambda *arguments, follow=follow: follow(arguments))
    return hints


def state(campaign):
    return Campaign.objects.get(pk=campaign.pk).state


def test_from_the_draft_to_the_end(notice, member, other, server, at_once):
    campaign = make_campaign(notice)
    lifecycle.prepare(campaign, by="jo")
    tasks.sweep()  # counts
    lifecycle.release(campaign, by="kim")
    for _ in range(4):  # freezes, starts, sends, ends
        tasks.sweep()
    assert sorted(server.to()) == ["anna@example.org", "ben@example.org"]
    assert state(campaign) == "finished"


def test_nothing_to_do(db, at_once):
    tasks.sweep()
    assert at_once == []


def test_nothing_is_sent_while_all_are_stopped(notice, member, server, at_once):
    running(notice)
    lifecycle.stop_all(by="jo", reason="Block list")
    tasks.sweep()
    assert "campaigns.tasks.send" not in at_once


def test_whoever_waits_when_it_is_killed_is_left_out(notice, member, server, at_once):
    campaign = running(notice)
    lifecycle.kill(campaign, by="jo", reason="Wrong notice")
    tasks.sweep()
    assert server.to() == []
    assert reasons() == {"anna": "stopped"}


def test_a_sender_that_was_killed(notice, member, at_once):
    running(notice)
    Recipient.objects.update(
        state="sending", in_hand=True, leased_until=timezone.now() - timedelta(seconds=1)
    )
    tasks.sweep()
    assert Recipient.objects.get().possibly_doubled


def test_beat_sends_it():
    assert {"campaigns.tasks.sweep"} <= {
        entry["task"] for entry in django_settings.CELERY_BEAT_SCHEDULE.values()
    }
