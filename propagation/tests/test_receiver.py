"""The demo's webhook receiver, over HTTP, and as a process."""

import base64
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import Webhook

from propagation.receiver import Receiver, serve
from tests.servers import free_port

SECRET = "whsec_" + base64.b64encode(b"s" * 32).decode()
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[Receiver]:
    receiver = Receiver("127.0.0.1", 0, SECRET, tmp_path / "received.db")
    thread = threading.Thread(target=receiver.serve_forever, args=[0.02])
    thread.start()
    yield receiver
    receiver.shutdown()
    receiver.server_close()
    thread.join()


def item(**changes: Any) -> dict[str, Any]:
    return {
        "member_ref": "m1",
        "purpose": "genai-training",
        "decision": "objected",
        "revision": 1,
        "changed_at": "2026-03-01T12:00:00+00:00",
    } | changes


def message(*items: dict[str, Any]) -> bytes:
    body = {"type": "choices.changed", "timestamp": "2026-03-01T12:00:00Z"}
    return json.dumps(body | {"data": {"choices": items}}).encode()


def signed(body: bytes, when: datetime | None = None, secret: str = SECRET) -> dict[str, str]:
    """Headers as the public package makes them."""
    when = when or datetime.now(UTC)
    return {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(int(when.timestamp())),
        "webhook-signature": Webhook(secret).sign("msg_1", when, body.decode()),
    }


def post(receiver: Receiver, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
    url = f"http://127.0.0.1:{receiver.server_address[1]}/"
    request = urllib.request.Request(url, body, headers)
    try:
        with urllib.request.urlopen(request, timeout=10) as response:
            return response.status, response.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def kept(receiver: Receiver) -> list[tuple[Any, ...]]:
    with sqlite3.connect(receiver.path) as database:
        return database.execute("SELECT member_ref, decision, revision FROM choices").fetchall()


def test_keeps_a_signed_batch(receiver: Receiver) -> None:
    body = message(item(), item(member_ref="m2", decision="allowed", revision=4))
    assert post(receiver, body, signed(body)) == (204, b"")
    assert kept(receiver) == [("m1", "objected", 1), ("m2", "allowed", 4)]


def test_the_highest_revision_wins(receiver: Receiver) -> None:
    for revision, decision in [(2, "allowed"), (3, "objected"), (1, "allowed"), (3, "allowed")]:
        body = message(item(revision=revision, decision=decision))
        assert post(receiver, body, signed(body))[0] == 204
    assert kept(receiver) == [("m1", "objected", 3)]


def test_one_of_two_signatures_is_enough(receiver: Receiver) -> None:
    body = message(item())
    headers = signed(body)
    headers["webhook-signature"] = f"v1,bm8= v1a,xx {headers['webhook-signature']}"
    assert post(receiver, body, headers)[0] == 204


@pytest.mark.parametrize(
    "change",
    [
        {"webhook-signature": ""},
        {"webhook-signature": "v1,bm8="},
        {"webhook-signature": "v1,\u00ff"},
        {"webhook-id": "msg_2"},
        {"webhook-timestamp": "soon"},
        {"webhook-timestamp": "1700000000"},
    ],
)
def test_refuses_what_is_not_genuine(receiver: Receiver, change: dict[str, str]) -> None:
    body = message(item())
    assert post(receiver, body, signed(body) | change)[0] == 401
    assert kept(receiver) == []


@pytest.mark.parametrize("minutes", [-6, 6])
def test_refuses_stale_and_early_messages(receiver: Receiver, minutes: int) -> None:
    body = message(item())
    when = datetime.now(UTC) + timedelta(minutes=minutes)
    assert post(receiver, body, signed(body, when))[0] == 401


def test_refuses_another_secret_and_a_changed_body(receiver: Receiver) -> None:
    other = "whsec_" + base64.b64encode(b"o" * 32).decode()
    body = message(item())
    assert post(receiver, body, signed(body, secret=other))[0] == 401
    assert post(receiver, message(item(decision="allowed")), signed(body))[0] == 401


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'{"type": "other", "data": {"choices": []}}',
        b'{"type": "choices.changed", "data": {"choices": {}}}',
        b'{"type": "choices.changed", "data": {"choices": [1]}}',
        b'{"type": "choices.changed", "data": {"choices": [{"member_ref": 1, "purpose": "p"}]}}',
        b"[" * 100_000,
    ],
)
def test_refuses_what_is_no_batch(receiver: Receiver, body: bytes) -> None:
    assert post(receiver, body, signed(body))[0] == 400


def test_names_what_it_refuses_and_keeps_the_rest(receiver: Receiver) -> None:
    bad = [
        item(member_ref=""),
        item(member_ref="x" * 256),
        item(member_ref="\0"),
        item(member_ref="\ud800"),
        item(member_ref="b1", decision="maybe"),
        item(member_ref="b2", revision=0),
        item(member_ref="b3", revision=True),
        item(member_ref="b4", revision=2**63),
        item(member_ref="b5", changed_at="yesterday"),
        item(member_ref="b6", changed_at="2026-03-01T12:00:00"),
        item(member_ref="b7", changed_at=None),
        {"member_ref": "b8", "purpose": "p"},
    ]
    body = message(item(), *bad, item(member_ref="m2"))
    status, answer = post(receiver, body, signed(body))
    refused = json.loads(answer)["refused"]
    assert status == 200
    assert [r["member_ref"] for r in refused] == [b["member_ref"] for b in bad]
    assert all(r["reason"] for r in refused)
    assert [row[0] for row in kept(receiver)] == ["m1", "m2"]


def test_an_empty_batch_is_a_health_check(receiver: Receiver) -> None:
    body = message()
    assert post(receiver, body, signed(body)) == (204, b"")


def test_other_methods_and_sizes(receiver: Receiver) -> None:
    url = f"http://127.0.0.1:{receiver.server_address[1]}/"
    with pytest.raises(urllib.error.HTTPError, match="501"):
        urllib.request.urlopen(url, timeout=5)
    assert _raw(receiver, b"POST / HTTP/1.0\r\n\r\n").startswith(b"HTTP/1.0 411")
    huge = b"POST / HTTP/1.0\r\nContent-Length: 99999999999\r\n\r\n"
    assert _raw(receiver, huge).startswith(b"HTTP/1.0 413")


def _raw(receiver: Receiver, request: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", receiver.server_address[1]), 5) as connection:
        connection.sendall(request)
        return connection.recv(1000)


def test_says_nothing_about_requests(receiver: Receiver, capfd: pytest.CaptureFixture) -> None:
    body = message(item())
    post(receiver, body, signed(body))
    post(receiver, body, {})
    _raw(receiver, b"nonsense\r\n\r\n")
    with socket.create_connection(("127.0.0.1", receiver.server_address[1]), 5) as connection:
        connection.sendall(b"POST / HTTP/1.0\r\nContent-Length: 10\r\n\r\n")
    time.sleep(0.1)
    assert capfd.readouterr() == ("", "")


def test_a_database_that_cannot_be_written_is_no_confirmation(receiver: Receiver) -> None:
    with sqlite3.connect(receiver.path) as database:
        database.execute("DROP TABLE choices")
    body = message(item())
    assert post(receiver, body, signed(body))[0] == 503


def test_serve_runs_until_shut_down(tmp_path: Path) -> None:
    started: list[Receiver] = []
    ready = threading.Event()

    def on_ready(receiver: Receiver) -> None:
        started.append(receiver)
        ready.set()

    path = tmp_path / "r.db"
    thread = threading.Thread(
        target=lambda: serve("127.0.0.1", 0, SECRET, path, ready=on_ready), daemon=True
    )
    thread.start()
    assert ready.wait(5)
    body = message(item())
    assert post(started[0], body, signed(body))[0] == 204
    started[0].shutdown()
    thread.join(5)
    assert not thread.is_alive()


def test_a_bad_secret_does_not_start(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="whsec_"):
        serve("127.0.0.1", 0, "hunter2", tmp_path / "r.db")


@pytest.mark.processes
@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_command_ends_cleanly_and_keeps_what_it_had(tmp_path: Path, stop: signal.Signals) -> None:
    secret, database, port = tmp_path / "secret", tmp_path / "r.db", free_port()
    secret.write_text(SECRET + "\n")
    command = [sys.executable, "manage.py", "demo_receiver", "--port", str(port)]
    command += ["--secret-file", str(secret), "--database", str(database)]
    environment = os.environ | {"PYTHONUNBUFFERED": "1", "PRIVACYDASH_DATA": str(tmp_path)}
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            assert str(port).encode() in process.stdout.readline()
            body = message(item())
            url = f"http://127.0.0.1:{port}/"
            urllib.request.urlopen(urllib.request.Request(url, body, signed(body)), timeout=5)
            process.send_signal(stop)
            assert process.wait(10) == 0
            assert process.stdout.read() == b""
        finally:
            process.kill()
    with sqlite3.connect(database) as connection:
        assert connection.execute("SELECT count(*) FROM choices").fetchone() == (1,)
