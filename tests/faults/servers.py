"""Servers that can be killed and started again on the same port, with what they had on disk."""

import contextlib
import http.client
import json
import os
import shutil
import signal
import subprocess
import time
import urllib.request
from abc import ABC, abstractmethod
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import amqp
import psycopg
import redis

from tests.servers import (
    ServerMissingError,
    _die_with_parent,
    _home_for_postgres,
    _init_postgres,
    _postgres_binaries,
    _postgres_settings,
    _valkey_binary,
    free_port,
)

START_SECONDS = 60
HOST = "127.0.0.1"


class Server(ABC):
    """A server process of the suite's own. Start it in the main thread: it ends with that."""

    name: str
    identity: dict[str, Any] = {}  # noqa: RUF012  replaced, never changed

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None

    @property
    @abstractmethod
    def command(self) -> list[str]: ...

    @abstractmethod
    def ping(self) -> None:
        """Return if the server can be worked with; raise whatever it is that stands against it."""

    def environment(self) -> dict[str, str]:
        return dict(os.environ)

    def start(self, wait: bool = True) -> None:
        with (self.folder / f"{self.name}.log").open("ab") as log:
            self.process = subprocess.Popen(
                self.command,
                cwd=self.folder,
                env=self.environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=lambda: _die_with_parent(signal.SIGKILL),  # noqa: PLW1509
                **self.identity,
            )
        if wait:
            self.wait_until_up()

    def wait_until_up(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                self.ping()
            except Exception as error:
                ended = self.process is None or self.process.poll() is not None
                if ended or time.monotonic() > deadline:
                    raise ServerMissingError(f"{self.name} does not start: {error}") from error
                time.sleep(0.05)
            else:
                return

    def signal(self, number: signal.Signals) -> None:
        assert self.process
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)
        self.process.wait()

    def kill(self) -> None:
        self.signal(signal.SIGKILL)

    def stop(self) -> None:
        if self.process and self.process.poll() is None:
            self.kill()


class Postgres(Server):
    """Durable: fsync and synchronous_commit are on."""

    name = "postgres"

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        super().__init__(folder)
        folder.chmod(0o755)
        self.home, self.identity = stack.enter_context(_home_for_postgres(folder))
        self.binaries = _postgres_binaries(self.identity)
        self.data = self.home / "postgres"
        _init_postgres(self.binaries, self.data, self.identity)

    @property
    def command(self) -> list[str]:
        command = [str(self.binaries / "postgres"), "-D", str(self.data), "-p", str(self.port)]
        for setting in _postgres_settings(durable=True):
            command += ["-c", setting]
        return command

    def url(self, database: str = "postgres", port: int | None = None) -> str:
        return f"postgresql://postgres@{HOST}:{port or self.port}/{database}"

    def ping(self) -> None:
        psycopg.connect(self.url(), connect_timeout=2).close()

    def create(self, database: str) -> None:
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {database} TEMPLATE template0 ENCODING 'UTF8'")

    def stop_immediately(self) -> None:
        """PostgreSQL's "immediate" stop: no checkpoint, no goodbye; it recovers at its start."""
        assert self.process
        self.process.send_signal(signal.SIGQUIT)
        self.process.wait()

    def stop(self) -> None:
        if self.process and self.process.poll() is None:
            self.stop_immediately()


class Valkey(Server):
    """``durable``: what it has acknowledged is in its append-only file."""

    name = "valkey"

    def __init__(self, folder: Path, *, durable: bool) -> None:
        super().__init__(folder)
        self.durable = durable

    @property
    def command(self) -> list[str]:
        options = {
            "port": self.port,
            "bind": HOST,
            "dir": self.folder,
            "save": "",
            "appendonly": "yes" if self.durable else "no",
        }
        words = [str(word) for key in options for word in (f"--{key}", options[key])]
        return [str(_valkey_binary()), *words]

    @property
    def url(self) -> str:
        return f"redis://{HOST}:{self.port}/0"

    def ping(self) -> None:
        with self.client() as client:
            client.ping()

    def client(self) -> redis.Redis:
        return redis.Redis.from_url(self.url, socket_timeout=5, retry=None)

    def empty(self) -> None:
        with self.client() as client:
            client.flushall()


class RabbitMQ(Server):
    """A node with its own name, ports, folders, cookie and port mapper (epmd)."""

    name = "rabbitmq"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.distribution, self.mapper = free_port(), free_port()
        self.program = _rabbitmq_program()
        self.epmd: subprocess.Popen[bytes] | None = None
        (folder / "rabbitmq.conf").write_text(
            f"listeners.tcp.default = {HOST}:{self.port}\nloopback_users.guest = true\n"
            "log.file = false\nlog.console = true\nlog.console.level = warning\n"
        )
        (folder / "enabled_plugins").write_text("[].")
        (folder / "environment").touch()

    @property
    def command(self) -> list[str]:
        return [str(self.program)]

    @property
    def url(self) -> str:
        return f"amqp://guest:guest@{HOST}:{self.port}/"

    def environment(self) -> dict[str, str]:
        folder = self.folder
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("RABBITMQ_", "ERL_"))}
        return kept | {
            "HOME": str(folder),
            "ERL_EPMD_PORT": str(self.mapper),
            "ERL_EPMD_ADDRESS": HOST,
            "RABBITMQ_NODENAME": f"faults-{os.getpid()}@localhost",
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_NODE_IP_ADDRESS": HOST,
            "RABBITMQ_DIST_PORT": str(self.distribution),
            "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
            "RABBITMQ_CONF_ENV_FILE": str(folder / "environment"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
            "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
            "RABBITMQ_LOG_BASE": str(folder / "logs"),
            "RABBITMQ_PID_FILE": str(folder / "pid"),
            "RABBITMQ_GENERATED_CONFIG_DIR": str(folder / "generated"),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 1:1 +sbwt none",
        }

    def start(self, wait: bool = True) -> None:
        if self.epmd is None:
            # Ours, in the foreground: Erlang would leave one behind that nobody ends.
            self.epmd = subprocess.Popen(
                [_program("epmd"), "-port", str(self.mapper), "-address", HOST],
                env=self.environment(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
                preexec_fn=lambda: _die_with_parent(signal.SIGKILL),  # noqa: PLW1509
            )
        super().start(wait)

    def ping(self) -> None:
        where = f"{HOST}:{self.port}"
        with amqp.Connection(where, "guest", "guest", connect_timeout=5, read_timeout=5):
            pass

    def purge(self, queue: str) -> int:
        where = f"{HOST}:{self.port}"
        with amqp.Connection(where, "guest", "guest", connect_timeout=5) as connection:
            return int(connection.channel().queue_purge(queue))

    def stop(self) -> None:
        super().stop()
        if self.epmd:
            self.epmd.kill()
            self.epmd.wait()


def _program(name: str) -> str:
    paths = f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin"
    found = shutil.which(name, path=paths)
    if found is None:
        raise ServerMissingError(f"no program {name}")
    return found


def _rabbitmq_program() -> Path:
    """The server's own script: the one in the path is Debian's, which changes the user."""
    wrapper = Path(_program("rabbitmq-server"))
    own = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
    return own if own.exists() else wrapper


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            json.load(answer)
    except (OSError, ValueError, http.client.HTTPException):
        return False
    return True
