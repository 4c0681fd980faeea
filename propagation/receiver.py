"""A small receiver of the webhook store: what a consuming team would run, and what the demo runs.

Keeps choices in an SQLite file, one row for each member and purpose, and answers as
`propagation.stores.webhook.WebhookStore` expects.
"""

import hmac
import json
import sqlite3
import sys
import time
from collections.abc import Callable
from contextlib import closing
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from propagation.stores.webhook import signature, signing_key

TOLERANCE = 300  # seconds between their clock and ours
MAX_BODY = 4 * 1024 * 1024  # bytes; a batch of 1,000 is about 0.2 MB, or 2 MB of odd Unicode
MAX_LENGTHS = {"member_ref": 255, "purpose": 100}
LARGEST = 2**63 - 1

CREATE = """
CREATE TABLE IF NOT EXISTS choices (
    member_ref TEXT NOT NULL,
    purpose TEXT NOT NULL,
    decision TEXT NOT NULL,
    revision INTEGER NOT NULL,
    changed_at TEXT NOT NULL,
    PRIMARY KEY (member_ref, purpose)
) WITHOUT ROWID
"""
KEEP_HIGHEST = """
INSERT INTO choices VALUES (:member_ref, :purpose, :decision, :revision, :changed_at)
ON CONFLICT DO UPDATE SET
    decision = excluded.decision, revision = excluded.revision, changed_at = excluded.changed_at
WHERE excluded.revision > choices.revision
"""

type Item = dict[str, Any]


class Receiver(ThreadingHTTPServer):
    """Listens once made; answers from ``serve_forever()`` on, until ``shutdown()``."""

    daemon_threads = False  # a batch that has begun is finished and answered
    request_queue_size = 128

    def __init__(self, host: str, port: int, secret: str, path: str | Path) -> None:
        self.key = signing_key(secret)
        self.path = Path(path)
        with closing(self.database()) as database:
            database.execute("PRAGMA journal_mode = WAL")
            database.execute(CREATE)
        super().__init__((host, port), Handler)

    def database(self) -> sqlite3.Connection:
        database = sqlite3.connect(self.path, timeout=10)
        database.execute("PRAGMA synchronous = FULL")  # what is answered 2xx survives a power cut
        return database

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), OSError):  # clients that leave are no news
            super().handle_error(request, client_address)


class Handler(BaseHTTPRequestHandler):
    """Answers a batch: 204 all kept, 200 some refused, 4xx for what is no batch of ours."""

    server: Receiver
    timeout = 10  # seconds without a byte

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal():
            self.send_error(411)
        elif int(length) > MAX_BODY:
            self.send_error(413)
        else:
            self._receive(self.rfile.read(int(length)))

    def _receive(self, body: bytes) -> None:
        if not self._genuine(body):
            self.send_error(401)
            return
        try:
            items = choices_in(body)
        except ValueError as error:
            self.send_error(400, str(error))
            return
        try:
            self._answer(self._keep(items))
        except sqlite3.Error:
            self.send_error(503)

    def _genuine(self, body: bytes) -> bool:
        message_id = self.headers.get("webhook-id", "")
        timestamp = self.headers.get("webhook-timestamp", "")
        if not timestamp.isdecimal() or abs(time.time() - int(timestamp)) > TOLERANCE:
            return False
        expected = signature(self.server.key, message_id, timestamp, body).encode()
        given = self.headers.get("webhook-signature", "").encode("utf-8", "replace").split()
        return any(hmac.compare_digest(expected, one) for one in given)

    def _keep(self, items: list[Item]) -> list[Item]:
        """Keep what is newer than what is held; gives what is refused, each with its reason."""
        complaints = [(item, complaint(item)) for item in items]
        with closing(self.server.database()) as database, database:
            database.executemany(KEEP_HIGHEST, [item for item, reason in complaints if not reason])
        return [
            {"member_ref": item["member_ref"], "purpose": item["purpose"], "reason": reason}
            for item, reason in complaints
            if reason
        ]

    def _answer(self, refused: list[Item]) -> None:
        body = json.dumps({"refused": refused}).encode() if refused else b""
        self.send_response(200 if refused else 204)
        if refused:
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the base's name
        """Say nothing: member_refs do not belong in a terminal or a log."""


def choices_in(body: bytes) -> list[Item]:
    """The choices of a message. Raises `ValueError` if it is none."""
    try:
        message = json.loads(body)
        items = message["data"]["choices"] if message["type"] == "choices.changed" else None
    except (ValueError, KeyError, TypeError, RecursionError):
        items = None
    if not isinstance(items, list) or not all(map(_is_nameable, items)):
        raise ValueError("not a choices.changed message")
    return items


def _is_nameable(item: object) -> bool:
    """Whether it says whose choice it is, so that it can be refused by name."""
    return isinstance(item, dict) and all(isinstance(item.get(name), str) for name in MAX_LENGTHS)


def complaint(item: Item) -> str:
    """Why this choice cannot be kept, ever; empty if it can."""
    for name, length in MAX_LENGTHS.items():
        if not 0 < len(item[name]) <= length:
            return f"{name} is empty or longer than {length}"
        if "\0" in item[name] or not _is_unicode(item[name]):
            return f"{name} is not plain text"
    if item.get("decision") not in {"objected", "allowed"}:
        return "decision is neither objected nor allowed"
    if type(item.get("revision")) is not int or not 1 <= item["revision"] <= LARGEST:
        return "revision is not a whole number above zero"
    return "" if _is_moment(item.get("changed_at")) else "changed_at is not an ISO 8601 time"


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _is_moment(text: object) -> bool:
    try:
        return isinstance(text, str) and datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False


def serve(
    host: str,
    port: int,
    secret: str,
    path: str | Path,
    *,
    ready: Callable[[Receiver], None] | None = None,
) -> None:
    """Receive until ``shutdown()`` is called, from another thread, on what ``ready`` was given.

    ``secret`` is a ``whsec_…`` text, ``path`` the SQLite file. Raises `ValueError` for a bad
    secret and `OSError` if the port is taken; ``ready`` is called once it listens.
    """
    with Receiver(host, port, secret, path) as receiver:
        if ready is not None:
            ready(receiver)
        receiver.serve_forever()
