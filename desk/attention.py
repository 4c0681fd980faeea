"""What needs somebody's attention, on the first page of admin: each part of the site adds its own.

A source is asked at each look at that page: it answers from counts that are cheap with millions
of members, and only with what the member of staff may see.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from django.db.models import QuerySet
from django.urls import NoReverseMatch, reverse

from accounts.models import Member

COUNTED = 1_000
"""Rows that a count goes to: more need attention all the same."""


class Urgency(IntEnum):
    NOW = 1
    SOON = 2
    KNOW = 3


@dataclass(frozen=True, slots=True)
class Item:
    """``text`` is a short sentence in English; an empty ``url`` leads nowhere."""

    text: str
    url: str = ""
    urgency: Urgency = Urgency.SOON


type Source = Callable[[Member], Iterable[Item]]

_sources: list[Source] = []


def register(source: Source) -> Source:
    """Ask this one too; as a decorator. To be called from `AppConfig.ready` or below."""
    _sources.append(source)
    return source


def attention_for(member: Member) -> list[Item]:
    """The most urgent first, else in the order of registration."""
    items = [item for source in _sources for item in source(member)]
    return sorted(items, key=lambda item: item.urgency)


def counted(rows: "QuerySet[Any]", one: str, many: str) -> str:
    """Such as "3 stores", or "more than 1000 stores"; "" for none."""
    number = rows.order_by()[: COUNTED + 1].count()
    if not number:
        return ""
    if number > COUNTED:
        return f"more than {COUNTED} {many}"
    return f"1 {one}" if number == 1 else f"{number} {many}"


def list_of(model: str, query: str = "") -> str:
    """The address of a list in admin, such as "propagation.parked"; "" where there is none."""
    try:
        url = reverse(f"admin:{model.replace('.', '_')}_changelist")
    except NoReverseMatch:
        return ""
    return f"{url}?{query}" if query else url
