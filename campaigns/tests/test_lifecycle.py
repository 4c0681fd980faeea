"""From a draft to the end: four eyes, nothing changes behind them, nobody is second unawares."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from campaigns import lifecycle, walking
from campaigns.lifecycle import CampaignError
from campaigns.models import Campaign, CampaignChange, MailStop, Recipient, Walk
from campaigns.tests.campaigns import make_campaign, prepared, released, running, walk_to_the_end
from tests.people import make_member

State = Campaign.State


def history(campaign):
    return list(campaign.history.order_by("pk").values_list("kind", "by"))


@pytest.mark.django_db
class TestFourEyes:
    def test_the_whole_way(self, notice, member):
        campaign = released(notice)
        assert campaign.state == State.RELEASED
        lifecycle.start_due(timezone.now())
        Recipient.objects.update(state="sent")
        lifecycle.finish_due(timezone.now())
        campaign.refresh_from_db()
        assert campaign.state == State.FINISHED
        assert history(campaign) == [
            ("prepared", "jo"),
            ("released", "kim"),
            ("started", lifecycle.BY_ITSELF),
            ("finished", lifecycle.BY_ITSELF),
        ]

    def test_nobody_releases_what_they_prepared(self, notice, member):
        campaign = prepared(notice)
        with pytest.raises(CampaignError, match="somebody else"):
            lifecycle.release(campaign, by="jo")
        with pytest.raises(IntegrityError, match="four_eyes"), transaction.atomic():
            Campaign.objects.filter(pk=campaign.pk).update(released_by="jo", state="released")

    def test_what_was_prepared_again_must_be_looked_at_again(self, notice, member):
        seen_by_kim = prepared(notice)
        campaign = Campaign.objects.get(pk=seen_by_kim.pk)
        lifecycle.withdraw(campaign, by="jo", reason="A comma is missing.")
        campaign.texts = {"en": {"subject": "Hear, hear"}}
        campaign.save()
        lifecycle.prepare(campaign, by="jo")
        walk_to_the_end(campaign, Walk.Kind.COUNT)
        with pytest.raises(CampaignError, match="cannot be released now"):
            lifecycle.release(seen_by_kim, by="kim")

    def test_counting_comes_before_the_release(self, notice, member):
        campaign = make_campaign(notice)
        lifecycle.prepare(campaign, by="jo")
        with pytest.raises(CampaignError, match="still being counted"):
            lifecycle.release(campaign, by="kim")

    def test_an_audience_that_matches_nobody(self, notice, member):
        campaign = prepared(notice, countries=["FR"])
        with pytest.raises(CampaignError, match="matches nobody"):
            lifecycle.release(campaign, by="kim")

    def test_a_language_without_a_text_is_shown_before(self, notice):
        make_member("ola@example.org", "DE", language="ja")
        campaign = prepared(notice)
        with pytest.raises(CampaignError, match="ja: 1"):
            lifecycle.release(campaign, by="kim")
        lifecycle.release(campaign, by="kim", accept_fallbacks=True)
        assert "ja: 1" in campaign.history.get(kind="released").reason

    def test_a_notice_that_is_not_the_current_one(self, notice, member):
        newer = type(notice).objects.create(purpose=notice.purpose, version=2)
        text = notice.translations.get(language="en")
        text.pk, text.notice, text._state.adding = None, newer, True
        text.save()
        campaign = prepared(notice)
        newer.publish()
        with pytest.raises(CampaignError, match="not the one"):
            lifecycle.release(campaign, by="kim")
        with pytest.raises(CampaignError, match="not the one"):
            lifecycle.prepare(make_campaign(notice, name="Another"), by="jo")

    def test_after_its_last_day(self, notice, member):
        over = timezone.now() - timedelta(days=1)
        campaign = prepared(notice, starts_at=over - timedelta(days=1), stops_at=over)
        with pytest.raises(CampaignError, match="last day"):
            lifecycle.release(campaign, by="kim")


@pytest.mark.django_db
class TestFrozen:
    CHANGES = (
        {"regions": ["ch"]},
        {"countries": ["DE"]},
        {"texts": {"en": {"intro": "More"}}},
        {"minors": "own_text"},
        {"told": "any"},
        {"joined_before": timezone.now()},
        {"prepared_by": "somebody"},
        {"name": "Renamed"},
        {"state": "draft"},
    )

    @pytest.mark.parametrize(
        "change", [*CHANGES, {"audience": {"size": 5}}, {"released_by": "x"}, {"state": "prepared"}]
    )
    def test_after_the_release(self, notice, member, change):
        campaign = released(notice)
        with pytest.raises(IntegrityError, match="cannot be changed"), transaction.atomic():
            Campaign.objects.filter(pk=campaign.pk).update(**change)

    @pytest.mark.parametrize("change", CHANGES[:-1])
    def test_after_the_preparation(self, notice, member, change):
        campaign = prepared(notice)
        with pytest.raises(IntegrityError, match="cannot be changed"), transaction.atomic():
            Campaign.objects.filter(pk=campaign.pk).update(**change)

    def test_texts_and_history_are_kept(self, notice, member):
        campaign = released(notice)
        for rows, change in (
            (campaign.messages.all(), {"text": "else"}),
            (campaign.history.all(), {"by": "else"}),
        ):
            with pytest.raises(IntegrityError), transaction.atomic():
                rows.update(**change)
            with pytest.raises(IntegrityError), transaction.atomic():
                rows._raw_delete(rows.db)
        with pytest.raises(IntegrityError), transaction.atomic():
            Campaign.objects.filter(pk=campaign.pk)._raw_delete("default")

    def test_a_draft_changes_freely(self, notice, member):
        campaign = make_campaign(notice)
        campaign.countries = ["DE"]
        campaign.save()
        campaign.delete()
        assert not Campaign.objects.exists()


@pytest.mark.django_db
class TestRunning:
    def test_pause_and_resume(self, notice, member):
        campaign = running(notice)
        assert lifecycle.may_send(campaign)
        lifecycle.pause(campaign, by="jo", reason="Complaints")
        assert not lifecycle.may_send(campaign)
        with pytest.raises(CampaignError, match="campaign is paused"):
            lifecycle.pause(campaign, by="kim", reason="Complaints")
        lifecycle.resume(campaign, by="kim")
        assert lifecycle.may_send(campaign)

    def test_resumed_before_its_start_it_still_waits(self, notice, member):
        campaign = released(notice, starts_at=timezone.now() + timedelta(days=1))
        lifecycle.start_due(timezone.now())
        lifecycle.pause(campaign, by="jo", reason="Wait")
        lifecycle.resume(campaign, by="jo")
        assert campaign.state == State.RELEASED

    def test_it_starts_when_its_audience_is_written_down(self, notice, member):
        campaign = prepared(notice)
        lifecycle.release(campaign, by="kim")
        lifecycle.start_due(timezone.now())
        campaign.refresh_from_db()
        assert campaign.state == State.RELEASED

    def test_killed_for_good(self, notice, member):
        campaign = running(notice)
        lifecycle.kill(campaign, by="kim", reason="Wrong notice")
        for step in (lifecycle.resume, lifecycle.release):
            with pytest.raises(CampaignError):
                step(campaign, by="lee")

    def test_killed_while_it_is_frozen(self, notice, member):
        campaign = prepared(notice)
        lifecycle.release(campaign, by="kim")
        lifecycle.kill(campaign, by="kim", reason="Wrong notice")
        walk_to_the_end(campaign, Walk.Kind.FREEZE)
        assert not Recipient.objects.exists()

    def test_the_kill_switch_stops_all(self, notice, member):
        campaign = running(notice)
        lifecycle.stop_all(by="jo", reason="The server is on a block list.")
        assert not lifecycle.may_send(campaign)
        with pytest.raises(CampaignError, match="stopped already"):
            lifecycle.stop_all(by="kim", reason="Me too")
        lifecycle.lift_stop(by="kim")
        assert lifecycle.may_send(campaign)
        with pytest.raises(CampaignError, match="not stopped"):
            lifecycle.lift_stop(by="kim")
        assert MailStop.objects.get().lifted_by == "kim"

    def test_pace_and_times_change_with_a_reason(self, notice, member):
        campaign = running(notice)
        lifecycle.change(campaign, by="jo", reason="Complaints", per_minute=10)
        assert campaign.per_minute == 10
        assert "per_minute was 1000000" in campaign.history.get(kind="changed").reason
        with pytest.raises(ValidationError):
            lifecycle.change(campaign, by="jo", reason="Oops", limits={"nowhere": 5})
        with pytest.raises(CampaignError, match="does not change any more: texts"):
            lifecycle.change(campaign, by="jo", reason="Oops", texts={})

    def test_it_ends_on_its_last_day(self, notice, member):
        soon = timezone.now() + timedelta(hours=1)
        campaign = running(notice, stops_at=soon)
        lifecycle.finish_due(soon + timedelta(minutes=1))
        campaign.refresh_from_db()
        assert campaign.state == State.FINISHED

    @pytest.mark.parametrize("step", [lifecycle.pause, lifecycle.kill])
    def test_a_reason_is_needed(self, notice, member, step):
        with pytest.raises(CampaignError, match="reason"):
            step(running(notice), by="jo", reason=" ")


@pytest.mark.django_db(transaction=True)
def test_two_managers_release_at_once(notice, member):
    campaign = prepared(notice)

    def press(who):
        try:
            lifecycle.release(Campaign.objects.get(pk=campaign.pk), by=who)
        except CampaignError as error:
            return str(error)
        finally:
            connection.close()
        return "released"

    with ThreadPoolExecutor(2) as pool:
        said = list(pool.map(press, ["kim", "lee"]))
    assert sorted(word.partition(":")[0] for word in said) in (
        ["The campaign is released", "released"],
        ["Its audience is settled", "released"],
    )
    assert CampaignChange.objects.filter(kind="released").count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("field", "bad"),
    [
        ("regions", ["mars"]),
        ("regions", "eu_eea"),
        ("countries", ["XX"]),
        ("countries", ["de"]),
        ("countries", [1]),
        ("languages", ["tlh"]),
        ("texts", {"en": {"subject": "Hello {name}"}}),
        ("texts", {"en": {"subject": "Hello\r\nBcc: all@example.org"}}),
        ("texts", {"en": {"intro": "x\0"}}),
        ("texts", {"en": {"intro": "x" * 1_000_000}}),
        ("texts", {"en": {"colour": "red"}}),
        ("texts", {"en": "Hello"}),
        ("texts", ["en"]),
        ("texts", {"tlh": {}}),
        ("seeds", ["not an address"]),
        ("seeds", ["a@example.org\nBcc: b@example.org"]),
        ("per_minute", 0),
        ("limits", {"google": 0}),
        ("limits", {"nowhere": 10}),
        ("limits", {"google": True}),
        ("ramp_from", 5),
        ("quiet_from", "22:00"),
        ("stops_at", timezone.now() - timedelta(days=1)),
        ("joined_before", "yesterday"),
    ],
)
def test_nonsense_is_refused_with_the_field_named(notice, field, bad):
    with pytest.raises(ValidationError):
        make_campaign(notice, **{field: bad})


@pytest.mark.django_db
def test_an_unknown_field_is_named(notice):
    with pytest.raises(ValidationError, match=r"unknown field \{name\}.*\{operator\}"):
        make_campaign(notice, texts={"de": {"intro": "Hallo {name}"}})


@pytest.mark.django_db
def test_progress_of_a_walk(notice, member, monkeypatch):
    monkeypatch.setattr(walking, "STEP", 1)
    campaign = make_campaign(notice)
    walk = lifecycle.count(campaign)
    assert walking.progress(walk) == 0
    assert lifecycle.numbers_of(campaign) is None
    walk_to_the_end(campaign, Walk.Kind.COUNT)
    assert walking.progress(Walk.objects.get()) == 1
    assert lifecycle.numbers_of(campaign).size == 1
