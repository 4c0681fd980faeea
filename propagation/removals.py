"""What stores have deleted of objectors' data, as far as they tell."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone

from propagation.choice import Choice
from propagation.models import Removal
from propagation.registry import configured
from propagation.stores.base import Key, RemovingStore, Store


@dataclass(frozen=True, slots=True)
class Removed:
    """Rows that one store, by its label for members, has deleted so far."""

    label: str
    rows: int
    at: datetime


def removed_by(store: Store, choices: Sequence[Choice]) -> Mapping[Key, int]:
    """Asks the store, over the network; {} of one that deletes nothing."""
    if not isinstance(store, RemovingStore):
        return {}
    return store.removed([choice.key for choice in choices if choice.decision == "objected"])


def note(alias: str, counts: Mapping[Key, int]) -> None:
    Removal.objects.bulk_create(
        [
            Removal(store=alias, member_ref=ref, purpose=purpose, rows=rows, at=timezone.now())
            for (ref, purpose), rows in counts.items()
        ],
        update_conflicts=True,
        unique_fields=["member_ref", "purpose", "store"],
        update_fields=["rows", "at"],
    )


def removals(member_ref: str, purpose: str) -> list[Removed]:
    """What the configured stores have deleted of the member's data for the purpose."""
    labels = {store.alias: store.label_text for store in configured()}
    found = Removal.objects.filter(member_ref=member_ref, purpose=purpose, store__in=labels)
    return [Removed(labels[row.store], row.rows, row.at) for row in found.order_by("store")]
