"""Which stores are later than they promise. Computed from the ledger and the cursors alone, so
that it is also right with no worker and no beat running."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone

from ledger.seal import partitions
from propagation.models import Cursor
from propagation.registry import configured
from propagation.report import oldest_waiting


@dataclass(frozen=True, slots=True)
class Wait:
    """A store that does not have all choices; ``since``: when the oldest of them was made."""

    store: str
    label: str
    since: datetime
    sla: timedelta

    def late(self, now: datetime) -> bool:
        return self.since + self.sla <= now

    def well(self, now: datetime) -> bool:
        """Far enough from late that it is not about to be late again."""
        return self.since + self.sla / 2 > now


OTHERS: dict[str, Callable[[], Iterable[Wait]]] = {}
"""What else choices wait for, by name. Apps above add theirs in `AppConfig.ready`."""


def waits() -> Iterator[Wait]:
    """Each configured store for which a choice waits, unsealed, sealed or refused; and `OTHERS`."""
    cursors = {(cursor.store, cursor.partition): cursor for cursor in Cursor.objects.all()}
    in_use = partitions()
    for store in configured():
        of_store = (
            cursors.get((store.alias, number), Cursor(store=store.alias, partition=number))
            for number in in_use
        )
        waiting = [since for cursor in of_store if (since := oldest_waiting(cursor))]
        if waiting:
            yield Wait(store.alias, store.label_text, min(waiting), store.sla)
    for others in OTHERS.values():
        yield from others()


def overdue(now: datetime | None = None) -> list[Wait]:
    """The stores that are late, the longest first."""
    now = now or timezone.now()
    return sorted((wait for wait in waits() if wait.late(now)), key=lambda wait: wait.since)
