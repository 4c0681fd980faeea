"""The site under test: web, workers and beat as processes, and what they work with."""

import contextlib
import json
import os
import secrets
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import psycopg

from tests.faults.proxy import CuttingProxy
from tests.faults.receiver import SECRET, FaultyReceiver
from tests.faults.servers import Postgres, Valkey, answers
from tests.servers import _die_with_parent, free_port

BASE = Path(__file__).resolve().parent.parent.parent
GIVEN = ("DATABASE_URL", "CELERY_BROKER_URL", "SECRET_KEY", "ALLOWED_HOSTS", "PORT", "EMAIL_HOST")
QUEUE = "faults"
PURPOSE = "genai-training"
STORE_TIMEOUT = 2.0
"""Seconds that a store may take for a batch."""
SQL, REDIS, WEBHOOK = "profiles", "features", "affiliates"

type Key = tuple[str, str]
type Held = dict[Key, tuple[int, str]]
"""What a store holds: ``(revision, decision)`` for each ``(member_ref, purpose)``."""


class NotRecovered(Exception):
    """Something did not come back within its time; the message says what."""


def until(condition: Callable[[], Any], seconds: float, what: str, every: float = 0.1) -> Any:
    """The first true value; raises `NotRecovered`."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise NotRecovered(f"{what}: not within {seconds:g} s")
        time.sleep(every)
    return value


class Site:
    """Servers, stores and processes. Start servers in the main thread: they end with it."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder = folder
        self.stack = stack
        self.postgres = Postgres(folder / "postgres", stack)
        self.broker = Valkey(folder / "broker", durable=False)
        self.redis_server = Valkey(folder / "store", durable=True)
        for server in (self.postgres, self.broker, self.redis_server):
            stack.callback(server.stop)
            server.start()
        for name in ("site", "stores"):
            self.postgres.create(name)
        self.proxy = CuttingProxy(self.postgres.port)
        stack.callback(self.proxy.close)
        self.receiver = FaultyReceiver(folder / "receiver.sqlite3")
        stack.callback(lambda: self.receiver.close())  # noqa: PLW0108  the one of then
        # In front of the stores, to strike at who writes to them.
        self.store_proxies = {
            SQL: CuttingProxy(self.postgres.port),
            REDIS: CuttingProxy(self.redis_server.port),
            WEBHOOK: CuttingProxy(self.receiver.port),
        }
        for proxy in self.store_proxies.values():
            stack.callback(proxy.close)
        self.port = free_port()
        self.broker_url = self.broker.url
        self.secret_key = secrets.token_urlsafe(48)
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.starts: dict[str, int] = {}
        self.killed: set[int] = set()
        self.ended: list[str] = []
        """Processes that ended without being killed."""
        self.keeping = threading.RLock()
        self.closing = threading.Event()
        self.keeper = threading.Thread(target=self._keep, name="keeper", daemon=True)
        stack.callback(self.close)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def site_database(self) -> str:
        """The site's database, past the proxy."""
        return self.postgres.url("site")

    def stores(self) -> dict[str, Any]:
        ports = {alias: proxy.port for alias, proxy in self.store_proxies.items()}
        return {
            SQL: {
                "BACKEND": "propagation.stores.sql.SqlStore",
                "LABEL": "Member profiles",
                "SLA": 900,
                "OPTIONS": {
                    "url": self.postgres.url("stores", ports[SQL]),
                    "timeout": STORE_TIMEOUT,
                    "connect_timeout": STORE_TIMEOUT,
                },
            },
            REDIS: {
                "BACKEND": "propagation.stores.redis.RedisStore",
                "LABEL": "Recommendation features",
                "SLA": 900,
                "OPTIONS": {
                    "url": f"redis://127.0.0.1:{ports[REDIS]}/0",
                    "timeout": STORE_TIMEOUT,
                },
            },
            WEBHOOK: {
                "BACKEND": "propagation.stores.webhook.WebhookStore",
                "LABEL": "Affiliated companies",
                "SLA": 900,
                "OPTIONS": {
                    "url": f"http://127.0.0.1:{ports[WEBHOOK]}/choices",
                    "secrets": [SECRET],
                    "allow_private": True,
                    "timeout": STORE_TIMEOUT,
                },
            },
        }

    def environment(self, *, direct: bool = False, **values: str) -> dict[str, str]:
        """``direct``: not through the proxy, for the suite's own commands."""
        kept = {k: v for k, v in os.environ.items() if k not in GIVEN and not k.startswith("TEST_")}
        port = self.postgres.port if direct else self.proxy.port
        return kept | {
            "DJANGO_SETTINGS_MODULE": "privacydash.settings",
            "PRIVACYDASH_MODE": "embedded",
            "PRIVACYDASH_DATA": str(self.folder / "data"),
            "DATABASE_URL": self.postgres.url("site", port),
            "CELERY_BROKER_URL": self.broker_url,
            "CELERY_QUEUE": QUEUE,
            "DATA_STORES": json.dumps(self.stores()),
            "SECRET_KEY": self.secret_key,
            "PORT": str(self.port),
            "LOG_LEVEL": "WARNING",
            **values,
        }

    # processes ---------------------------------------------------------------------------

    def commands(self) -> dict[str, list[str]]:
        celery = [sys.executable, "-m", "celery", "--quiet", "-A", "tests.faults.worker"]
        worker = [*celery, "worker", "--pool", "threads", "--concurrency", "4"]
        worker += ["--without-mingle", "--without-gossip", "--loglevel", "info"]
        web = [sys.executable, "-m", "granian", "privacydash.wsgi:application", "--interface"]
        web += ["wsgi", "--host", "127.0.0.1", "--port", str(self.port), "--workers", "1"]
        web += ["--blocking-threads", "4", "--log-level", "warning"]
        return {
            "web": web,
            "worker-1": [*worker, "--hostname", "one@faults"],
            "worker-2": [*worker, "--hostname", "two@faults"],
            "beat": [*celery, "beat", "--loglevel", "info", "--pidfile", ""],
        }

    def start(self, name: str) -> None:
        self.starts[name] = self.starts.get(name, 0) + 1
        self.log(name).parent.mkdir(exist_ok=True)
        with self.log(name).open("wb") as log:
            self.processes[name] = subprocess.Popen(
                self.commands()[name],
                cwd=BASE,
                env=self.environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=lambda: _die_with_parent(signal.SIGKILL),  # noqa: PLW1509
            )

    def log(self, name: str) -> Path:
        """A file for each start, so that "ready" in it is of this process."""
        return self.folder / "logs" / f"{name}.{self.starts.get(name, 0):03}.log"

    def start_all(self) -> None:
        """Start all processes, and from then on any that ends, as a service manager does."""
        if not self.keeper.is_alive():
            self.keeper.start()
        for name in self.commands():
            self.wait_until_ready(name)

    def _keep(self) -> None:
        """The one thread that starts processes: they end when it does."""
        while not self.closing.wait(0.02):
            with self.keeping:
                for name in self.commands():
                    process = self.processes.get(name)
                    if process and process.poll() is not None and process.pid not in self.killed:
                        self.ended.append(name)
                    if process is None or process.poll() is not None:
                        self.start(name)

    def is_ready(self, name: str) -> bool:
        """Up and at work, as far as one sees from outside."""
        process = self.processes.get(name)
        if process is None or process.poll() is not None:
            return False
        if name == "web":
            return answers(f"{self.url}/healthz")
        said = self.log(name).read_text(errors="replace")
        return (" ready" if name.startswith("worker") else "beat: Starting") in said

    def wait_until_ready(self, name: str, seconds: float = 30) -> None:
        until(lambda: self.is_ready(name), seconds, f"{name} ready", 0.05)

    def kill(self, name: str) -> bool:
        """SIGKILL to the process and its children, at once; False if it has ended already."""
        with self.keeping:
            process = self.processes[name]
            if process.poll() is not None:
                return False
            self.killed.add(process.pid)
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        return True

    def close(self) -> None:
        self.closing.set()
        with self.keeping:
            for name in self.processes:
                self.kill(name)

    def restart_all(self) -> None:
        with self.keeping:
            for name in self.processes:
                self.kill(name)
                self.start(name)
        for name in self.commands():
            self.wait_until_ready(name)

    def owner(self, port: int, names: tuple[str, ...]) -> str:
        """Which of the processes has the local end of a TCP connection at this port."""
        ends = (line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:])
        ours = {f"socket:[{e[9]}]" for e in ends if int(e[1].rpartition(":")[2], 16) == port}
        for name in names:
            group = os.getpgid(self.processes[name].pid) if self.is_alive(name) else 0
            for pid in _group(group):
                with contextlib.suppress(OSError):
                    if any(os.readlink(fd) in ours for fd in Path(f"/proc/{pid}/fd").iterdir()):
                        return name
        return ""

    def is_alive(self, name: str) -> bool:
        process = self.processes.get(name)
        return process is not None and process.poll() is None

    def manage(self, *words: str, **values: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *words],
            cwd=BASE,
            env=self.environment(direct=True, **values),
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    # what is in the stores, read without the code under test -------------------------------

    def held(self, alias: str) -> Held:
        if alias == SQL:
            return sql_held(self.postgres.url("stores"))
        if alias == REDIS:
            with self.redis_server.client() as client:
                return redis_held(client)
        return self.receiver.held()

    @contextmanager
    def database(self) -> Iterator[psycopg.Connection[Any]]:
        with psycopg.connect(self.site_database, autocommit=True, connect_timeout=2) as connection:
            yield connection

    def query(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        with self.database() as connection:
            cursor = connection.execute(sql, values)
            return cursor.fetchall() if cursor.description else []

    def head(self) -> int:
        return int(self.query("SELECT coalesce(sum(position), 0) FROM ledger_head")[0][0])

    def behind(self) -> dict[str, int]:
        """Choices that each store has not confirmed, the unsealed ones among them."""
        rows = self.query("""
            SELECT c.store, (SELECT count(*) FROM ledger_entry e
                WHERE e."partition" = c."partition" AND (e.position IS NULL
                    OR e.position > c.position))
            FROM propagation_cursor c""")
        return dict(rows)

    def parked(self, alias: str) -> list[tuple[str, int]]:
        rows = self.query(
            "SELECT member_ref, revision FROM propagation_parked"
            " WHERE store = %s AND confirmed_at IS NULL",
            alias,
        )
        return [(ref, revision) for ref, revision in rows]

    def wait_until_carried(self, aliases: tuple[str, ...], seconds: float) -> float:
        """Wait until the stores confirm what is in the ledger now; return the seconds it took."""
        started = time.monotonic()
        counted = "SELECT count(*) FROM ledger_entry"
        target = until(lambda: _quietly(lambda: self.query(counted)), 20, "the database answers")
        total = target[0][0]

        def carried() -> bool:
            rows = dict(self.query("SELECT store, position FROM propagation_cursor"))
            return all(rows.get(alias, 0) >= total for alias in aliases)

        until(lambda: _quietly(carried), seconds, f"{', '.join(aliases)} have {total} choices")
        return time.monotonic() - started


def _group(number: int) -> Iterator[int]:
    """The processes of a process group."""
    for folder in Path("/proc").glob("[0-9]*") if number else ():
        with contextlib.suppress(OSError):
            if os.getpgid(int(folder.name)) == number:
                yield int(folder.name)


def _quietly(ask: Callable[[], Any]) -> Any:
    try:
        return ask()
    except psycopg.OperationalError:
        return None


def sql_held(url: str) -> Held:
    with psycopg.connect(url, connect_timeout=2) as connection:
        rows = connection.execute(
            "SELECT member_ref, purpose, revision, decision FROM privacydash_choices"
        )
        return {(ref, purpose): (revision, word) for ref, purpose, revision, word in rows}


def redis_held(client: Any, prefix: str = "privacydash:") -> Held:
    names = list(client.scan_iter(f"{prefix}*", count=1000))
    with client.pipeline(transaction=False) as pipeline:
        for name in names:
            pipeline.hmget(name, "revision", "decision")
        found = pipeline.execute()
    held: Held = {}
    for name, (revision, decision) in zip(names, found, strict=True):
        purpose, _, ref = name.decode().removeprefix(prefix).partition(":")
        if revision is not None:  # else it went between the two looks
            held[ref, purpose] = (int(revision), decision.decode())
    return held
