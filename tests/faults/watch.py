"""Looks at cursors and stores all the while: no cursor may ever be past what its store holds."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import redis

from tests.faults.checker import Key, Row, State, check_cursor, check_never_back
from tests.faults.site import REDIS, SQL, WEBHOOK, Held, Site

EVERY = 0.3
LEDGER = """
    SELECT member_ref, purpose, revision, decision, request_id::text, position
    FROM ledger_entry"""


def ledger_of(site: Site) -> list[Row]:
    return [Row(*row) for row in site.query(f"{LEDGER} ORDER BY id")]


class Watch(threading.Thread):
    """``samples`` counts the looks at a store; ``findings`` are what was wrong in them."""

    def __init__(self, site: Site) -> None:
        super().__init__(name="watch", daemon=True)
        self.site = site
        self.samples = 0
        self.findings: list[str] = []
        self.ending = threading.Event()
        self.lock = threading.Lock()
        self.ignored: set[str] = set()
        self.before: dict[str, Held] = {}
        self.confirmed: dict[str, tuple[int, dict[Key, State]]] = {}
        self.longest: dict[str, float] = {}
        """For each store the longest time in seconds for which it lacked something."""
        self.lacking: dict[str, float] = {}

    @contextmanager
    def ignoring(self, alias: str) -> Iterator[None]:
        """While the suite itself changes what a store holds, or the store lies."""
        with self.lock:
            self.ignored.add(alias)
        try:
            yield
        finally:
            with self.lock:
                self.ignored.discard(alias)
                self.before.pop(alias, None)

    def reset_longest(self) -> None:
        with self.lock:
            self.longest.clear()
            self.lacking.clear()

    def stop(self) -> None:
        self.ending.set()
        self.join(20)

    def run(self) -> None:
        while not self.ending.wait(EVERY):
            for alias in (SQL, REDIS, WEBHOOK):
                try:
                    with self.lock:
                        self._look(alias)
                except (psycopg.Error, redis.RedisError, OSError):
                    continue  # broken just now
                except Exception as error:
                    self.findings.append(f"the watch failed: {error!r}")
                    return

    def _look(self, alias: str) -> None:
        cursor, parked, head = self._confirmed(alias)  # first: the store only gains after this
        if alias not in self.ignored:
            held = self.site.held(alias)
            self._note(check_cursor(alias, cursor, held, self._newest(alias, cursor), parked))
            self._note(check_never_back(alias, self.before.get(alias, {}), held))
            self.before[alias] = held
            self.samples += 1
        now = time.monotonic()
        if cursor >= head:
            self.lacking.pop(alias, None)
        else:
            since = self.lacking.setdefault(alias, now)
            self.longest[alias] = max(self.longest.get(alias, 0.0), now - since)

    def _note(self, found: Iterator[str]) -> None:
        self.findings.extend(line for line in found if line not in self.findings[-50:])

    def _confirmed(self, alias: str) -> tuple[int, set[Key], int]:
        """The cursor, the refused choices of the same moment, and where the ledger ended then."""
        with psycopg.connect(self.site.site_database, connect_timeout=2) as connection:
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            query = "SELECT position FROM propagation_cursor WHERE store = %s"
            row = connection.execute(query, [alias]).fetchone()
            parked = connection.execute(
                "SELECT member_ref, purpose FROM propagation_parked"
                " WHERE store = %s AND confirmed_at IS NULL",
                [alias],
            ).fetchall()
            head = connection.execute("SELECT coalesce(sum(position), 0) FROM ledger_head")
            return (row[0] if row else 0), {(r, p) for r, p in parked}, int(head.fetchone()[0])

    def _newest(self, alias: str, cursor: int) -> dict[Key, State]:
        """What the store has confirmed. Sealed choices never change, so each is read once."""
        known, states = self.confirmed.get(alias, (0, {}))
        if cursor < known:  # its state was removed, and it started again
            known, states = 0, {}
        if cursor > known:
            query = f"{LEDGER} WHERE position > %s AND position <= %s ORDER BY position"
            rows = [Row(*row) for row in self.site.query(query, known, cursor)]
            if len(rows) != cursor - known:
                self.findings.append(f"positions {known + 1} to {cursor} are not all there")
            states = states | {row.key: (row.revision, row.decision) for row in rows}
        self.confirmed[alias] = (cursor, states)
        return states
