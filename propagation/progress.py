"""What a member sees of the way of a choice to each data store."""

from collections.abc import Iterator, Mapping
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


def history(member_ref: str) -> list[tuple[Entry, list[Delivery]]]:
    """All choices of a member, the newest first, each with its state in each configured store.

    "confirmed" means that the store has this choice or a later one. One query for each store,
    however many choices there are.
    """
    entries = Entry.objects.filter(member_ref=member_ref).order_by("-pk")
    first = Confirmation.objects.filter(
        partition=OuterRef("partition"), position__gte=OuterRef("position")
    ).order_by("position")
    passed = {}
    for store in configured():
        found = Subquery(first.filter(store=store.alias).values("confirmed_at")[:1])
        passed[store.alias] = dict(entries.values_list("pk", found))
    parked = {
        (row["store"], row["purpose"]): row
        for row in Parked.objects.filter(member_ref=member_ref).values(
            "store", "purpose", "revision", "parked_at", "confirmed_at"
        )
    }
    return [(entry, list(_each(entry, passed, parked))) for entry in entries]


def _each(
    entry: Entry,
    passed: Mapping[str, Mapping[int, datetime | None]],
    parked: Mapping[tuple[str, str], Mapping[str, Any]],
) -> Iterator[Delivery]:
    for store in configured():
        row = parked.get((store.alias, entry.purpose))
        if row and row["revision"] > entry.revision:
            continue  # whether the store refused this one too is not known any more
        same = row if row and row["revision"] == entry.revision else None
        yield _delivery(entry, store, passed[store.alias][entry.pk], same)


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
