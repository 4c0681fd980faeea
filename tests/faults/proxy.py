"""A TCP relay in front of a server, which strikes when a chosen statement passes.

It cuts the connection, or kills whoever sent it. What that leaves open is the question that every
client has after "connection reset during COMMIT": was it done, or not?
"""

import contextlib
import selectors
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

type When = Literal["before", "after", "answered"]
"""Strike before the statement reaches the server, once passed on, or once answered."""
type Strike = Callable[[int], bool]
"""Is given the client's port; returns whether it struck, else the trap waits for another."""

STATEMENTS = {
    # It is prepared: this is how it begins when it is run, with the name of no portal before it.
    "a member's choice": b"\0privacydash_choice_",
    "sealing": b"UPDATE ledger_entry SET position",
    "a commit": b"COMMIT",
}


@dataclass(slots=True)
class Trap:
    """Springs at the first client that sends the statement; without a strike it just cuts."""

    statement: bytes
    when: When
    strike: Strike = lambda _: True
    sprung: threading.Event = field(default_factory=threading.Event)


@dataclass(slots=True, eq=False)
class Link:
    """One client's connection; ``doomed`` once its statement is passed on, to cut at the answer."""

    client: socket.socket
    server: socket.socket
    doomed: Trap | None = None


class CuttingProxy:
    """Listens on ``port`` of 127.0.0.1; one thread carries all connections."""

    def __init__(self, target: int) -> None:
        self.target = target
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port: int = self.listener.getsockname()[1]
        self.trap: Trap | None = None
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.listener, selectors.EVENT_READ)
        self.ending = False
        self.thread = threading.Thread(target=self._run, name="proxy", daemon=True)
        self.thread.start()

    def arm(self, statement: bytes, when: When, strike: Strike = lambda _: True) -> Trap:
        self.trap = Trap(statement, when, strike)
        return self.trap

    def disarm(self) -> None:
        self.trap = None

    def close(self) -> None:
        self.ending = True
        self.thread.join(5)
        self.listener.close()

    def _run(self) -> None:
        while not self.ending:
            for key, _ in self.selector.select(0.2):
                if key.fileobj is self.listener:
                    self._accept()
                elif key.fd >= 0:
                    link, from_client = key.data
                    self._carry(link, from_client)

    def _accept(self) -> None:
        client, _ = self.listener.accept()
        try:
            server = socket.create_connection(("127.0.0.1", self.target), 2)
        except OSError:
            client.close()
            return
        link = Link(client, server)
        for end, from_client in ((client, True), (server, False)):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            end.settimeout(5)
            self.selector.register(end, selectors.EVENT_READ, (link, from_client))

    def _carry(self, link: Link, from_client: bool) -> None:
        source, sink = (link.client, link.server) if from_client else (link.server, link.client)
        if source.fileno() < 0:
            return  # cut while this event waited in the list
        try:
            data = source.recv(65_536)
            if not data:
                self._cut(link)
            elif from_client:
                self._from_client(link, data)
            elif link.doomed:
                self._spring(link, link.doomed)
            else:
                sink.sendall(data)
        except OSError:
            self._cut(link)

    def _from_client(self, link: Link, data: bytes) -> None:
        trap = self.trap
        caught = trap is not None and not trap.sprung.is_set() and trap.statement in data
        if not caught:
            link.server.sendall(data)
            return
        assert trap
        self.trap = None
        if trap.when != "before":
            link.server.sendall(data)
        if trap.when == "answered":
            link.doomed = trap
        else:
            self._spring(link, trap)

    def _spring(self, link: Link, trap: Trap) -> None:
        struck = trap.strike(link.client.getpeername()[1])
        self._cut(link)
        if struck:
            trap.sprung.set()
        elif self.trap is None:
            self.trap = trap

    def _cut(self, link: Link) -> None:
        for end in (link.client, link.server):
            with contextlib.suppress(KeyError, ValueError):
                self.selector.unregister(end)
            end.close()
