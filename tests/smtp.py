"""A real mail server on a loopback port, which takes mails or fails in the ways that servers do."""

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any


class MailServer(socketserver.ThreadingTCPServer):
    """``received``: the bytes of each mail taken. ``refused``: an answer for some addresses.
    ``dropped``: addresses with whose mails the connection breaks."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), Conversation)
        self.received: list[bytes] = []
        self.refused: dict[str, str] = {}
        self.dropped: set[str] = set()
        self.connections = 0

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    @property
    def mails(self) -> list[EmailMessage]:
        return [message_from_bytes(raw, policy=policy.default) for raw in self.received]  # type: ignore[misc]

    def to(self) -> list[str]:
        return [str(mail["To"]) for mail in self.mails]

    @property
    def mailers(self) -> dict[str, Any]:
        """The setting MAILERS for a site that sends here."""
        options = {"host": "127.0.0.1", "port": self.port, "timeout": 5}
        return {
            "default": {
                "BACKEND": "django.core.mail.backends.smtp.EmailBackend",
                "OPTIONS": options,
            }
        }


class Conversation(socketserver.StreamRequestHandler):
    server: MailServer

    def handle(self) -> None:
        self.server.connections += 1
        recipient = ""
        self._say("220 ready")
        while line := self.rfile.readline().decode().strip():
            command, _, rest = line.partition(" ")
            match command.upper():
                case "RCPT":
                    recipient = rest.partition("<")[2].partition(">")[0]
                    self._say(self.server.refused.get(recipient, "250 OK"))
                case "DATA":
                    if recipient in self.server.dropped:
                        return
                    self._say("354 go ahead")
                    self.server.received.append(self._data())
                    self._say("250 taken")
                case "QUIT":
                    self._say("221 bye")
                    return
                case _:
                    self._say("250 OK")

    def _say(self, line: str) -> None:
        self.wfile.write(line.encode() + b"\r\n")

    def _data(self) -> bytes:
        lines = []
        while (line := self.rfile.readline()) != b".\r\n":
            lines.append(line.removeprefix(b".") if line.startswith(b"..") else line)
        return b"".join(lines)


@contextmanager
def running_mail_server() -> Iterator[MailServer]:
    with MailServer() as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        try:
            yield server
        finally:
            server.shutdown()
