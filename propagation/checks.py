"""`manage.py check` finds a bad DATA_STORES before a relay does."""

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error, register
from django.utils.module_loading import import_string

from propagation.stores.base import Store, StoreMisconfigured

KEYS = {"BACKEND", "LABEL", "SLA", "OPTIONS"}
ALIAS = re.compile(r"\A[a-z0-9][a-z0-9_-]{0,63}\Z")


@register()
def check_stores(**kwargs: Any) -> list[CheckMessage]:
    stores = settings.DATA_STORES
    if not stores:
        return [
            checks.Warning(
                "No data store is configured: choices are kept, but reach nobody.",
                hint="Set DATA_STORES; see docs/stores.md.",
                id="propagation.W001",
            )
        ]
    return [message for alias, entry in stores.items() for message in _check(alias, entry)]


@register(deploy=True)
def check_watching(**kwargs: Any) -> list[CheckMessage]:
    """Propagation goes on without these, and nobody sees when it does not."""
    warnings: list[CheckMessage] = []
    if not settings.METRICS_TOKEN:
        warnings.append(
            checks.Warning(
                "METRICS_TOKEN is not set: there is no /metrics for Prometheus.",
                hint="Set it to a random text of at least 32 characters; see docs/operations.md.",
                id="propagation.W002",
            )
        )
    if not settings.ALERT_RECIPIENTS:
        warnings.append(
            checks.Warning(
                "ALERT_RECIPIENTS is empty: nobody gets a mail when a data store is late.",
                hint="Set it to the addresses of those on duty, comma-separated.",
                id="propagation.W003",
            )
        )
    return warnings


def _check(alias: str, entry: dict[str, Any]) -> Iterator[CheckMessage]:
    def error(text: str, hint: str, number: int) -> Error:
        return Error(f"DATA_STORES[{alias!r}]: {text}", hint=hint, id=f"propagation.E{number:03}")

    if not ALIAS.match(alias):
        yield error("not a fit alias", "Use up to 64 of a-z, 0-9, - and _.", 1)
    if unknown := set(entry) - KEYS:
        yield error(f"unknown key {', '.join(sorted(unknown))}", f"Known: {sorted(KEYS)}.", 2)
    if not entry.get("LABEL"):
        yield error("no LABEL", "Members read it: say what the system is for.", 3)
    sla = entry.get("SLA")
    if not isinstance(sla, timedelta) or sla <= timedelta(0):
        yield error("SLA is not a positive timedelta", "For example timedelta(minutes=15).", 4)
    yield from _check_backend(error, entry)


def _check_backend(error: Any, entry: dict[str, Any]) -> Iterator[CheckMessage]:
    try:
        backend = import_string(entry.get("BACKEND", ""))
    except ImportError as problem:
        yield error(f"BACKEND cannot be imported: {problem}", "Give module.Class.", 5)
        return
    if not (isinstance(backend, type) and issubclass(backend, Store)):
        yield error("BACKEND is no Store", "Subclass propagation.stores.base.Store.", 6)
        return
    try:
        backend(**entry.get("OPTIONS", {}))
    except (StoreMisconfigured, TypeError) as problem:
        yield error(f"OPTIONS cannot work: {problem}", "See docs/stores.md.", 7)
