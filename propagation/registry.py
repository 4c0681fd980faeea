"""The data stores that DATA_STORES names."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Any

from django.conf import settings
from django.core.signals import setting_changed
from django.utils.module_loading import import_string
from django.utils.translation import get_language

from propagation.stores.base import Store


@dataclass(frozen=True, slots=True)
class StoreSettings:
    """One entry of DATA_STORES. ``sla``: within this time of a choice the store has it."""

    alias: str
    label: Any
    sla: timedelta

    @property
    def label_text(self) -> str:
        """The label in the active language, else in English, else as it stands."""
        if isinstance(self.label, dict):
            fallback = next(iter(self.label.values()))
            return str(self.label.get(get_language(), self.label.get("en", fallback)))
        return str(self.label)


def configured() -> Iterator[StoreSettings]:
    for alias, entry in settings.DATA_STORES.items():
        yield StoreSettings(alias, entry["LABEL"], entry["SLA"])


@cache
def store_for(alias: str) -> Store:
    """The store's one instance in this process; KeyError for an alias that is not configured."""
    entry = settings.DATA_STORES[alias]
    store = import_string(entry["BACKEND"])(**entry.get("OPTIONS", {}))
    assert isinstance(store, Store), alias  # noqa: S101 — `manage.py check` says it in words
    return store


def _forget(*, setting: str, **kwargs: Any) -> None:
    if setting == "DATA_STORES":
        store_for.cache_clear()


setting_changed.connect(_forget)
