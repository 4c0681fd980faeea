"""From the click to the confirmation of three stores: real web server, worker and beat.

Members object at a steady rate. A click is the moment at which the request is sent; the choice has
arrived when the last of the stores has confirmed it. All of it is on one machine with one clock.
"""

import json
import os
import queue
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from statistics import quantiles
from typing import Any
from urllib.parse import parse_qs
from uuid import UUID

from bench.choices import site
from bench.load import Client
from bench.people import objections
from ledger.models import Entry
from propagation.models import Confirmation

RATE = 50  # clicks a second
SECONDS = 30
CLIENTS = 8
PATIENCE = 60.0  # seconds


def measure(folder: Path) -> str:
    """One line: the median and the 99th percentile."""
    stores = json.loads(os.environ["DATA_STORES"])
    stores["sqlite"] = stores["postgresql"] | {
        "OPTIONS": {"url": f"sqlite:///{folder / 'arriving.sqlite3'}"}
    }
    requests = objections(RATE * SECONDS)
    with site(folder, stores) as port, _workers(folder, stores):
        time.sleep(5)  # the worker is up, and has carried what was there before
        clicked = _click(port, requests)
        took = sorted(_arrived(clicked, list(stores)))
    cuts = quantiles(took, n=100)
    return (
        f"- Click to confirmed in three stores ({', '.join(stores)}) at {RATE} choices a second: "
        f"p50 {cuts[49]:.2f} s, p99 {cuts[98]:.2f} s, worst {took[-1]:.2f} s of {len(took):,}"
    )


@contextmanager
def _workers(folder: Path, stores: dict[str, Any]) -> Iterator[None]:
    celery = [sys.executable, "-m", "celery", "-A", "privacydash"]
    threads = ["--pool", "threads", "--concurrency", "4", "--without-mingle", "--without-gossip"]
    environment = os.environ | {"DATA_STORES": json.dumps(stores)}
    with (folder / "workers.log").open("wb") as log:
        running = [
            subprocess.Popen([*celery, *what], env=environment, stdout=log, stderr=log)
            for what in (["worker", *threads], ["beat", "--pidfile", ""])
        ]
    try:
        yield
    finally:
        for process in running:
            process.terminate()
        for process in running:
            process.wait(30)


def _click(port: int, requests: list[bytes]) -> dict[UUID, datetime]:
    """Send each request when it is due; gives when each was sent, by its request id."""
    idle: queue.Queue[Client] = queue.Queue()
    for _ in range(CLIENTS):
        idle.put(Client(port))
    start = time.monotonic()

    def send(number: int) -> tuple[UUID, datetime]:
        time.sleep(max(0.0, start + number / RATE - time.monotonic()))
        client = idle.get()
        at = datetime.now(UTC)
        client.send(requests[number])
        while not client.answer():
            pass
        idle.put(client)
        body = parse_qs(requests[number].rpartition(b"\r\n")[2].decode())
        return UUID(body["request_id"][0]), at

    with ThreadPoolExecutor(CLIENTS) as pool:
        return dict(pool.map(send, range(len(requests))))


def _arrived(clicked: dict[UUID, datetime], stores: list[str]) -> Iterator[float]:
    """Seconds from each click to the last confirmation."""
    deadline = time.monotonic() + PATIENCE
    while Entry.objects.filter(request_id__in=clicked, position=None).exists():
        _wait(deadline)
    entries = list(Entry.objects.filter(request_id__in=clicked))
    last = max(entry.position or 0 for entry in entries)
    confirmations = []
    for store in stores:
        passed = Confirmation.objects.filter(store=store, partition=0).order_by("position")
        while not passed.filter(position__gte=last).exists():
            _wait(deadline)
        confirmations.append(list(passed.values_list("position", "confirmed_at")))
    for entry in entries:
        at = max(
            next(at for position, at in of_store if position >= (entry.position or 0))
            for of_store in confirmations
        )
        yield (at - clicked[entry.request_id]).total_seconds()


def _wait(deadline: float) -> None:
    if time.monotonic() > deadline:
        raise SystemExit("Not all choices arrived; see workers.log.")
    time.sleep(0.2)
