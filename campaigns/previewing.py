"""The mails of a campaign as they are looked at before anybody gets them."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from babel.core import get_global
from django.conf import settings

from accounts.regions import country_for
from campaigns.audience import Numbers
from campaigns.lifecycle import numbers_of
from campaigns.models import Campaign
from campaigns.names import country_name, language_name, site_languages
from campaigns.wording import Group, preview

SCHEMES = ("light", "dark")
WIDTHS = {"phone": 375, "desktop": 800}
_DARK = re.compile(r"\(prefers-color-scheme:\s*dark\)")


@dataclass(frozen=True, slots=True)
class Language:
    """``members``: in the audience as counted last; None while that is not known."""

    code: str
    name: str
    has_text: bool
    has_words: bool
    members: int | None


def languages_of(campaign: Campaign) -> list[Language]:
    """The site's languages, and others that members want; those without a text are seen as such."""
    numbers = numbers_of(campaign)
    written = set(campaign.notice.translations.values_list("language", flat=True))
    codes = dict(site_languages())
    wanted = numbers.languages + numbers.fallbacks if numbers else {}
    codes |= {code: language_name(code) for code in wanted if code not in codes}
    return [
        Language(code, name, code in written, code in campaign.texts, _members(numbers, code))
        for code, name in codes.items()
    ]


def _members(numbers: Numbers | None, code: str) -> int | None:
    """Those who want it: who gets it, or falls back."""
    return numbers.languages[code] + numbers.fallbacks[code] if numbers else None


def country_of(language: str) -> str:
    """Where most who speak it live, by CLDR; the operator's lead country if that is elsewhere."""
    likely = get_global("likely_subtags").get(language, "").rpartition("_")[2]
    country = country_for(likely)
    return country.code if country and country.region else settings.OPERATOR_LEAD_COUNTRY


def groups_of(campaign: Campaign, languages: Iterable[str]) -> list[Group]:
    """One mail for each language, and one for minors if they have words of their own."""
    minors = (False, True) if campaign.minors == Campaign.Minors.OWN_TEXT else (False,)
    return [
        Group(language, country_of(language), minor=minor)
        for language in languages
        for minor in minors
    ]


def html_for(campaign: Campaign, group: Group, scheme: str) -> str:
    """The HTML part as it looks in a light or dark mail program, whatever the reader's own is."""
    html = _DARK.sub("all" if scheme == "dark" else "not all", preview(campaign, group).html)
    return html.replace("color-scheme: light dark", f"color-scheme: {scheme}")


def falls_back(campaign: Campaign, language: str) -> bool:
    return not campaign.notice.translations.filter(language=language).exists()


def described(group: Group) -> str:
    where = country_name(group.country)
    return f"{language_name(group.language)}, {where}{', under 18' if group.minor else ''}"


def default_language() -> str:
    return language_name(settings.LANGUAGE_CODE)
