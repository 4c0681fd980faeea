"""A store that is down, slow, resets, forgets, refuses, or takes a batch and does not say so."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tests.faults.checker import check_store
from tests.faults.receiver import Fault, FaultyReceiver
from tests.faults.report import Result
from tests.faults.run import CATCH_UP, Bench
from tests.faults.site import BASE, REDIS, WEBHOOK, until
from tests.faults.watch import ledger_of

UNHURT = 8.0
"""Seconds for which another store may lag behind, at most, on a busy machine."""
REMOVE = """
import django; django.setup()
from propagation.removing import remove
remove({alias!r}, by="faults")
"""


def down(bench: Bench, result: Result) -> str:
    """The webhook's address refuses connections; then the Redis store is killed."""
    site = bench.site
    site.wait_until_carried((WEBHOOK, REDIS), CATCH_UP)
    with others_unhurt(bench, result, WEBHOOK):
        port, path = site.receiver.port, site.receiver.path
        site.receiver.close()
        try:
            _stuck(bench, WEBHOOK)
        finally:
            site.receiver = FaultyReceiver(path, port)
    webhook = site.wait_until_carried((WEBHOOK,), CATCH_UP)
    with others_unhurt(bench, result, REDIS):
        site.redis_server.kill()
        try:
            _stuck(bench, REDIS)
        finally:
            site.redis_server.start()
    redis = site.wait_until_carried((REDIS,), CATCH_UP)
    return f"caught up {webhook:.1f} s (webhook) and {redis:.1f} s (Redis) after it was back"


def answering_badly(fault: Fault) -> Callable[[Bench, Result], str]:
    """The webhook does so, and confirms nothing."""

    def make(bench: Bench, result: Result) -> str:
        with others_unhurt(bench, result, WEBHOOK):
            bench.site.receiver.fail(fault)
            try:
                _stuck(bench, WEBHOOK)
            finally:
                bench.site.receiver.recover()
        return f"caught up in {bench.site.wait_until_carried((WEBHOOK,), CATCH_UP):.1f} s"

    return make


def _stuck(bench: Bench, alias: str) -> None:
    """Some time with choices coming in, in which the store's cursor must stay where it is."""
    query = "SELECT position FROM propagation_cursor WHERE store = %s"
    time.sleep(0.5)  # what had arrived before may still be confirmed
    before = bench.site.query(query, alias)
    assert before, f"{alias} has no cursor"
    bench.until_saved()
    time.sleep(bench.plan.store_seconds)
    after = bench.site.query(query, alias)
    assert before == after, f"{alias} confirmed nothing, and its cursor moved {before} to {after}"


@contextmanager
def others_unhurt(bench: Bench, result: Result, alias: str) -> Iterator[None]:
    bench.watch.reset_longest()
    yield
    for other, seconds in bench.watch.longest.items():
        if other != alias and seconds > UNHURT:
            result.findings.append(f"{other} lagged {seconds:.1f} s while {alias} failed")


def refuses(bench: Bench, result: Result) -> str:
    site, refused = bench.site, bench.crowd.members[0].ref
    with others_unhurt(bench, result, WEBHOOK):
        site.receiver.refused = {refused}
        site.receiver.fail("refuses")
        until(lambda: site.parked(WEBHOOK), CATCH_UP, "the refused choice is parked")
        parked = {ref for ref, _ in site.parked(WEBHOOK)}
        if parked != {refused}:
            result.findings.append(f"parked: {parked}, refused: {refused}")
        carried = site.wait_until_carried((WEBHOOK,), CATCH_UP)
        site.receiver.recover()
    until(lambda: not site.parked(WEBHOOK), CATCH_UP, "it is taken once it is not refused")
    return f"parked; the others arrived ({carried:.1f} s); taken when the receiver would"


def forgets(bench: Bench, result: Result) -> str:
    """No protocol helps against a lie: the cursor moves. What can be read back is repaired."""
    site = bench.site
    with bench.watch.ignoring(WEBHOOK):
        with others_unhurt(bench, result, WEBHOOK):
            site.receiver.fail("forgets")
            bench.until_saved(more=10)
            site.wait_until_carried((WEBHOOK,), CATCH_UP)
        bench.crowd.rest()
        site.wait_until_carried((WEBHOOK,), CATCH_UP)
        site.receiver.recover()
        ledger = ledger_of(site)
        lost = len(list(check_store(WEBHOOK, site.held(WEBHOOK), ledger)))
        if not lost:
            result.findings.append("the receiver forgot nothing: the fault was not made")
        _start_again(bench, WEBHOOK)
        site.wait_until_carried((WEBHOOK,), CATCH_UP)
        left = list(check_store(WEBHOOK, site.held(WEBHOOK), ledger))
        result.findings += left[:3]
    return (
        f"{lost} choices confirmed and forgotten; a webhook cannot be read, so only its owner can "
        "notice: repaired by removing the store's state, after which it got everything again. "
        "For a store that can be read, see the next rows"
    )


def _start_again(bench: Bench, alias: str) -> None:
    """As an operator does: without the store in DATA_STORES, remove its state."""
    others = {name: entry for name, entry in bench.site.stores().items() if name != alias}
    code = REMOVE.format(alias=alias)
    done = bench.site.manage("-c", code, DATA_STORES=json.dumps(others), PYTHONPATH=str(BASE))
    assert not done.returncode, done.stderr[-300:]
