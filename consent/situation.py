"""Whether the change concerns a member, and why: region, age, dates."""

from dataclasses import dataclass
from datetime import date, datetime

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.cldr import country_name
from accounts.models import Member
from accounts.regions import Authority, Region, lead_authority
from accounts.residence import Residence
from consent.models import Notice, NoticeText, Rollout


@dataclass(frozen=True, slots=True)
class Situation:
    """``why``: "region", "not_here", "unknown_country", "disputed_country", "minor" or
    "no_notice". ``stated``: the member says where, not the account.
    ``phase``: "before", "since", "paused", or "" where the change does not apply."""

    applies: bool
    why: str
    phase: str = ""
    announced_on: date | None = None
    starts_on: date | None = None
    paused_since: datetime | None = None
    country_name: str = ""
    account_country_name: str = ""
    stated: bool = False
    region: str = ""
    region_name: str = ""
    basis: str = ""
    authority: Authority | None = None
    lead_authority: Authority | None = None


def region_name(region: str) -> str:
    names = {
        Region.EU_EEA: _("EU and EEA"),
        Region.GB: _("United Kingdom"),
        Region.CH: _("Switzerland"),
    }
    return str(names[Region(region)])


def situation_of(member: Member, notice: Notice, text: NoticeText) -> Situation:
    """What holds for this member today. Unknown is answered with the more protective side."""
    residence = member.residence
    country = residence.country
    region = country.region if country else None
    rollout = _rollout(notice, residence)
    why = _why(member, residence, rollout)
    applies = why in {"region", "unknown_country", "disputed_country"}
    return Situation(
        applies=applies,
        why=why,
        phase=rollout.phase(timezone.localdate()) if rollout and applies else "",
        announced_on=rollout.announced_on if rollout else None,
        starts_on=rollout.starts_on if rollout else None,
        paused_since=rollout.paused_at if rollout else None,
        country_name=country_name(country),
        account_country_name=country_name(residence.by_account),
        stated=residence.by_member is not None,
        region=region or "",
        region_name=region_name(region) if region else "",
        basis=basis_for(text, region),
        authority=country.authority if country else None,
        lead_authority=lead_authority(settings.OPERATOR_LEAD_COUNTRY),
    )


def _why(member: Member, residence: Residence, rollout: Rollout | None) -> str:
    country = residence.country
    if member.is_minor:
        return "minor"
    if country is None:
        return "unknown_country"
    if residence.disputed:
        return "disputed_country"
    if country.region is None:
        return "not_here"
    return "region" if rollout else "no_notice"


def _rollout(notice: Notice, residence: Residence) -> Rollout | None:
    """The rollout of the member's region; where that is not certain, the one that starts first."""
    rollouts = sorted(notice.rollouts.all(), key=lambda rollout: rollout.starts_on)
    country = residence.country
    if country and not residence.disputed:
        rollouts = [rollout for rollout in rollouts if rollout.region == country.region]
    return rollouts[0] if rollouts else None


def basis_for(text: NoticeText, region: str | None) -> str:
    """How the text cites the legal basis where the law is that of the region."""
    return {"gb": text.basis_gb, "ch": text.basis_ch}.get(region or "", text.basis)
