"""PostgreSQL stopped at once and started again; connections cut while a commit is under way."""

import itertools
import time

from tests.faults.proxy import STATEMENTS
from tests.faults.report import Result
from tests.faults.run import Bench
from tests.faults.site import NotRecovered
from tests.servers import ServerMissingError

MOMENTS = ("after", "answered", "before", "after")


def restart_database(bench: Bench, result: Result) -> str:
    slowest = 0.0
    for _ in range(bench.plan.restarts):
        bench.in_time()
        bench.until_saved()
        bench.pause(0, 0.4)
        bench.site.postgres.stop_immediately()
        bench.pause(0, 0.5)
        _start(bench)
        started = time.monotonic()
        bench.until_saved(more=1)
        slowest = max(slowest, time.monotonic() - started)
    result.times = f"{bench.plan.restarts}"
    return f"members were served again within {slowest:.1f} s of each start"


def _start(bench: Bench) -> None:
    for _ in range(5):
        try:
            bench.site.postgres.start()
        except ServerMissingError as error:
            last = error
            time.sleep(0.2)
        else:
            return
    raise NotRecovered(f"PostgreSQL does not start: {last}")


def cut_connections(bench: Bench, result: Result) -> str:
    proxy = bench.site.proxy
    kinds = itertools.cycle(itertools.product(MOMENTS, STATEMENTS.items()))
    sprung = dict.fromkeys(STATEMENTS, 0)
    for moment, (name, statement) in itertools.islice(kinds, bench.plan.cuts):
        bench.in_time()
        bench.pause(0, 0.2)
        trap = proxy.arm(statement, moment)
        if trap.sprung.wait(15):
            sprung[name] += 1
        else:
            result.findings.append(f"nobody sent {name} within 15 s")
        bench.until_saved(more=1)
    proxy.disarm()
    result.times = f"{sum(sprung.values())}"
    return "cut during " + ", ".join(f"{name} {count} ×" for name, count in sprung.items())
