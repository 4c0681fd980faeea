"""Processes that kill themselves at a chosen point: before and after each commit and each write.

Run as a process of its own that forks one child for each crash, so that a crash costs a fork and
not the start of an interpreter. A child records a choice, seals, and carries to the three stores,
with the code of production on the real servers; at the armed point it sends itself SIGKILL. The
wrappers are in this module alone.
"""

import importlib
import json
import os
import random
import signal
import sys
import traceback
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import django
import psycopg
import redis

from tests.faults.checker import (
    Click,
    Row,
    check_answers,
    check_cursor,
    check_ledger,
    check_store,
    newest,
)
from tests.faults.site import PURPOSE, Held, redis_held, sql_held

PLACES = ("the append", "the sealing", "the claim", "the store's write", "the confirmation",
          "the release")  # fmt: skip
POINTS = [f"{when} {place}" for place in PLACES for when in ("before", "after")]
MEMBERS = 8
FIRED, SAVED = "fired", "saved"


@dataclass(slots=True)
class Wish:
    """A choice that a member wants, until they are told that it is saved."""

    ref: str
    decision: str
    request_id: str
    attempts: int = 0


class Crasher:
    """Arms one point in this process; says so on ``report`` before it dies there."""

    def __init__(self, point: str, store: str, report: Callable[[str], None]) -> None:
        self.when, _, self.place = point.partition(" ")
        self.store, self.report = store, report
        self.carrying = ""
        self.inside = ""

    def at(self, when: str, place: str) -> None:
        here = when == self.when and place == self.place
        of_store = place not in PLACES[2:] or self.carrying == self.store
        if here and of_store:
            self.report(FIRED)
            os.kill(os.getpid(), signal.SIGKILL)

    def around(self, owner: Any, name: str, place: str) -> None:
        """Crash before the function is called, or after it has returned something."""
        function = getattr(owner, name)

        def wrapper(*args: Any, **values: Any) -> Any:
            self.at("before", place)
            found = function(*args, **values)
            if found is not None:
                self.at("after", place)
            return found

        setattr(owner, name, wrapper)

    def at_commit_of(self, owner: Any, name: str, place: str) -> None:
        """Crash before or after the COMMIT of the transaction that the function makes."""
        function = getattr(owner, name)

        def wrapper(*args: Any, **values: Any) -> Any:
            self.inside = place
            try:
                return function(*args, **values)
            finally:
                self.inside = ""

        setattr(owner, name, wrapper)

    def install(self) -> None:
        from django.db import connections

        from ledger import append, seal
        from propagation import relay
        from propagation.models import CursorQuerySet

        self.around(append, "_append_sql", "the append")
        self.around(CursorQuerySet, "claim", "the claim")
        self.around(relay, "_write", "the store's write")
        self.at_commit_of(seal, "seal", "the sealing")
        self.at_commit_of(relay, "_confirm", "the confirmation")
        wrapped = type(connections["default"])
        commit = wrapped._commit

        def _commit(wrapper: Any) -> Any:
            place = self.inside
            self.at("before", place)
            found = commit(wrapper)
            self.at("after", place)
            return found

        wrapped._commit = _commit
        update = CursorQuerySet.update

        def _update(queryset: Any, **values: Any) -> int:
            place = "the release" if values == {"leased_until": None} else ""
            self.at("before", place)
            found = update(queryset, **values)
            self.at("after", place)
            return found

        CursorQuerySet.update = _update

    def carry(self, alias: str) -> None:
        from propagation.relay import relay

        self.carrying = alias
        relay(alias)


def work(crasher: Crasher, wish: Wish, order: list[str], report: Callable[[str], None]) -> None:
    """What a web process and a worker do with one choice, one after the other."""
    from consent.services import Outcome, record_choice
    from ledger.models import Channel, CurrentChoice, Decision
    from ledger.seal import seal_all

    held = CurrentChoice.objects.filter(member_ref=wish.ref, purpose=PURPOSE).first()
    allowing = wish.decision == Decision.ALLOWED
    found = record_choice(
        member_ref=wish.ref,
        purpose=PURPOSE,
        decision=Decision(wish.decision),
        channel=Channel.DASHBOARD,
        request_id=uuid.UUID(wish.request_id),
        expected_revision=held.revision if allowing and held else None,
    )
    if found.outcome is not Outcome.STALE:
        report(SAVED)
    seal_all(0)
    for alias in order:
        crasher.carry(alias)


def findings_of_ledger(report: Callable[[str], None]) -> None:
    from ledger.verify import findings

    for line in findings():
        report(f"verify_ledger: {line}")


def forked(action: Callable[[Callable[[str], None]], None]) -> tuple[list[str], int]:
    """Run the action in a child; return the lines that it reported, and how it ended."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        try:
            action(lambda line: void(os.write(writing, f"{line}\n".encode())))
            os._exit(0)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
    os.close(writing)
    with os.fdopen(reading) as lines:
        reported = lines.read().splitlines()
    return reported, os.waitpid(child, 0)[1]


def void(_: object) -> None:
    return None


@dataclass
class Sequences:
    """All points, in another order for each seed; the stores and the ledger compared after each."""

    connection: psycopg.Connection[Any]
    stores: dict[str, Callable[[], Held]]
    fired: Counter[str] = field(default_factory=Counter)
    findings: list[str] = field(default_factory=list)
    clicks: list[Click] = field(default_factory=list)
    clock: int = 0
    """Stands for time: one for each thing that is sent or answered."""

    def __post_init__(self) -> None:
        self.holds = dict.fromkeys((f"c{number}" for number in range(MEMBERS)), "")
        self.open: Wish | None = None
        self.sent = 0

    def run(self, dice: random.Random) -> None:
        for point in dice.sample(POINTS, len(POINTS)):
            order = dice.sample(list(self.stores), len(self.stores))
            chosen = dice.choice(order)
            lines, status = self._step(dice, point, chosen, order)
            if FIRED in lines and os.WIFSIGNALED(status):
                self.fired[point] += 1
            else:
                self.findings.append(f"{point} ({chosen}) did not fire: {lines}, status {status}")
            self.look()
        while self.open:
            self._step(dice, "", "", list(self.stores))
        self._step(dice, "", "", list(self.stores))
        self.compare()

    def _step(
        self, dice: random.Random, point: str, store: str, order: list[str]
    ) -> tuple[list[str], int]:
        wish = self.open or self._wish(dice)
        wish.attempts += 1

        def act(report: Callable[[str], None]) -> None:
            crasher = Crasher(point, store, report)
            crasher.install()
            work(crasher, wish, order, report)

        lines, status = forked(act)
        if not point and status:
            self.findings.append(f"a step without a crash failed: {lines}, status {status}")
        self.open = None if SAVED in lines else wish
        if self.open is None:
            self.holds[wish.ref] = wish.decision
            self._told(wish)
        elif wish.attempts > 5:
            self.findings.append(f"never settled: {wish}")
            self.open = None
        # The time passes that a killed relay's lease lasts.
        self.connection.execute("UPDATE propagation_cursor SET leased_until = now()")
        return lines, status

    def _wish(self, dice: random.Random) -> Wish:
        ref = dice.choice(list(self.holds))
        decision = "allowed" if self.holds[ref] == "objected" else "objected"
        self.clock += 1
        self.sent = self.clock
        return Wish(ref, decision, str(uuid.UUID(int=dice.getrandbits(128), version=4)))

    def _told(self, wish: Wish) -> None:
        self.clock += 1
        click = Click(wish.ref, wish.request_id, wish.decision, "saved", self.sent, self.clock)
        self.clicks.append(click)

    def look(self) -> None:
        """No cursor is past what its store holds."""
        cursors = self.connection.execute("SELECT store, position FROM propagation_cursor")
        ledger = self._ledger()
        for alias, position in cursors.fetchall():
            confirmed = newest(ledger, position)
            self.findings += check_cursor(alias, position, self.stores[alias](), confirmed)

    def compare(self) -> None:
        ledger = self._ledger()
        self.findings += check_answers(self.clicks, ledger)
        self.findings += check_ledger(ledger)
        for alias, read in self.stores.items():
            self.findings += check_store(alias, read(), ledger)
        self.findings += forked(findings_of_ledger)[0]

    def _ledger(self) -> list[Row]:
        rows = self.connection.execute(
            "SELECT member_ref, purpose, revision, decision, request_id::text, position"
            " FROM ledger_entry"
        )
        return [Row(*row) for row in rows]


def main() -> None:
    """Reads {seeds, seed, database, sql, redis, receiver} from stdin, prints what happened."""
    django.setup()
    given = json.load(sys.stdin)
    # Imported before the first fork, so that no child has to.
    for module in ("consent.services", "ledger.verify", "propagation.relay"):
        importlib.import_module(module)
    from tests.faults.receiver import held_in

    client = redis.Redis.from_url(given["redis"])
    stores: dict[str, Callable[[], Held]] = {
        "sql": lambda: sql_held(given["sql"]),
        "redis": lambda: redis_held(client),
        "webhook": lambda: held_in(given["receiver"]),
    }
    with psycopg.connect(given["database"], autocommit=True) as connection:
        sequences = Sequences(connection, stores)
        sequences._step(random.Random(0), "", "", list(stores))
        for number in range(given["seeds"]):
            sequences.run(random.Random(given["seed"] + number))
    result = {
        "fired": sequences.fired,
        "findings": sequences.findings[:50],
        "choices": len(sequences.clicks),
    }
    sys.stdout.write(json.dumps(result))


if __name__ == "__main__":
    main()
