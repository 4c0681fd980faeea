"""What has come of a campaign, in numbers."""

from datetime import timedelta

import pytest
from django.utils import timezone

from campaigns import figures, walking
from campaigns.figures import Figures, figures_of, stale
from campaigns.models import Campaign, Recipient, Walk
from campaigns.tests.campaigns import running, walk_to_the_end
from tests.people import choose, make_member

pytestmark = pytest.mark.django_db


def counted(campaign):
    walking.start(campaign, Walk.Kind.FIGURES)
    walk_to_the_end(campaign, Walk.Kind.FIGURES)
    campaign.refresh_from_db()
    return figures_of(campaign)


@pytest.fixture
def campaign(notice):
    for number, (domain, country) in enumerate(
        [("gmail.com", "DE"), ("gmail.com", "FR"), ("example.org", "DE"), ("example.org", "DE")]
    ):
        make_member(f"m{number}@{domain}", country, language="de")
    return running(notice)


def test_none_yet(campaign):
    found = counted(campaign)
    assert (found.total, found.states, found.left) == (4, {"pending": 4}, 4)
    assert (found.share_done, found.rate, found.time_left) == (0.0, 0.0, None)


@pytest.mark.parametrize("step", [1, 2, 1000])
def test_by_everything(campaign, monkeypatch, step):
    monkeypatch.setattr(walking, "STEP", step)
    now = timezone.now()
    rows = list(campaign.recipients.order_by("pk"))
    Recipient.objects.filter(pk=rows[0].pk).update(state="sent", sent_at=now, seen_at=now)
    Recipient.objects.filter(pk=rows[1].pk).update(
        state="sent", sent_at=now - timedelta(hours=2), complained_at=now, possibly_doubled=True
    )
    Recipient.objects.filter(pk=rows[2].pk).update(state="skipped", reason="told")
    choose("m0", recorded_at=now + timedelta(seconds=1))
    found = counted(campaign)
    assert found.states == {"sent": 2, "skipped": 1, "pending": 1}
    assert found.providers == {
        "google": {"sent": 2}, "other": {"skipped": 1, "pending": 1}
    }  # fmt: skip
    assert found.languages == {"de": {"sent": 2, "skipped": 1, "pending": 1}}
    assert found.countries["FR"] == {"sent": 1}
    assert found.reasons == {"told": 1}
    assert sorted(found.hours.values()) == [1, 1]
    assert (found.seen, found.objected, found.complained, found.possibly_doubled) == (1, 1, 1, 1)
    assert found.share_done == 0.75
    assert found.rate == 0.5
    assert found.time_left == timedelta(minutes=2)


def test_counted_again_when_it_may_have_changed(campaign):
    now = timezone.now()
    assert list(stale(now)) == [campaign]
    counted(campaign)
    assert list(stale(timezone.now())) == []
    assert list(stale(timezone.now() + figures.FRESH * 2)) == [campaign]
    # One that takes long to count rests for longer.
    Walk.objects.filter(kind="figures").update(started_at=now - timedelta(minutes=10))
    assert list(stale(timezone.now() + timedelta(minutes=30))) == []


def test_after_the_end_for_a_while(campaign):
    Campaign.objects.filter(pk=campaign.pk).update(state="finished", finished_at=timezone.now())
    counted(campaign)
    soon = timezone.now() + timedelta(minutes=30)
    assert list(stale(soon)) == []
    assert list(stale(soon + timedelta(hours=1))) == [campaign]
    assert list(stale(soon + figures.LATE_EVENTS)) == []


def test_nothing_counted_yet():
    assert figures_of(Campaign()) == Figures()
