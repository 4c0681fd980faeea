"""What a member sees of the way of a choice to each data store."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from django.db.models import OuterRef, Subquery
from django.utils import timezone

from ledger.models import Entry
from propagation.models import Confirmation, Cursor, Parked
from propagation.registry import StoreSettings, configured


@dataclass(frozen=True, slots=True)
class Delivery:
    """One store's state for one choice; ``at``: confirmed at, or delayed since."""

    label: str
    state: Literal["waiting", "confirmed", "delayed"]
    at: datetime | None


def deliveries(entry: Entry) -> list[Delivery]:
    """The state of a choice in each configured store. Never "confirmed" before the store has
    confirmed; computed from the ledger and the cursors, so that it is right with no worker."""
    passed = _passed(entry)
    parked = {
        row["store"]: row
        for row in Parked.objects.filter(
            member_ref=entry.member_ref, purpose=entry.purpose, revision=entry.revision
        ).values("store", "parked_at", "confirmed_at")
    }
    return [
        _delivery(entry, store, passed.get(store.alias), parked.get(store.alias))
        for store in configured()
    ]


def _passed(entry: Entry) -> dict[str, datetime]:
    """When the cursor of each store passed the choice."""
    if entry.position is None:
        return {}
    first = Confirmation.objects.filter(
        store=OuterRef("store"), partition=entry.partition, position__gte=entry.position
    ).order_by("position")
    passed = Cursor.objects.filter(partition=entry.partition, position__gte=entry.position)
    return dict(passed.values_list("store", Subquery(first.values("confirmed_at")[:1])))


def _delivery(
    entry: Entry, store: StoreSettings, passed: datetime | None, parked: Mapping[str, Any] | None
) -> Delivery:
    if parked:
        passed = parked["confirmed_at"]
    if passed:
        return Delivery(store.label_text, "confirmed", passed)
    due = entry.recorded_at + store.sla
    if parked:
        due = min(due, parked["parked_at"])
    if timezone.now() >= due:
        return Delivery(store.label_text, "delayed", due)
    return Delivery(store.label_text, "waiting", None)
