"""``{{ day|cldr_date }}`` and ``{{ moment|cldr_datetime }}``: nothing for no value."""

from datetime import date, datetime

from django import template

from accounts.cldr import long_date, long_datetime

register = template.Library()


@register.filter
def cldr_date(value: date | None) -> str:
    return long_date(value) if value else ""


@register.filter
def cldr_datetime(value: datetime | None) -> str:
    return long_datetime(value) if value else ""
