"""Dates and countries as each language writes them."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from django.template import Context, Template
from django.utils import translation

from accounts.cldr import country_name
from accounts.regions import country_for

DAY = date(2025, 11, 3)
MOMENT = datetime(2025, 11, 3, 0, 5, tzinfo=timezone(timedelta(hours=2)))


def shown(template: str, value: object) -> str:
    return Template("{% load cldr %}" + template).render(Context({"value": value}))


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        ("en", "3 November 2025"),
        ("de", "3. November 2025"),
        ("hu", "2025. november 3."),
        ("mt", "3 ta’ Novembru 2025"),
        ("pt", "3 de novembro de 2025"),
        ("nb", "3. november 2025"),
    ],
)
def test_a_day(language: str, expected: str) -> None:
    with translation.override(language):
        assert shown("{{ value|cldr_date }}", DAY) == expected


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        ("en", "2 November 2025, 22:05 UTC"),
        ("fi", "2. marraskuuta 2025 22.05 UTC"),
        ("el", "2 Νοεμβρίου 2025, 10:05\u202fμ.μ. UTC"),
    ],
)
def test_a_moment_names_its_time_zone(language: str, expected: str) -> None:
    with translation.override(language):
        assert shown("{{ value|cldr_datetime }}", MOMENT) == expected


def test_a_moment_as_a_day_is_the_day_in_utc() -> None:
    with translation.override("en"):
        assert shown("{{ value|cldr_date }}", MOMENT) == "2 November 2025"
        assert shown("{{ value|cldr_date }}", MOMENT.astimezone(UTC)) == "2 November 2025"


@pytest.mark.parametrize("template", ["{{ value|cldr_date }}", "{{ value|cldr_datetime }}"])
def test_nothing_for_no_value(template: str) -> None:
    assert shown(template, None) == ""


@pytest.mark.parametrize(
    ("language", "expected"),
    [("en", "Romania"), ("pt", "Roménia"), ("ga", "an Rómáin"), ("xx", "Romania")],
)
def test_a_country(language: str, expected: str) -> None:
    with translation.override(language):
        assert country_name(country_for("RO")) == expected


def test_no_country() -> None:
    assert country_name(None) == ""
