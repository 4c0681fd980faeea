"""What staff read in place of codes: English names of languages, countries, regions, providers."""

from babel import Locale
from django.conf import settings

from accounts.regions import Region, every_country
from campaigns.audience import ELSEWHERE
from campaigns.models import UNKNOWN
from campaigns.providers import PROVIDER_OF

_ENGLISH = Locale("en")
REGIONS = {
    Region.EU_EEA.value: "EU and EEA",
    Region.GB.value: "United Kingdom",
    Region.CH.value: "Switzerland",
    UNKNOWN: "country not known",
    ELSEWHERE: "another country",
}
_PROVIDERS = {
    "google": "Google (Gmail)", "gmx": "GMX and WEB.DE", "sfr": "SFR", "wp": "WP",
    "other": "all others",
}  # fmt: skip


def language_name(code: str) -> str:
    names: dict[str, str] = dict(_ENGLISH.languages)
    return names.get(code, code or "not known")


def country_name(code: str) -> str:
    names: dict[str, str] = dict(_ENGLISH.territories)
    return names.get(code, code) if code else REGIONS[UNKNOWN]


def region_name(code: str) -> str:
    return REGIONS.get(code, code)


def provider_name(code: str) -> str:
    return _PROVIDERS.get(code, code.capitalize())


def domains_of(provider: str) -> list[str]:
    return [domain for domain, name in PROVIDER_OF.items() if name == provider]


def site_languages() -> list[tuple[str, str]]:
    """The site's languages as (code, English name), the default first, then by name."""
    named = [(code, language_name(code)) for code, _own in settings.LANGUAGES]
    return sorted(named, key=lambda pair: (pair[0] != settings.LANGUAGE_CODE, pair[1]))


def country_codes() -> dict[str, str]:
    """Codes of countries by name and by code, both in lower case."""
    codes = [country.code for country in every_country()]
    return {name.casefold(): code for code in codes for name in (code, country_name(code))}


def members(number: int) -> str:
    return f"{number:,} member{'' if number == 1 else 's'}"
