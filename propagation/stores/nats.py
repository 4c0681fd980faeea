"""Choices as messages of a NATS JetStream stream, for teams that consume events."""

import asyncio
import re
import threading
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import unquote, urlsplit

from propagation.choice import Choice
from propagation.stores.base import ChoiceRefused, Store, StoreMisconfigured, StoreUnavailable
from propagation.stores.events import Event, events_of
from propagation.stores.optional import needed_packages
from propagation.stores.process import OfThisProcess

with needed_packages():
    from nats.aio.client import Client
    from nats.errors import ConnectionClosedError, Error
    from nats.js import JetStreamContext
    from nats.js.api import Header, StorageType, StreamConfig
    from nats.js.errors import (
        APIError,
        NoStreamResponseError,
        NotFoundError,
        ServiceUnavailableError,
    )

STREAM = re.compile(r"[A-Za-z0-9_-]{1,255}")
RETRY_AFTER = 0.1
SUBJECT = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*")


class _Local:
    """What one process has: a thread with an event loop, and the connection that lives there."""

    def __init__(self) -> None:
        self.client: Client | None = None
        self.connecting = asyncio.Lock()
        self.closed = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._starting = threading.Lock()

    def run[T](self, work: Coroutine[Any, Any, T]) -> T:
        """Run in the loop, and wait for the end; for any thread."""
        with self._starting:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                threading.Thread(target=self._loop.run_forever, name="nats", daemon=True).start()
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()


class NatsStore(Store):
    """Publishes each choice as one message, and waits until the stream has acknowledged all.

    ``url`` is ``nats://user:password@host:4222`` (or ``token@``) or ``tls://…``; ``credentials`` is
    a ``.creds`` file. The stream is made when it is missing: in files, on ``replicas`` servers,
    taking ``subject``, and dropping what comes again within ``duplicate_window`` seconds. An
    existing one is taken as it is, unless it keeps messages in memory only. ``timeout`` (seconds)
    holds for connecting and for the acknowledgements of a whole batch.
    """

    def __init__(
        self,
        url: str,
        stream: str = "PRIVACYDASH",
        subject: str = "privacydash.choices",
        *,
        credentials: str | None = None,
        replicas: int = 1,
        duplicate_window: float = 3600.0,
        timeout: float = 10.0,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        if not (isinstance(stream, str) and STREAM.fullmatch(stream)):
            raise StoreMisconfigured("stream: a name of letters, digits, - and _ expected")
        if not (isinstance(subject, str) and SUBJECT.fullmatch(subject)):
            raise StoreMisconfigured("subject: names joined by dots expected, no wildcards")
        if not (timeout > 0 and duplicate_window > 0 and replicas in {1, 3, 5}):
            raise StoreMisconfigured(
                "timeout, duplicate_window: seconds above zero; replicas: 1, 3 or 5 expected"
            )
        self._connection = _server(url)
        if credentials is not None:
            self._connection["user_credentials"] = credentials
        self._stream, self._subject, self._timeout = stream, subject, timeout
        self._config = StreamConfig(
            name=stream,
            subjects=[subject],
            storage=StorageType.FILE,
            num_replicas=replicas,
            duplicate_window=duplicate_window,
        )
        self._local = OfThisProcess(_Local)

    def write(self, choices: Sequence[Choice]) -> None:
        events, refusals = events_of(choices)
        if events:
            self._run(self._publish(events))
        if refusals:
            raise ChoiceRefused(refusals)

    def check(self) -> None:
        self._run(self._ensure_stream())

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        local = self._local()
        with self._reporting():
            local.run(self._in_time(local, work))

    async def _in_time(self, local: _Local, work: Coroutine[Any, Any, None]) -> None:
        try:
            async with asyncio.timeout(self._timeout):
                await work
        except BaseException:
            await _forget(local)
            raise

    async def _publish(self, events: Sequence[Event]) -> None:
        client = await self._client()
        stream = client.jetstream(timeout=self._timeout)
        # All at once; and none is left behind that would still be sent after this has failed.
        sending = asyncio.gather(
            *(self._publish_one(stream, event) for event in events), return_exceptions=True
        )
        closed = asyncio.ensure_future(self._local().closed.wait())
        try:
            await asyncio.wait((sending, closed), return_when=asyncio.FIRST_COMPLETED)
            if not sending.done():
                raise ConnectionClosedError
            for error in filter(None, sending.result()):
                raise error
        finally:
            sending.cancel()
            closed.cancel()

    async def _publish_one(self, stream: JetStreamContext, event: Event) -> None:
        headers = {Header.MSG_ID: event.id, "Content-Type": "application/json"}
        await stream.publish(self._subject, event.body, stream=self._stream, headers=headers)

    async def _client(self) -> Client:
        local = self._local()
        async with local.connecting:
            if local.client is None or not local.client.is_connected:
                local.client = await self._connected(local)
                await self._ensure(local.client)
            return local.client

    async def _connected(self, local: _Local) -> Client:
        client, local.closed = Client(), asyncio.Event()

        async def closed() -> None:
            local.closed.set()

        # No reconnecting behind our back: a batch is tried again as a whole.
        await client.connect(
            **self._connection,
            allow_reconnect=False,
            max_reconnect_attempts=1,  # it does try twice to connect at all; 0 would be for ever
            reconnect_time_wait=RETRY_AFTER,  # type: ignore[arg-type]  # any number will do
            connect_timeout=self._timeout,  # type: ignore[arg-type]
            error_cb=_ignore,
            closed_cb=closed,
            name="privacydash",
        )
        return client

    async def _ensure_stream(self) -> None:
        await self._ensure(await self._client())

    async def _ensure(self, client: Client) -> None:
        manager = client.jsm(timeout=self._timeout)
        try:
            found = await manager.stream_info(self._stream)
        except NotFoundError:
            found = await manager.add_stream(self._config)
        if found.config.storage != StorageType.FILE:
            raise StoreUnavailable(f"the stream {self._stream} keeps messages in memory only")

    @contextmanager
    def _reporting(self) -> Iterator[None]:
        try:
            yield
        except (Error, OSError, StoreUnavailable) as error:
            said = self._words(error)
            for name in ("password", "token"):
                if secret := self._connection.get(name):
                    said = said.replace(secret, "***")
            raise StoreUnavailable(f"{self._connection['servers']}: {said}") from error

    def _words(self, error: Exception) -> str:
        if isinstance(error, NoStreamResponseError):
            return f"no stream takes the subject {self._subject}"
        if isinstance(error, ServiceUnavailableError) and not error.description:
            return "JetStream does not answer, or is not enabled for this account"
        said = error.description if isinstance(error, APIError) else str(error)
        return (said or "").strip().partition("\n")[0] or type(error).__name__


async def _ignore(error: Exception) -> None:
    """Whoever waits is told; nats-py would log it as well."""


async def _forget(local: _Local) -> None:
    client, local.client = local.client, None
    if client is not None:
        with suppress(Error, OSError, TimeoutError):
            await asyncio.wait_for(client.close(), 1)


def _server(url: str) -> dict[str, Any]:
    """Arguments of `Client.connect`. Raises `StoreMisconfigured`, which does not quote the URL."""
    try:
        parts = urlsplit(url)
        port = parts.port or 4222
    except (ValueError, AttributeError, TypeError):
        raise StoreMisconfigured("url: nats://user:password@host:port expected") from None
    if parts.scheme not in {"nats", "tls"} or not parts.hostname or parts.query or parts.fragment:
        raise StoreMisconfigured("url: nats://user:password@host:port (or tls://) expected")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    server = {"servers": f"{parts.scheme}://{host}:{port}"}
    if parts.password is not None:
        return server | {"user": unquote(parts.username or ""), "password": unquote(parts.password)}
    return server | ({"token": unquote(parts.username)} if parts.username else {})
