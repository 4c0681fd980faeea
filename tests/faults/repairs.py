"""Stores that were edited by hand, lost rows, gained some, or came back from a backup."""

import random
from collections.abc import Callable
from typing import Any

import psycopg

from tests.faults.checker import check_store
from tests.faults.report import Result
from tests.faults.run import CATCH_UP, Bench
from tests.faults.site import PURPOSE, REDIS, SQL, Held, NotRecovered, Site, until
from tests.faults.watch import ledger_of

PREFIX = f"privacydash:{PURPOSE}:"
COUNTS = ("missing", "extra", "older", "edited", "repaired")
OTHER = {"objected": "allowed", "allowed": "objected"}
CHANGED_AT = "2026-01-01T00:00:00+00:00"

type Change = dict[str, tuple[int, str] | None]
"""What a store is made to hold for members; None: nothing."""


def damage(alias: str) -> Callable[[Bench, Result], str]:
    """A third of the rows edited, a third deleted, a third added."""

    def make(bench: Bench, result: Result) -> str:
        bench.crowd.rest()
        bench.site.wait_until_carried((alias,), CATCH_UP)
        with bench.watch.ignoring(alias):
            held = bench.site.held(alias)
            change = _damage(held, bench.plan.damaged, bench.dice)
            _set(bench.site, alias, change)
            found = _reconciled(bench, result, alias)
            wanted = {"edited": 0, "missing": 0, "extra": 0, "older": 0}
            for ref, state in change.items():
                known = (ref, PURPOSE) in held
                wanted["edited" if state and known else "missing" if known else "extra"] += 1
            wanted["repaired"] = len(change)
            if found != wanted:
                result.findings.append(f"{alias}: found {found}, made {wanted}")
        result.times = f"{len(change)} rows"
        return ", ".join(f"{count} {name}" for name, count in found.items() if count)

    return make


def _damage(held: Held, count: int, dice: random.Random) -> Change:
    refs = sorted(ref for ref, _ in held)
    touched = dice.sample(refs, min(len(refs), 2 * count // 3))
    change: Change = {}
    for number, ref in enumerate(touched):
        revision, word = held[ref, PURPOSE]
        change[ref] = None if number % 2 else (revision, OTHER[word])
    for number in range(count - len(touched)):
        change[f"stranger-{number:03}"] = (1, "objected")
    return change


def restore_older(alias: str) -> Callable[[Bench, Result], str]:
    """The store is put back to what it held some time ago, while its cursor is not."""

    def make(bench: Bench, result: Result) -> str:
        backup = bench.site.held(alias)
        bench.until_saved(more=30)
        bench.crowd.rest()
        bench.site.wait_until_carried((alias,), CATCH_UP)
        with bench.watch.ignoring(alias):
            now = bench.site.held(alias)
            change: Change = {ref: None for ref, _ in now}
            change |= {ref: state for (ref, _), state in backup.items()}
            _set(bench.site, alias, change)
            differing = len(list(check_store(alias, bench.site.held(alias), ledger_of(bench.site))))
            if not differing:
                result.findings.append("nothing was older: the fault was not made")
            found = _reconciled(bench, result, alias)
            if found["older"] + found["missing"] != differing or found["repaired"] != differing:
                result.findings.append(f"{alias}: found {found}, {differing} were older")
        return f"{found['older']} older, {found['repaired']} repaired"

    return make


def _reconciled(bench: Bench, result: Result, alias: str) -> dict[str, int]:
    """Reconcile once and give what was reported; the store must then equal the ledger."""
    site = bench.site
    last = site.query("SELECT coalesce(max(id), 0) FROM propagation_reconciliation")[0][0]
    for _ in range(3):  # the schedule may begin a pass of its own, which counts as well
        _let_others_finish(bench)
        done = site.manage("manage.py", "reconcile", alias, "--full")
        if "reconciled already" not in done.stderr:
            break
    if done.returncode:
        result.findings.append(f"reconcile: {(done.stderr or done.stdout)[-300:]}")
    sums = ", ".join(f"coalesce(sum({name}), 0)::int" for name in COUNTS)
    query = f"SELECT {sums} FROM propagation_reconciliation WHERE id > %s AND store = %s"
    found = dict(zip(COUNTS, site.query(query, last, alias)[0], strict=True))
    left = list(check_store(alias, site.held(alias), ledger_of(site)))
    result.findings += [f"not repaired: {line}" for line in left[:3]]
    return found


def _let_others_finish(bench: Bench) -> None:
    """A pass of the schedule may be at work, or one of a worker that was killed left open."""
    query = "SELECT count(*) FROM propagation_reconciliation WHERE finished_at IS NULL"
    try:
        until(lambda: bench.site.query(query)[0][0] == 0, 5, "no other pass is at work")
    except NotRecovered:
        bench.site.query(
            "UPDATE propagation_reconciliation SET alive_until = now() WHERE finished_at IS NULL"
        )


def _set(site: Site, alias: str, change: Change) -> None:
    if alias == SQL:
        with psycopg.connect(site.postgres.url("stores")) as connection:
            connection.execute("ALTER TABLE privacydash_choices DISABLE TRIGGER note_regression")
            for ref, state in change.items():
                _set_row(connection, ref, state)
            connection.execute("ALTER TABLE privacydash_choices ENABLE TRIGGER note_regression")
        return
    assert alias == REDIS
    with site.redis_server.client() as client:
        for ref, state in change.items():
            client.delete(PREFIX + ref)
            if state:
                fields: dict[Any, Any] = {"revision": state[0], "decision": state[1]}
                client.hset(PREFIX + ref, mapping=fields | {"changed_at": CHANGED_AT})


def _set_row(connection: psycopg.Connection[Any], ref: str, state: tuple[int, str] | None) -> None:
    connection.execute("DELETE FROM privacydash_choices WHERE member_ref = %s", [ref])
    if state:
        connection.execute(
            "INSERT INTO privacydash_choices (member_ref, purpose, revision, decision, changed_at)"
            " VALUES (%s, %s, %s, %s, %s)",
            [ref, PURPOSE, *state, CHANGED_AT],
        )
