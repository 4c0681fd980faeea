"""How fast: a pace, a warm-up, limits for providers, and quiet hours where the member lives."""

from datetime import UTC, datetime, time, timedelta

import pytest
from django.utils import timezone

from campaigns import claiming
from campaigns.models import Campaign, Lane, Recipient
from campaigns.pace import BURST, fill, pace
from campaigns.quiet import is_quiet, zones
from campaigns.tests.campaigns import running
from tests.people import make_member

NOW = datetime(2025, 9, 18, 12, tzinfo=UTC)


class TestPace:
    def test_a_bucket_fills_and_runs_over(self):
        campaign, lane = Campaign(per_minute=60), Lane(filled_at=NOW)
        assert fill(lane, campaign, NOW) == 0
        assert fill(lane, campaign, NOW + timedelta(seconds=3)) == 3
        assert fill(lane, campaign, NOW + timedelta(hours=3)) == BURST

    def test_less_than_one_a_second(self):
        campaign, lane = Campaign(per_minute=2), Lane(filled_at=NOW)
        sent = 0
        for second in range(601):
            if fill(lane, campaign, NOW + timedelta(seconds=second)):
                lane.tokens -= 1
                sent += 1
        assert sent == 20

    def test_a_provider_has_its_own(self):
        campaign, lane = Campaign(limits={"google": 6}), Lane(provider="google", filled_at=NOW)
        assert fill(lane, campaign, NOW + timedelta(minutes=1)) == 1

    def test_a_clock_that_was_set_back(self):
        campaign, lane = Campaign(per_minute=60), Lane(filled_at=NOW, tokens=5)
        assert fill(lane, campaign, NOW - timedelta(hours=1)) == 5
        assert fill(lane, campaign, NOW - timedelta(hours=1) + timedelta(seconds=2)) == 7

    def test_a_change_of_the_clock_changes_no_pace(self, settings):
        """Whatever zone the server is in, the hour that comes twice has no mails twice."""
        settings.TIME_ZONE = "Europe/Berlin"
        change = datetime(2026, 10, 25, 1, tzinfo=UTC)
        campaign = Campaign(per_minute=60, ramp_from=6, ramp_hours=10)
        campaign.started_at = change - timedelta(hours=5)
        before, after = (pace(campaign, change + timedelta(minutes=m)) for m in (-1, 1))
        assert before < after < before * 1.02
        lane = Lane(filled_at=change - timedelta(seconds=2))
        assert fill(lane, Campaign(per_minute=60), change + timedelta(seconds=2)) == 4

    def test_warming_up(self):
        campaign = Campaign(per_minute=1000, ramp_from=10, ramp_hours=10, started_at=NOW)
        paces = [pace(campaign, NOW + timedelta(hours=hour)) for hour in range(12)]
        assert paces[0] == pytest.approx(10)
        assert paces[5] == pytest.approx(100)
        assert paces[10:] == [1000, 1000]
        assert paces == sorted(paces)
        assert pace(Campaign(per_minute=5, ramp_from=10, ramp_hours=1, started_at=NOW), NOW) == 5


@pytest.mark.django_db
class TestClaims:
    def test_no_more_than_the_pace(self, notice):
        for number in range(20):
            make_member(f"m{number}@example.org")
        campaign = running(notice, per_minute=60)
        now = timezone.now()
        _lease, rows = claiming.claim(campaign, now)
        assert len(rows) == BURST
        _lease, rows = claiming.claim(campaign, now + timedelta(seconds=4))
        assert len(rows) == 4

    def test_a_limited_provider_does_not_hold_up_the_others(self, notice):
        for number in range(10):
            make_member(f"g{number}@gmail.com")
            make_member(f"o{number}@example.org")
        campaign = running(notice, limits={"google": 12})
        _lease, rows = claiming.claim(campaign, timezone.now())
        providers = [row.provider for row in rows]
        assert (providers.count("google"), providers.count("other")) == (2, 10)

    def test_quiet_where_the_member_lives(self, notice):
        make_member("helsinki@example.org", "FI")
        make_member("dublin@example.org", "IE")
        campaign = running(notice, quiet_from=time(20), quiet_until=time(8))
        evening = datetime(2026, 1, 15, 19, 0, tzinfo=UTC)  # 21:00 in Helsinki, 19:00 in Dublin
        Recipient.objects.update(due_at=evening)
        Lane.objects.update(filled_at=evening - timedelta(minutes=1))
        _lease, rows = claiming.claim(campaign, evening)
        assert [row.country for row in rows] == ["IE"]
        _lease, rows = claiming.claim(campaign, evening + timedelta(hours=12))
        assert [row.country for row in rows] == ["FI"]


def quiet(country, *, day=15, month=1, hour=0, minute=0, since=time(22), until=time(8)):
    campaign = Campaign(quiet_from=since, quiet_until=until)
    return is_quiet(campaign, country, datetime(2026, month, day, hour, minute, tzinfo=UTC))


class TestQuietHours:
    def test_over_midnight_and_within_a_day(self):
        assert quiet("DE", hour=21)  # 22:00
        assert quiet("DE", hour=6, minute=59)
        assert not quiet("DE", hour=7)
        assert not quiet("DE", hour=20, minute=59)
        assert quiet("DE", hour=11, since=time(12), until=time(14))
        assert not quiet("DE", hour=13, since=time(12), until=time(14))

    def test_none(self):
        assert not is_quiet(Campaign(), "DE", NOW)

    def test_when_clocks_change(self):
        """29 March 2026, 01:00 UTC: from then on Berlin is two hours ahead."""
        assert not quiet("DE", month=3, day=28, hour=7)
        assert quiet("DE", month=3, day=28, hour=6)
        assert not quiet("DE", month=3, day=29, hour=6)
        assert quiet("DE", month=3, day=29, hour=5, minute=59)

    def test_an_hour_that_comes_twice_and_one_that_does_not_come(self):
        """25 October, 01:00 UTC: Berlin has 02:00 to 03:00 again; on 29 March it has none."""
        night = {"since": time(2), "until": time(3)}
        assert [quiet("DE", month=10, day=25, hour=hour, **night) for hour in range(3)] == [
            True, True, False,
        ]  # fmt: skip
        assert not any(quiet("DE", month=3, day=29, hour=hour, **night) for hour in range(24))
        # The morning after is an hour later by UTC.
        assert quiet("DE", month=10, day=25, hour=6, minute=59)
        assert not quiet("DE", month=10, day=25, hour=7)
        assert not quiet("DE", month=10, day=24, hour=6)

    def test_a_country_with_several_zones_is_quiet_in_any(self):
        assert quiet("ES", hour=7, minute=30)  # 08:30 in Madrid, 07:30 on the Canary Islands
        assert not quiet("ES", hour=8)
        assert quiet("US", hour=15, since=time(22), until=time(6))  # 05:00 in Honolulu
        assert not quiet("US", hour=20, since=time(22), until=time(6))

    def test_that_would_never_end_count_in_the_first_zone(self):
        assert not all(quiet("RU", hour=hour, since=time(20), until=time(9)) for hour in range(24))

    def test_unknown_countries_count_as_the_operators(self, settings):
        settings.OPERATOR_LEAD_COUNTRY = "FI"
        zones.cache_clear()
        assert quiet("", hour=20)
        assert quiet("ZZ", hour=20)
        settings.OPERATOR_LEAD_COUNTRY = ""
        zones.cache_clear()
        assert not quiet("", hour=20)
        zones.cache_clear()
        assert quiet("XK", hour=21)
