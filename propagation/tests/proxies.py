"""A TCP proxy that cuts connections, for tests of what stores do about it."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Proxy:
    """Passes bytes on to a server, until ``budget`` bytes from the client; then it cuts.

    ``budget`` None: passes all on. ``cut`` ends the connections of now.
    """

    def __init__(self, host: str, port: int) -> None:
        self.budget: int | None = None
        self.cuts = 0
        self._target = (host, port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        self.cuts += 1
        while self._open:
            end = self._open.pop()
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def close(self) -> None:
        self._listener.close()
        self.cut()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(self._target)
                self._open += [client, server]
                pairs = [(client, server, True), (server, client, False)]
                for pair in pairs:
                    threading.Thread(target=self._pass_on, args=pair, daemon=True).start()

    def _pass_on(self, source: socket.socket, target: socket.socket, counted: bool) -> None:
        with contextlib.suppress(OSError):
            while some := source.recv(4096):
                if counted and self.budget is not None:
                    some = some[: self.budget]
                    self.budget -= len(some)
                target.sendall(some)
                if counted and self.budget == 0:
                    self.budget = None
                    break
            self.cut()


@contextmanager
def proxy_to(host: str, port: int) -> Iterator[Proxy]:
    proxy = Proxy(host, port)
    try:
        yield proxy
    finally:
        proxy.close()
