"""The relay from ledger to store, against writing the same rows in plain batches.

Both sides take turns on the same server, emptied before. Ours: `propagation.relay.relay`, until the
store has confirmed all sealed choices. Theirs: the same rows, already in memory, written by the
plain driver in batches of the relay's largest size, each durable before the next.
"""

import time
from collections.abc import Callable, Sequence
from itertools import batched
from typing import Any

import psycopg
import redis
from django.db import connection
from django.utils import timezone

from bench.table import Row
from ledger.models import Channel, Decision, Entry, Head
from ledger.seal import seal_all
from propagation.choice import Choice
from propagation.models import Confirmation, Cursor
from propagation.registry import store_for
from propagation.relay import MOST, choice_from, relay

CHOICES = 50_000
BACKFILL = 1_000_000
ROUNDS = 3
TABLE = "privacydash_choices"

type Rows = Sequence[Choice]


def measure(store: str, valkey: str) -> list[Row]:
    """One row for each kind of store, and one for a new store that starts at zero; ``store`` and
    ``valkey`` are the servers' URLs."""
    choices = _sealed_choices("relay-bench", CHOICES)
    with psycopg.connect(store, autocommit=True) as there, redis.from_url(valkey) as client:
        store_for("postgresql").check()  # makes the table

        def insert(batch: Rows) -> None:
            _insert(there, batch)

        def truncate() -> None:
            there.execute(f"TRUNCATE {TABLE}")

        return [
            _row(
                "relay to postgresql",
                "postgresql",
                "plain INSERT, same batches",
                choices,
                plain=insert,
                empty=truncate,
            ),
            _row(
                "relay to redis",
                "redis",
                "plain pipelined HSET, same batches",
                choices,
                plain=lambda batch: _hset(client, batch),
                empty=client.flushdb,
            ),
            _row(
                f"backfill of {BACKFILL:,} to a new store",
                "postgresql",
                "plain INSERT, same batches",
                _sealed_choices("backfill-bench", BACKFILL),
                plain=insert,
                empty=truncate,
                rounds=1,
            ),
        ]


def _sealed_choices(purpose: str, count: int) -> list[Choice]:
    """So many members' first choices, in the ledger behind all that is there."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO ledger_entry (partition, member_ref, purpose, decision, revision, channel,
                notice_language, request_id, recorded_at)
            SELECT 0, 'relay-' || number, %s, %s, 1, %s, '', gen_random_uuid(), %s
            FROM generate_series(1, %s) AS number
            """,
            [purpose, Decision.OBJECTED, Channel.API, timezone.now(), count],
        )
    seal_all(0)
    rows = Entry.objects.filter(purpose=purpose).order_by("position")
    return [choice_from(entry) for entry in rows.iterator()]


def _row(
    what: str,
    alias: str,
    against: str,
    choices: Rows,
    *,
    plain: Callable[[Rows], None],
    empty: Callable[[], object],
    rounds: int = ROUNDS,
) -> Row:
    start = Head.objects.get(partition=0).position - len(choices)
    ours, theirs = [], []
    for _ in range(rounds):
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
    return Row(what, against, ours, theirs, 0.50)


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


def _insert(there: psycopg.Connection, rows: Rows) -> None:
    with there.transaction(), there.cursor() as cursor:
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
