"""A load generator that costs little: it shares the machine's cores with what it measures."""

import selectors
import socket
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

END = b"\r\n\r\n"
SAVED = b"HTTP/1.1 302 "
TO_THE_DASHBOARD = b"\r\nlocation: /\r\n"


class WrongAnswerError(Exception):
    """The site did not say "saved"."""


@dataclass(frozen=True, slots=True)
class Load:
    answered: int
    seconds: float

    @property
    def rate(self) -> float:
        return self.answered / self.seconds


class Client:
    """One keep-alive connection with at most one request under way."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=30)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.received = b""

    def send(self, request: bytes) -> None:
        self.received = b""
        self.socket.sendall(request)

    def answer(self) -> bool:
        """Take in what has arrived; True once the answer is whole, and as it must be."""
        part = self.socket.recv(65_536)
        self.received += part
        if part and not self.received.endswith(END):
            return False
        if not self.received.startswith(SAVED) or TO_THE_DASHBOARD not in self.received:
            raise WrongAnswerError(self.received[:2_000].decode(errors="replace"))
        return True


def drive(port: int, requests: Iterator[bytes], clients: int, seconds: float) -> Load:
    """Send requests over ``clients`` connections for ``seconds``, and wait for the last answers.

    Each answer must be the redirect that follows a saved choice: it has no body.
    """
    connections = [Client(port) for _ in range(clients)]
    try:
        return _drive(connections, requests, seconds)
    finally:
        for client in connections:
            client.socket.close()


def _drive(connections: Iterable[Client], requests: Iterator[bytes], seconds: float) -> Load:
    selector = selectors.DefaultSelector()
    started = time.perf_counter()
    end = started + seconds
    waiting = answered = 0
    for client in connections:
        client.send(next(requests))
        selector.register(client.socket, selectors.EVENT_READ, client)
        waiting += 1
    while waiting:
        for key, _ in selector.select(30):
            if not key.data.answer():
                continue
            answered += 1
            request = next(requests, None) if time.perf_counter() < end else None
            if request:
                key.data.send(request)
            else:
                waiting -= 1
    return Load(answered, time.perf_counter() - started)
