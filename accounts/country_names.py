"""Names of countries in the active language, by CLDR."""

import unicodedata

from babel import Locale, UnknownLocaleError
from django.conf import settings
from django.utils.translation import get_language, to_locale

from accounts.regions import Country, every_country


def country_name(country: Country | None) -> str:
    """The country's name in the active language; "" for None."""
    return _locale().territories.get(country.code, country.code) if country else ""


def country_choices() -> list[tuple[str, str]]:
    """All countries as (code, name), by name; accents do not count in the order."""
    names = _locale().territories
    found = [(country.code, names.get(country.code, country.code)) for country in every_country()]
    return sorted(found, key=lambda choice: unicodedata.normalize("NFKD", choice[1]).casefold())


def _locale() -> Locale:
    try:
        return Locale.parse(to_locale(get_language() or settings.LANGUAGE_CODE))
    except (UnknownLocaleError, ValueError):
        return Locale("en")
