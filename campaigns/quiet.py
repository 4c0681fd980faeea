"""Quiet hours: the time of day in which a member gets no mail, where the member lives.

A country's zones come from CLDR (by Babel), the offsets from the system's time-zone data. Where a
country has several, it is quiet there while it is quiet in any of them; if that were all day, in
the first one named. A country that is not known counts as that of the operator's lead authority.
"""

from datetime import datetime, time
from functools import cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from babel.core import get_global
from django.conf import settings

from accounts.regions import country_for
from campaigns.models import Campaign

_BEYOND_CLDR = {"XK": ["Europe/Belgrade"]}


@cache
def zones(country: str) -> tuple[ZoneInfo, ...]:
    """The time zones of a country; UTC for one without any."""
    names = {**get_global("territory_zones"), **_BEYOND_CLDR}
    known = country if country_for(country) else settings.OPERATOR_LEAD_COUNTRY
    found = names.get(known) or ["UTC"]
    try:
        return tuple(ZoneInfo(name) for name in found)
    except ZoneInfoNotFoundError:
        return (ZoneInfo("UTC"),)


def is_quiet(campaign: Campaign, country: str, now: datetime) -> bool:
    since, until = campaign.quiet_from, campaign.quiet_until
    if since is None or until is None:
        return False
    there = zones(country)
    if _spread(there, now) + _length(since, until) >= 24 * 60:
        there = there[:1]
    return any(_within(now.astimezone(zone).time(), since, until) for zone in there)


def _within(clock: time, since: time, until: time) -> bool:
    if since < until:
        return since <= clock < until
    return clock >= since or clock < until  # over midnight


def _length(since: time, until: time) -> int:
    minutes = (until.hour - since.hour) * 60 + until.minute - since.minute
    return minutes % (24 * 60)


def _spread(there: tuple[ZoneInfo, ...], now: datetime) -> float:
    """Minutes between a country's earliest and latest clock."""
    offsets = [now.astimezone(zone).utcoffset() for zone in there]
    seconds = [offset.total_seconds() for offset in offsets if offset is not None]
    return (max(seconds) - min(seconds)) / 60
