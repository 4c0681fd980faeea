"""The relay from ledger to store, against writing the same rows in plain batches.

Both sides take turns on the same server, emptied before. Ours: `propagation.relay.relay`, until the
store has confirmed all sealed choices. Theirs: the same rows, already in memory, written by the
plain driver in batches of the relay's largest size, each durable before the next.
"""

import time
import uuid
from collections.abc import Callable, Sequence
from itertools import batched
from typing import Any

import psycopg
import redis
from django.utils import timezone

from bench.table import Row
from ledger.models import Channel, Decision, Entry, Head
from ledger.seal import seal_all
from propagation.choice import Choice
from propagation.models import Confirmation, Cursor
from propagation.registry import store_for
from propagation.relay import MOST, choice_from, relay

PURPOSE = "relay-bench"
CHOICES = 50_000
ROUNDS = 3
TABLE = "privacydash_choices"

type Rows = Sequence[Choice]


def measure(store: str, valkey: str) -> list[Row]:
    """One row for each kind of store; ``store`` and ``valkey`` are the servers' URLs."""
    choices = _sealed_choices()
    with psycopg.connect(store, autocommit=True) as connection, redis.from_url(valkey) as client:
        store_for("postgresql").check()  # makes the table
        return [
            _row(
                "postgresql",
                "plain INSERT, same batches",
                choices,
                plain=lambda batch: _insert(connection, batch),
                empty=lambda: connection.execute(f"TRUNCATE {TABLE}"),
            ),
            _row(
                "redis",
                "plain pipelined HSET, same batches",
                choices,
                plain=lambda batch: _hset(client, batch),
                empty=client.flushdb,
            ),
        ]


def _sealed_choices() -> list[Choice]:
    """So many members' first choices, in the ledger behind all that is there."""
    now = timezone.now()
    for numbers in batched(range(CHOICES), 5_000):
        Entry.objects.bulk_create(
            Entry(
                member_ref=f"relay-{number}",
                purpose=PURPOSE,
                decision=Decision.OBJECTED,
                revision=1,
                channel=Channel.API,
                request_id=uuid.uuid4(),
                recorded_at=now,
            )
            for number in numbers
        )
    seal_all(0)
    return [choice_from(entry) for entry in Entry.objects.filter(purpose=PURPOSE)]


def _row(
    alias: str,
    against: str,
    choices: Rows,
    *,
    plain: Callable[[Rows], None],
    empty: Callable[[], object],
) -> Row:
    start = Head.objects.get(partition=0).position - len(choices)
    ours, theirs = [], []
    for _ in range(ROUNDS):
        empty()
        theirs.append(_rate(choices, lambda: _in_batches(choices, plain)))
        empty()
        Confirmation.objects.filter(store=alias).delete()
        Cursor.objects.update_or_create(
            store=alias, partition=0, defaults={"position": start, "batch_size": MOST}
        )
        ours.append(_rate(choices, lambda: _carry(alias)))
    held = store_for(alias).read([choices[0].key, choices[-1].key])  # type: ignore[attr-defined]
    if len(held) != 2:
        raise SystemExit(f"{alias} does not hold what its relay carried.")
    return Row(f"relay to {alias}", against, ours, theirs, 0.50)


def _rate(choices: Rows, work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return len(choices) / (time.perf_counter() - started)


def _in_batches(choices: Rows, plain: Callable[[Rows], None]) -> None:
    for rows in batched(choices, MOST):
        plain(rows)


def _carry(alias: str) -> None:
    while relay(alias):
        pass
    if Cursor.objects.get(store=alias, partition=0).last_error:
        raise SystemExit(f"The relay to {alias} failed; see above.")


def _insert(connection: psycopg.Connection, rows: Rows) -> None:
    with connection.transaction(), connection.cursor() as cursor:
        cursor.executemany(
            f"INSERT INTO {TABLE} (member_ref, purpose, decision, revision, changed_at)"
            " VALUES (%s, %s, %s, %s, %s)",
            [(r.member_ref, r.purpose, r.decision, r.revision, r.changed_at) for r in rows],
        )


def _hset(client: redis.Redis, rows: Rows) -> None:
    with client.pipeline(transaction=False) as pipeline:
        for row in rows:
            fields: dict[Any, Any] = {
                "decision": row.decision,
                "revision": row.revision,
                "changed_at": row.changed_at.isoformat(),
            }
            pipeline.hset(f"plain:{row.purpose}:{row.member_ref}", mapping=fields)
        pipeline.execute()
