"""A campaign's audience and timing in words, as they stand on its page and in its report."""

from collections.abc import Iterable
from datetime import datetime

from campaigns.models import Campaign
from campaigns.names import country_name, language_name, provider_name, region_name

type Row = tuple[str, str]
"""What it is about, and what holds."""


def audience_rule(campaign: Campaign) -> list[Row]:
    """To whom it goes: what is locked when it is prepared."""
    told = campaign.get_told_display()
    if campaign.is_reminder:
        told += f", at least {campaign.told_days} days ago"
    return [
        ("Regions", _listed(map(region_name, campaign.regions)) or _everywhere(campaign)),
        ("Countries", _listed(map(country_name, campaign.countries)) or _all_of(campaign)),
        ("Languages", _listed(map(language_name, campaign.languages)) or "all"),
        ("Joined before", moment(campaign.joined_before) or "at any time"),
        ("Told", told),
        ("Objected", campaign.get_objected_display()),
        ("Minors", campaign.get_minors_display()),
    ]


def timing(campaign: Campaign) -> list[Row]:
    """When and how fast, which may change while it runs."""
    pace = f"{campaign.per_minute:,} mails a minute"
    if campaign.ramp_from:
        pace += f", from {campaign.ramp_from:,} on within {campaign.ramp_hours} hours"
    limits = ", ".join(
        f"{provider_name(name)}: {limit:,}" for name, limit in sorted(campaign.limits.items())
    )
    quiet = "none"
    if campaign.quiet_from and campaign.quiet_until:
        quiet = f"{campaign.quiet_from:%H:%M} to {campaign.quiet_until:%H:%M}, where members live"
    sender = "another system" if campaign.sent_elsewhere else "this site"
    return [
        ("Sent by", sender),
        ("Start", moment(campaign.starts_at)),
        ("Last day", moment(campaign.stops_at) or "until everybody is mailed"),
        ("Pace", pace),
        ("Mails a minute by provider", limits or "no limits"),
        ("Quiet hours", quiet),
    ]


def moment(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC" if at else ""


def _everywhere(campaign: Campaign) -> str:
    return "by the countries alone" if campaign.countries else "everywhere"


def _all_of(campaign: Campaign) -> str:
    return "by the regions alone" if campaign.regions else "all"


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names)
