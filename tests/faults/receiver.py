"""The webhook store's receiver, which can fail in each way that a team's service does."""

import socket
import sqlite3
import struct
import threading
import time
from contextlib import closing
from pathlib import Path
from typing import Any, Literal

from propagation.receiver import Handler, Item, Receiver

type Fault = Literal["", "drips", "resets", "forgets", "refuses", "applies and times out"]

SECRET = "whsec_" + "ZmF1bHQgc3VpdGUgc2VjcmV0IG9mIDMyIGJ5dGVzIQ=="
REASON = "held back for an inquiry"


class FaultyHandler(Handler):
    server: "FaultyReceiver"

    def do_POST(self) -> None:  # noqa: N802  the base's name
        match self.server.fault:
            case "resets":
                linger = struct.pack("ii", 1, 0)
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                self.connection.close()
                self.close_connection = True
            case "drips":
                self._drip()
            case "forgets":
                self.rfile.read(int(self.headers["Content-Length"]))
                self._answer([])
            case _:
                super().do_POST()

    def _drip(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        for letter in b"HTTP/1.1 204 No Content\r\n\r\n":
            if self.server.fault != "drips":
                break
            try:
                self.connection.sendall(bytes([letter]))
            except OSError:
                break
            time.sleep(0.2)
        self.close_connection = True

    def _keep(self, items: list[Item]) -> list[Item]:
        server = self.server
        if server.fault != "refuses":
            return super()._keep(items)
        held_back = [item for item in items if item["member_ref"] in server.refused]
        refused = super()._keep([item for item in items if item not in held_back])
        return refused + [
            {"member_ref": item["member_ref"], "purpose": item["purpose"], "reason": REASON}
            for item in held_back
        ]

    def _answer(self, refused: list[Item]) -> None:
        if self.server.fault == "applies and times out":
            self.close_connection = True
            self.server.recovered.wait(6)
            return
        super()._answer(refused)


class FaultyReceiver(Receiver):
    """``fault`` may be changed at any time; ``strike_next`` runs once, with a batch in hand."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, path: Path, port: int = 0) -> None:
        super().__init__("127.0.0.1", port, SECRET, path)
        self.RequestHandlerClass = FaultyHandler
        self.port: int = self.server_address[1]
        self.fault: Fault = ""
        self.refused: set[str] = set()
        self.recovered = threading.Event()
        self.thread = threading.Thread(target=self.serve_forever, args=(0.1,), daemon=True)
        self.thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/choices"

    def fail(self, fault: Fault) -> None:
        self.recovered.clear()
        self.fault = fault

    def recover(self) -> None:
        self.fault = ""
        self.recovered.set()

    def held(self) -> dict[tuple[str, str], tuple[int, str]]:
        return held_in(self.path)

    def close(self) -> None:
        self.recover()
        self.shutdown()
        self.server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Faults are wanted here."""


def held_in(path: str | Path) -> dict[tuple[str, str], tuple[int, str]]:
    with closing(sqlite3.connect(path, timeout=10)) as database:
        rows = database.execute("SELECT member_ref, purpose, revision, decision FROM choices")
        return {(ref, purpose): (revision, word) for ref, purpose, revision, word in rows}
