"""Choice POSTs through the whole stack, against pgbench making the same writes.

Ours: real requests of signed-in members, each with session, CSRF token, request id and what the
page showed, over keep-alive connections to Granian, each answered after its commit. Theirs: the
site's own statement with a random member, sent by pgbench with as many clients.
"""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from bench.load import Client, drive
from bench.machine import pgbench
from bench.people import objections
from bench.table import Row
from ledger.append import _APPEND
from ledger.models import CurrentChoice, Entry
from tests.servers import free_port

CLIENTS = 8
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "3"))
SECONDS = 5.0
WARM_UP = 2.0
MEMBERS = 10_000
"""Made anew for each round: more than a round can use."""
WORKERS = 2
THREADS = 4
SHAPE = f"Granian, {WORKERS} workers of {THREADS} threads"

RANDOM_MEMBER = r"\set member random(1, 1000000000000)" "\n"
LITERALS = {
    "member_ref": "'pgbench-:member'",
    "purpose": "'genai-training'",
    "decision": "'objected'",
    "recorded_at": "now()",
    "request_id": "lpad(to_hex(:member), 32, '0')::uuid",
    "expected_revision": "NULL",
    "partition": "0",
    "channel": "'dashboard'",
    "notice_version": "1",
    "notice_language": "'de'",
    "evidence_sha256": "NULL",
}


def measure(database: str, folder: Path) -> Row:
    script = folder / "choice.pgbench"
    script.write_text(RANDOM_MEMBER + " ".join((_APPEND % LITERALS).split()) + ";\n")
    ours, theirs = [], []
    with site(folder) as port:
        _post(port, WARM_UP)
        _pgbench(database, script, WARM_UP)
        for _ in range(ROUNDS):
            theirs.append(_pgbench(database, script, SECONDS))
            ours.append(_post(port, SECONDS))
    return Row("choice POSTs, whole stack", "pgbench, same statement", ours, theirs, 0.30)


def measure_stores(folder: Path) -> Row:
    """The same POSTs with ten data stores and with one: the request knows none of them."""
    ours, theirs = [], []
    with site(folder, _stores(10)) as ten, site(folder, _stores(1)) as one:
        for port in (ten, one):
            _post(port, WARM_UP)
        for _ in range(ROUNDS):
            theirs.append(_post(one, SECONDS))
            ours.append(_post(ten, SECONDS))
    return Row("choice POSTs, ten stores", "the same, one store", ours, theirs, 0.90)


def _stores(count: int) -> dict[str, dict[str, Any]]:
    (entry, *_others) = json.loads(os.environ["DATA_STORES"]).values()
    return {f"store-{number}": entry for number in range(count)}


@contextmanager
def site(folder: Path, stores: dict[str, dict[str, Any]] | None = None) -> Iterator[int]:
    """The site's production server, on the yielded port; with other data stores if given."""
    port = free_port()
    environment = os.environ | ({"DATA_STORES": json.dumps(stores)} if stores else {})
    command = [
        *(sys.executable, "-m", "granian", "privacydash.wsgi:application", "--interface", "wsgi"),
        *("--host", "127.0.0.1", "--port", str(port), "--log-level", "warning"),
        *("--workers", str(WORKERS), "--blocking-threads", str(THREADS)),
    ]
    with (folder / f"web-{port}.log").open("wb") as log:
        process = subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
    try:
        _wait_until_up(process, port)
        yield port
    finally:
        process.terminate()
        process.wait(20)


def _wait_until_up(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + 30
    while process.poll() is None and time.monotonic() < deadline:
        with suppress(OSError):
            Client(port).socket.close()
            return
        time.sleep(0.1)
    raise SystemExit("The web server did not start.")


def _post(port: int, seconds: float) -> float:
    """Objections a second; fails unless the ledger then has exactly those that were answered."""
    requests = objections(MEMBERS)
    before = Entry.objects.count(), CurrentChoice.objects.count()
    load = drive(port, iter(requests), CLIENTS, seconds)
    after = Entry.objects.count(), CurrentChoice.objects.count()
    if after != tuple(count + load.answered for count in before):
        raise SystemExit(f"{load.answered} were told 'saved', but {before} became {after}.")
    return load.rate


def _pgbench(database: str, script: Path, seconds: float) -> float:
    command = [pgbench(), "--no-vacuum", "--client", str(CLIENTS), "--jobs", "2"]
    command += ["--time", str(round(seconds)), "--file", str(script), database]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    found = re.search(r"^tps = ([\d.]+)", said, re.MULTILINE)
    if not found or "number of failed transactions: 0 " not in said:
        raise SystemExit(f"pgbench said:\n{said}")
    return float(found[1])
