"""The launch interlock, and the list of those who were not told."""

import json
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from accounts.models import Member
from consent import launch, told
from consent.coverage import running_periods
from consent.launch import LaunchError
from consent.loading import DEFAULT, load_notice
from consent.models import Notice, Rollout
from consent.situation import situation_of
from consent.untold import Untold, Why, untold
from ledger.models import Decision
from tests.people import choose, make_member

pytestmark = pytest.mark.django_db


@pytest.fixture
def interlock(settings):
    settings.LAUNCH_NOTICE_DAYS, settings.LAUNCH_TOLD_PERCENT = 30, 90


@pytest.fixture
def held(interlock, notice):
    """The EU's rollout, due today, of a notice that was published long enough ago."""
    return notice.rollouts.get(region="eu_eea")


@pytest.fixture
def notice(interlock, db):
    long_ago = timezone.now() - timedelta(days=60)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(timezone, "now", lambda: long_ago)
        return load_notice(DEFAULT, publish=True, by="tests")


def fresh(rollout):
    return Rollout.objects.get(pk=rollout.pk)


def test_held_beyond_its_date(held, member):
    assert held.held
    assert held.phase() == "paused"
    situation = situation_of(member, held.notice, held.notice.text())
    assert (situation.phase, situation.paused_since) == ("paused", None)
    assert held.phase(held.starts_on - timedelta(days=1)) == "before"


def test_not_held_without_the_interlock(settings, db):
    settings.LAUNCH_NOTICE_DAYS = settings.LAUNCH_TOLD_PERCENT = 0
    assert Rollout().held is False


def test_it_starts_by_itself_when_enough_were_told(held):
    members = [make_member(f"m{number}@example.org") for number in range(10)]
    told.mail_accepted(held.notice, [member.pk for member in members[:8]], timezone.now())
    launch.check(held)
    assert fresh(held).held
    assert launch.missing(held, timezone.localdate()) == [
        "8 of the 10 members concerned were told: 80.0 %, and 90 % are wanted."
    ]
    choose("m8", Decision.OBJECTED)  # who has chosen knows
    launch.check(held)
    assert fresh(held).phase() == "since"
    cleared = held.history.get(kind="cleared")
    assert cleared.reason == "9 of 10 members concerned were told."
    assert cleared.held is False


def test_members_whom_it_does_not_concern_do_not_count(held, monkeypatch):
    monkeypatch.setattr(launch, "STEP", 2)
    told.mail_accepted(held.notice, [make_member("de@example.org").pk], timezone.now())
    make_member("us@example.org", "US")
    make_member("gb@example.org", "GB")
    make_member("minor@example.org", is_minor=True)
    make_member("left@example.org", is_active=False)
    make_member("staff@example.org", is_staff=True)
    launch.check(held)
    assert (held.reach.told, held.reach.concerned) == (1, 1)
    assert not fresh(held).held


def test_not_before_the_notice_period_is_over(settings, held, member):
    settings.LAUNCH_NOTICE_DAYS = 90
    told.mail_accepted(held.notice, [member.pk], timezone.now())
    launch.check(held)
    assert fresh(held).held
    [words] = launch.missing(held, timezone.localdate())
    assert "the notice period is over on" in words


def test_announced_before_it_was_published_counts_from_then(settings, held):
    """A date that is typed in does not shorten the notice period."""
    settings.LAUNCH_NOTICE_DAYS = 61
    assert held.announced_on < held.notice.published_at.date()
    assert launch.missing(held, timezone.localdate())


def test_not_before_its_day(held, member):
    held.reschedule(timezone.localdate() + timedelta(days=7), by="jo", reason="Later")
    told.mail_accepted(held.notice, [member.pk], timezone.now())
    assert held in launch.due(timezone.now())
    launch.check_due()
    assert fresh(held).held
    assert held not in launch.due(timezone.now())


def test_moved_after_it_started_it_is_held_again(held, member):
    told.mail_accepted(held.notice, [member.pk], timezone.now())
    launch.check(held)
    moved = fresh(held)
    moved.reschedule(timezone.localdate() + timedelta(days=7), by="jo", reason="Later")
    assert fresh(held).held


def test_not_known_is_not_enough(held):
    assert launch.missing(held, timezone.localdate()) == [
        "It is not known yet how many of the members concerned were told."
    ]


class TestOverride:
    def test_by_two_with_reasons(self, held):
        launch.ask_override(held, by="jo", reason="The authority agrees.")
        launch.agree_to_override(held, by="kim", reason="I have read it.")
        assert fresh(held).phase() == "since"
        rows = held.history.order_by("pk").values_list("kind", "by", "held")
        assert list(rows)[1:] == [("override", "jo", True), ("overridden", "kim", False)]

    def test_not_by_one(self, held):
        launch.ask_override(held, by="jo", reason="Because")
        with pytest.raises(LaunchError, match="somebody else"):
            launch.agree_to_override(held, by="jo", reason="Because")
        assert fresh(held).held

    def test_not_unasked_and_not_after_a_move(self, held):
        with pytest.raises(LaunchError, match="Nobody has asked"):
            launch.agree_to_override(held, by="kim", reason="Because")
        launch.ask_override(held, by="jo", reason="Because")
        held.reschedule(timezone.localdate(), by="jo", reason="Sooner")
        with pytest.raises(LaunchError, match="Nobody has asked"):
            launch.agree_to_override(held, by="kim", reason="Because")

    def test_not_without_a_reason(self, held):
        with pytest.raises(LaunchError, match="reason"):
            launch.ask_override(held, by="jo", reason=" ")
        launch.ask_override(held, by="jo", reason="Because")
        with pytest.raises(LaunchError, match="reason"):
            launch.agree_to_override(held, by="kim", reason="")

    def test_not_of_one_that_is_not_held(self, held):
        Rollout.objects.update(held=False)
        with pytest.raises(LaunchError, match="not held"):
            launch.ask_override(held, by="jo", reason="Because")


class TestUntold:
    def test_with_the_reason(self, notice, monkeypatch):
        monkeypatch.setattr("consent.untold.STEP", 2)
        refs = ("told", "never", "bounced", "refused", "seen")
        pks = {ref: make_member(f"{ref}@example.org").pk for ref in refs}
        choose_ref = make_member("chose@example.org").member_ref
        for ref, country in [("us", "US"), ("none", ""), ("ch", "CH")]:
            make_member(f"{ref}@example.org", country)
        make_member("minor@example.org", is_minor=True)
        now = timezone.now()
        told.mail_accepted(notice, [pks["told"]], now)
        told.mail_failed(notice, pks["bounced"], "bounced", now, None)
        told.mail_failed(notice, pks["refused"], "refused", now, None)
        told.page_seen(notice, pks["seen"], now)
        choose(choose_ref)
        assert list(untold(notice, now)) == [
            Untold("never", Why.NOT_MAILED),
            Untold("bounced", Why.BOUNCED),
            Untold("refused", Why.REFUSED),
            Untold("ch", Why.NOT_MAILED),
        ]

    def test_told_of_an_older_notice_only(self, notice, member):
        told.mail_accepted(notice, [member.pk], timezone.now())
        newer = Notice.objects.create(purpose=notice.purpose, version=2)
        Rollout.objects.create(
            notice=newer, region="eu_eea",
            announced_on=timezone.localdate(), starts_on=timezone.localdate(),
        )  # fmt: skip
        text = notice.translations.get(language="en")
        text.pk, text.notice, text._state.adding = None, newer, True
        text.save()
        newer.publish()
        assert list(untold(newer, timezone.now())) == [Untold("anna", Why.NOT_MAILED)]

    def test_days_of_grace(self, notice, member, settings):
        settings.UNTOLD_AFTER_DAYS = 10
        assert list(untold(notice, timezone.now())) == []
        Member.objects.update(joined_at=timezone.now() - timedelta(days=11))
        assert len(list(untold(notice, timezone.now()))) == 1
        settings.UNTOLD_AFTER_DAYS = 61
        assert list(untold(notice, timezone.now())) == []

    def test_living_in_two_regions_at_once_listed_once(self, notice):
        make_member("two@example.org", "GB", stated_country="CH")
        assert len(list(untold(notice, timezone.now()))) == 1

    def test_as_json_lines(self, notice, member, capsys):
        call_command("untold")
        assert json.loads(capsys.readouterr().out) == {"member_ref": "anna", "why": "not-mailed"}

    def test_without_a_notice(self, db, monkeypatch):
        monkeypatch.setattr("consent.management.commands.untold.current_notice", lambda: None)
        with pytest.raises(CommandError, match="no notice is published"):
            call_command("untold")


def test_while_held_no_data_could_have_been_used(held):
    assert list(running_periods(held)) == []
    launch.ask_override(held, by="jo", reason="Because")
    launch.agree_to_override(held, by="kim", reason="Because")
    [period] = running_periods(fresh(held))
    assert period.since == held.history.get(kind="overridden").at
