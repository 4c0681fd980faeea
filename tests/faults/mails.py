"""A campaign of mails, with its sender and the mail server killed again and again.

It works on a database and a mail server of its own. What arrived is compared with what was to be
sent: none may be missing, and no more may have come twice than were on their way at a kill.
"""

import os
import signal
import smtplib
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import psycopg

from tests.faults.report import Result
from tests.faults.run import Bench
from tests.faults.site import BASE, NotRecovered, until
from tests.servers import _die_with_parent, free_port

DATABASE = "mails"
SECONDS = 480.0


class Mailing:
    """The campaign, its processes, and what was on its way whenever one was killed."""

    def __init__(self, bench: Bench) -> None:
        self.bench, self.site = bench, bench.site
        self.site.postgres.create(DATABASE)
        self.url = self.site.postgres.url(DATABASE)
        self.port = free_port()
        self.received = self.site.folder / "received-mails"
        self.received.touch()
        self.log = (self.site.folder / "logs" / "mails.log").open("ab")
        self.in_hand: set[tuple[int, str]] = set()
        self.server_kills = 0
        values = {
            "DATABASE_URL": self.url,
            "CELERY_BROKER_URL": "memory://",
            "EMAIL_HOST": "127.0.0.1",
            "EMAIL_PORT": str(self.port),
            "EMAIL_USE_TLS": "false",
            # A killed sender keeps its place until its lease ends.
            "MAIL_CONNECTIONS": "20",
        }
        self.environment = self.site.environment(direct=True, **values)
        made = self.site.manage(
            "-m", "tests.faults.mail_sender", "prepare", str(bench.plan.mails), **values
        )
        assert not made.returncode, made.stderr[-2000:]
        self.server = self._start_server()
        self.senders = self._start("tests.faults.mail_sender")
        self.sender = 0
        self._start_sender()

    def _start(self, *arguments: str) -> "subprocess.Popen[bytes]":
        process = subprocess.Popen(
            [sys.executable, "-m", *arguments],
            cwd=BASE,
            env=self.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.log,
            preexec_fn=lambda: _die_with_parent(signal.SIGKILL),  # noqa: PLW1509
        )
        self.site.stack.callback(process.kill)
        return process

    def _start_server(self) -> "subprocess.Popen[bytes]":
        process = self._start("tests.faults.mail_server", str(self.port), str(self.received))
        until(self._answers, 30, "the mail server answers")
        return process

    def _start_sender(self) -> None:
        assert self.senders.stdin
        assert self.senders.stdout
        self.senders.stdin.write(b"another\n")
        self.senders.stdin.flush()
        self.sender = int(self.senders.stdout.readline() or 0)

    def _answers(self) -> bool:
        try:
            with smtplib.SMTP("127.0.0.1", self.port, timeout=2):
                return True
        except OSError:
            return False

    def arrived(self) -> int:
        return self.received.stat().st_size and len(self.received.read_bytes().splitlines())

    @property
    def on_their_way(self) -> int:
        return len(self.in_hand) + self.server_kills

    def kill_sender(self) -> None:
        if not self.sender:
            return  # they have come to their end
        os.kill(self.sender, signal.SIGKILL)
        with psycopg.connect(self.url) as connection:
            rows = connection.execute(
                "SELECT id, lease::text FROM campaigns_recipient WHERE state = 'sending'"
                " AND in_hand AND sent_at IS NULL"
            )
            self.in_hand.update(rows)
        self._start_sender()

    def kill_server(self) -> None:
        self.server.kill()
        self.server.wait()
        self.server_kills += 1
        self.server = self._start_server()


def mails_under_kills(bench: Bench, result: Result) -> str:
    plan = bench.plan
    bench.crowd.rest()  # the members only take turns of the processor here
    mailing = Mailing(bench)
    kills = ["sender"] * plan.sender_kills + ["server"] * plan.mail_server_kills
    bench.dice.shuffle(kills)
    deadline = time.monotonic() + SECONDS
    step = plan.mails / (len(kills) + 2)
    made: Counter[str] = Counter()
    for number, what in enumerate(kills, start=1):
        # Each at a moment at which mails are on their way.
        goal = (number - 0.5 + bench.dice.random()) * step
        before = mailing.arrived()
        while (now := mailing.arrived()) < goal or now == before:
            if time.monotonic() > deadline or mailing.senders.poll() is not None:
                break
            time.sleep(0.01)
        if mailing.senders.poll() is not None:
            break
        made[what] += 1
        mailing.kill_sender() if what == "sender" else mailing.kill_server()
    try:
        mailing.senders.wait(max(deadline - time.monotonic(), 30))
    except subprocess.TimeoutExpired:
        raise NotRecovered(f"{mailing.arrived()} of {plan.mails} mails were sent in time") from None
    result.times = f"{made['sender']} + {made['server']}"
    return _compare(mailing, result)


def _compare(mailing: Mailing, result: Result) -> str:
    plan = mailing.bench.plan
    received = Counter(mailing.received.read_text().split())
    with psycopg.connect(mailing.url) as connection:
        states = dict(
            connection.execute("SELECT state, count(*) FROM campaigns_recipient GROUP BY state")
        )
        reported = connection.execute(
            "SELECT count(*) FROM campaigns_recipient WHERE possibly_doubled"
        ).fetchone()
        told = connection.execute(
            "SELECT count(*) FROM consent_told WHERE mailed_at IS NOT NULL"
        ).fetchone()
    assert reported
    doubled = sum(count - 1 for count in received.values())
    missing = plan.mails - len(received)
    if mailing.senders.returncode:
        log = Path(mailing.log.name).read_text()
        result.findings.append(f"the sender ended with {mailing.senders.returncode}: {log[-300:]}")
    if missing:
        result.findings.append(f"{missing} mails were never sent")
    if states != {"sent": plan.mails} or told != (plan.mails,):
        result.findings.append(f"written down: {states}, told: {told}")
    if doubled > mailing.on_their_way:
        result.findings.append(f"{doubled} doubled, {mailing.on_their_way} were on their way")
    if doubled > reported[0]:
        result.findings.append(f"{doubled} doubled, and only {reported[0]} reported as possibly so")
    return (
        f"{plan.mails:,} mails, {max(missing, 0)} not sent; {doubled} came twice, of "
        f"{mailing.on_their_way:,} on their way at the kills; {reported[0]:,} reported as possibly "
        "doubled"
    )
