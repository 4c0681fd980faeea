"""The broker killed and started again, and emptied, while choices come in."""

import time
from collections.abc import Callable
from pathlib import Path

from tests.faults.report import Result
from tests.faults.run import ALL, Bench
from tests.faults.servers import RabbitMQ, Server
from tests.faults.site import QUEUE

LATE = 30.0
"""Seconds by which a choice may be late after the broker is back."""


def kill_valkey(bench: Bench, result: Result) -> str:
    result.times = f"{bench.plan.valkey_kills}"
    return _kill(bench, bench.site.broker, bench.plan.valkey_kills)


def empty_valkey(bench: Bench, result: Result) -> str:
    return _empty(bench, bench.site.broker.empty)


def with_rabbitmq(bench: Bench, folder: Path) -> RabbitMQ:
    """Change the site's broker. Raises `ServerMissingError` where RabbitMQ is not installed."""
    server = RabbitMQ(folder)
    bench.site.stack.callback(server.stop)
    server.start()
    bench.site.broker_url = server.url
    bench.site.restart_all()
    return server


def kill_rabbitmq(bench: Bench, result: Result, server: RabbitMQ) -> str:
    result.times = f"{bench.plan.rabbitmq_kills}"
    return _kill(bench, server, bench.plan.rabbitmq_kills)


def empty_rabbitmq(bench: Bench, result: Result, server: RabbitMQ) -> str:
    return _empty(bench, lambda: server.purge(QUEUE))


def _kill(bench: Bench, server: Server, times: int) -> str:
    served, slowest = 0, 0.0
    for _ in range(times):
        bench.in_time()
        bench.pause(0.1, 0.6)
        server.kill()
        before = bench.crowd.saved()
        bench.until_saved(more=2)  # without any broker
        bench.pause(0, 0.8)
        served += bench.crowd.saved() - before
        server.start()
        slowest = max(slowest, bench.site.wait_until_carried(ALL, LATE))
    return (
        f"{served} choices saved while there was no broker; all stores had what was in the ledger "
        f"at most {slowest:.1f} s after each start"
    )


def _empty(bench: Bench, empty: Callable[[], object]) -> str:
    bench.until_saved()
    empty()
    bench.until_saved()
    took = bench.site.wait_until_carried(ALL, LATE)
    time.sleep(1)
    bench.until_saved()
    again = bench.site.wait_until_carried(ALL, LATE)
    return f"carried on after {took:.1f} s and {again:.1f} s"
