"""Dates and countries as the active language writes them, by CLDR (Babel)."""

import unicodedata
from datetime import UTC, date, datetime

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_time
from django.conf import settings
from django.utils.translation import get_language, to_locale

from accounts.regions import Country, every_country

# CLDR's plain "en" is American and its plain "pt" Brazilian; our readers live in Europe.
_EUROPEAN = {"en": "en_150", "pt": "pt_PT"}


def active_locale() -> Locale:
    """The locale of the active language; that of the site's default where CLDR has none."""
    name = to_locale(get_language() or settings.LANGUAGE_CODE)
    try:
        return Locale.parse(_EUROPEAN.get(name, name))
    except (UnknownLocaleError, ValueError):
        return Locale.parse(_EUROPEAN.get(settings.LANGUAGE_CODE, settings.LANGUAGE_CODE))


def long_date(value: date) -> str:
    """``3 November 2025``; of a point in time, the day in UTC."""
    if isinstance(value, datetime):
        value = value.astimezone(UTC).date()
    return format_date(value, "long", active_locale())


def long_datetime(value: datetime) -> str:
    """``3 November 2025, 14:05 UTC``: the site knows nobody's time zone, so it names its own."""
    locale = active_locale()
    value = value.astimezone(UTC)
    time = f"{format_time(value, 'short', locale=locale)} UTC"
    glue = str(locale.datetime_formats["medium"])
    return glue.replace("{1}", long_date(value)).replace("{0}", time)


def country_name(country: Country | None) -> str:
    if country is None:
        return ""
    return str(active_locale().territories.get(country.code, country.code))


def country_choices() -> list[tuple[str, str]]:
    """All countries as (code, name), by name; accents do not count in the order."""
    found = [(country.code, country_name(country)) for country in every_country()]
    return sorted(found, key=lambda choice: unicodedata.normalize("NFKD", choice[1]).casefold())
