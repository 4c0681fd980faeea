"""SIGKILL of workers, of relays in mid-batch, of beat and of the web server."""

import time

from tests.faults.proxy import STATEMENTS, CuttingProxy
from tests.faults.report import Result
from tests.faults.run import Bench
from tests.faults.site import REDIS, SQL, WEBHOOK

RELAY, WEB = "relay in mid-batch", "web"
KINDS = ("worker", RELAY, "beat", WEB)
WRITES = {SQL: b"INSERT INTO privacydash_choices", REDIS: b"EVALSHA", WEBHOOK: b"POST /choices"}
MOMENTS = ("before", "after", "answered")
SECONDS_EACH = 8.0
"""For one kill of each kind, at most; what is not killed by then is a finding."""


class Killing:
    """Kills in random order, each at a process that is at work, while the members go on.

    Relays, and every other web server, are killed by a trap: while a batch, or a member's choice,
    is on its way to the server, there already, or answered.
    """

    def __init__(self, bench: Bench) -> None:
        self.bench, self.site = bench, bench.site
        self.wanted = dict.fromkeys(KINDS, bench.plan.kills)
        self.in_request = 0
        self.armed: set[CuttingProxy] = set()

    def run(self) -> None:
        deadline = time.monotonic() + SECONDS_EACH * self.bench.plan.kills + 30
        while any(self.wanted.values()) and time.monotonic() < deadline:
            self.bench.in_time()
            if self.wanted[RELAY]:
                for alias, proxy in self.site.store_proxies.items():
                    self._arm(proxy, WRITES[alias], RELAY, ("worker-1", "worker-2"))
            if self.wanted[WEB] % 2:
                self._arm(self.site.proxy, STATEMENTS["a member's choice"], WEB, (WEB,))
            ready = [(kind, name) for kind in KINDS if (name := self._target(kind))]
            if ready:
                kind, name = self.bench.dice.choice(ready)
                self.bench.pause(0, 0.3)
                self._count(kind, self.site.kill(name))
            else:
                time.sleep(0.05)
        for proxy in (self.site.proxy, *self.site.store_proxies.values()):
            proxy.disarm()

    def _target(self, kind: str) -> str:
        """One that is up; none while a trap is to do it."""
        if not self.wanted[kind] or kind == RELAY or (kind == WEB and self.wanted[WEB] % 2):
            return ""
        names = [name for name in self.site.commands() if name.startswith(kind)]
        self.bench.dice.shuffle(names)
        return next((name for name in names if self.site.is_ready(name)), "")

    def _arm(
        self, proxy: CuttingProxy, statement: bytes, kind: str, names: tuple[str, ...]
    ) -> None:
        def strike(port: int) -> bool:
            self.armed.discard(proxy)
            name = self.site.owner(port, names)
            struck = bool(name and self.wanted[kind] and self.site.kill(name))
            self._count(kind, struck)
            self.in_request += struck and kind == WEB
            return True

        if proxy not in self.armed:
            self.armed.add(proxy)
            proxy.arm(statement, self.bench.dice.choice(MOMENTS), strike)

    def _count(self, kind: str, struck: bool) -> None:
        self.wanted[kind] -= struck


def kill_processes(bench: Bench, result: Result) -> str:
    killing = Killing(bench)
    killing.run()
    left = {kind: count for kind, count in killing.wanted.items() if count}
    result.findings += [
        f"{kind}: {count} kills were not made in time" for kind, count in left.items()
    ]
    result.times = f"{sum(bench.plan.kills - killing.wanted[kind] for kind in KINDS)}"
    return f"{bench.plan.kills} of each; {killing.in_request} web servers with a choice in hand"
