"""The whole site as `make run` starts it, in a folder and on a port of its own."""

import http.cookiejar
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.environment import GIVEN
from tests.servers import free_port

BASE = Path(__file__).resolve().parent.parent
FIELD = re.compile(r'name="(csrfmiddlewaretoken|request_id|seen)" value="([^"]+)"')


def clean_environment(**values: str) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if k not in GIVEN and not k.startswith("TEST_")}
    return kept | {"LOG_LEVEL": "WARNING"} | values


def wait_for[T](condition: Callable[[], T], seconds: float = 30, what: str = "") -> T:
    """The first true value of the condition; AssertionError when the time is over."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, f"still not: {what or condition}"
        time.sleep(0.1)
    return value


@dataclass
class Site:
    process: subprocess.Popen[str]
    data: Path
    port: int
    log: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def password(self) -> str:
        found = re.search(r"password\s+(\w+)", self.output())
        assert found, self.output()
        return found[1]

    def output(self) -> str:
        return self.log.read_text()

    def health(self) -> dict[str, str]:
        try:
            with urllib.request.urlopen(f"{self.url}/readyz", timeout=10) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            return json.load(error)
        except OSError:
            return {}

    def children(self) -> dict[str, int]:
        """Process ids by the word in the command line that tells them apart."""
        words = {"_binaries": "broker", "demo_receiver": "receiver", "granian": "web"}
        words |= {" worker ": "worker", " beat ": "beat"}
        found: dict[str, int] = {}
        listing = subprocess.run(
            ["ps", "-ww", "--ppid", str(self.process.pid), "-o", "pid=,args="],  # whole lines
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        for line in listing.stdout.splitlines():
            pid, _, command = line.strip().partition(" ")
            name = next((name for word, name in words.items() if word in command), None)
            if name:
                found[name] = int(pid)
        return found

    def kill(self, name: str) -> None:
        os.kill(self.children()[name], signal.SIGKILL)

    def stored(self, member_ref: str) -> str | None:
        """What the demo's SQL store holds for a member."""
        return _one(
            self.data / "demo_store.sqlite3",
            "SELECT decision FROM privacydash_choices WHERE member_ref = ?",
            member_ref,
        )

    def manage(self, *arguments: str) -> str:
        """What a management command on the site's data prints."""
        return subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=BASE,
            env=clean_environment(PRIVACYDASH_DATA=str(self.data)),
            capture_output=True, text=True, check=True, timeout=120,
        ).stdout  # fmt: skip

    def stop(self) -> str:
        self.process.send_signal(signal.SIGINT)
        self.process.wait(40)
        return self.output()


def _one(path: Path, sql: str, *parameters: str) -> str | None:
    if not path.exists():
        return None
    connection = sqlite3.connect(path, timeout=10)
    try:
        row = connection.execute(sql, parameters).fetchone()
    except sqlite3.OperationalError:
        return None  # the table is not there yet
    finally:
        connection.close()
    return row[0] if row else None


@contextmanager
def running_site(data: Path, **environment: str) -> Iterator[Site]:
    port = int(environment.pop("PORT", free_port()))
    log = data.with_name(f"{data.name}.log")
    with log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "privacydash.run"],
            cwd=BASE,
            env=clean_environment(PORT=str(port), PRIVACYDASH_DATA=str(data), **environment),
            stdout=output,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
    site = Site(process, data, port, log)
    try:
        wait_for(lambda: "Ctrl-C stops" in site.output() or process.poll() is not None, 90)
        assert process.poll() is None, site.output()
        yield site
    finally:
        if process.poll() is None:
            site.stop()


class Browser:
    """A member's browser without JavaScript: cookies, forms, redirects."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.opener = urllib.request.build_opener(
            urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
        )

    def get(self, path: str) -> str:
        with self.opener.open(self.site.url + path, timeout=30) as answer:
            return answer.read().decode()

    def post(self, path: str, page: str, **values: str) -> str:
        """Send the hidden fields of the page's form, and these values."""
        data = urllib.parse.urlencode({**dict(FIELD.findall(page)), **values}).encode()
        with self.opener.open(self.site.url + path, data, timeout=30) as answer:
            return answer.read().decode()

    def sign_in(self, email: str) -> str:
        page = self.get("/accounts/login/")
        return self.post("/accounts/login/", page, login=email, password=self.site.password)

    def choose(self, decision: str) -> str:
        return self.post("/choose/", self.get("/"), decision=decision)
