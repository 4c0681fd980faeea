"""Which of a store's choices an hourly sample looks at."""

import random
from collections.abc import Iterator
from datetime import datetime

from ledger.models import Entry
from propagation.models import Confirmation, Cursor, Reconciliation
from propagation.stores.base import Key

SIZE = 900


def sampled(alias: str) -> Iterator[Key]:
    """Keys that the store has confirmed: a third from anywhere, a third mostly from the newest,
    and a third mostly from the newest at the last pass.

    A store that was restored from a backup lacks what was newest then, however little that is
    among millions, while choices of today go on arriving.
    """
    last = Reconciliation.objects.finished().newest(alias)
    cursors = list(Cursor.objects.filter(store=alias, position__gt=0))
    for cursor in cursors:
        ends = [cursor.position, _position_at(cursor, last.started_at) if last else cursor.position]
        third = max(10, SIZE // 3 // len(cursors))
        chosen = {*ends, *(random.randint(1, cursor.position) for _ in range(third))}  # noqa: S311
        for end in filter(None, ends):
            # The distance from the end is as likely 1 to 10 as 100,000 to 1,000,000.
            chosen |= {end + 1 - int(end ** random.random()) for _ in range(third)}  # noqa: S311
        entries = Entry.objects.filter(partition=cursor.partition, position__in=chosen)
        yield from entries.values_list("member_ref", "purpose")


def _position_at(cursor: Cursor, moment: datetime) -> int:
    """Where the cursor was then."""
    then = Confirmation.objects.filter(
        store=cursor.store, partition=cursor.partition, confirmed_at__lte=moment
    )
    return then.order_by("-position").values_list("position", flat=True).first() or 0
