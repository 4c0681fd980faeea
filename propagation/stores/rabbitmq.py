"""Choices as messages of a RabbitMQ exchange, for teams that consume events."""

import ssl
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import unquote, urlsplit

import amqp
from amqp.exceptions import AMQPError

from propagation.choice import Choice
from propagation.stores.base import ChoiceRefused, Store, StoreMisconfigured, StoreUnavailable
from propagation.stores.events import Event, events_of
from propagation.stores.process import OfThisProcess

PORTS = {"amqp": 5672, "amqps": 5671}
LONGEST = 255  # bytes of a short string in AMQP
EVERYTHING = "#"
PERSISTENT = 2
QUORUM = {"x-queue-type": "quorum"}


class _Local:
    """What one process has: its connection, used by one thread at a time."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.connection: amqp.Connection | None = None


class RabbitMQStore(Store):
    """Publishes each choice as one persistent message, and waits until all are confirmed.

    ``url`` is ``amqp://user:password@host:5672/vhost`` or ``amqps://…``. The topic ``exchange`` is
    durable and made when it is missing; the purpose is the routing key. With a ``queue``, a durable
    quorum queue of that name is made and bound to everything. A message that reaches no queue is
    an error. ``timeout`` (seconds) holds for connecting and for the confirmation of a whole batch.
    """

    def __init__(
        self,
        url: str,
        exchange: str = "privacydash.choices",
        queue: str | None = None,
        *,
        timeout: float = 10.0,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        for name, value in (("exchange", exchange), ("queue", queue or "-")):
            if not (isinstance(value, str) and 0 < len(value.encode()) <= LONGEST):
                raise StoreMisconfigured(f"{name}: a name of up to {LONGEST} bytes expected")
        if not timeout > 0:
            raise StoreMisconfigured("timeout: seconds above zero expected")
        self._server = _server(url)
        self._exchange, self._queue, self._timeout = exchange, queue, timeout
        self._local = OfThisProcess(_Local)

    def write(self, choices: Sequence[Choice]) -> None:
        events, refusals = events_of(choices, longest_purpose=LONGEST)
        if events:
            self._publish(events)
        if refusals:
            raise ChoiceRefused(refusals)

    def check(self) -> None:
        self._publish([])

    def _publish(self, events: Sequence[Event]) -> None:
        local = self._local()
        with local.lock, self._reporting():
            idle = local.connection is not None
            try:
                self._send(local, events)
            except (AMQPError, OSError) as error:
                _forget(local)
                if not idle or isinstance(error, TimeoutError):
                    raise
                self._send(local, events)  # one that lay idle may have been cut
            except BaseException:
                _forget(local)  # what it still has to say belongs to this batch
                raise

    def _send(self, local: _Local, events: Sequence[Event]) -> None:
        if local.connection is None:
            local.connection = self._connected()
        channel = local.connection.channel()
        confirms = _Confirms(channel, len(events))
        for event in events:
            self._send_one(channel, event)
        confirms.wait(local.connection, self._timeout)
        channel.close()

    def _send_one(self, channel: amqp.Channel, event: Event) -> None:
        message = amqp.Message(
            event.body,
            message_id=event.id,
            type="choice.changed",
            app_id="privacydash",
            content_type="application/json",
            delivery_mode=PERSISTENT,
        )
        channel.basic_publish(message, self._exchange, event.purpose, mandatory=True)

    def _connected(self) -> amqp.Connection:
        connection = amqp.Connection(
            **self._server,
            connect_timeout=self._timeout,
            read_timeout=self._timeout,
            write_timeout=self._timeout,
        )
        connection.connect()
        channel = connection.channel()
        channel.exchange_declare(self._exchange, "topic", durable=True, auto_delete=False)
        if self._queue:
            channel.queue_declare(self._queue, durable=True, auto_delete=False, arguments=QUORUM)
            channel.queue_bind(self._queue, self._exchange, EVERYTHING)
        channel.close()
        return connection

    @contextmanager
    def _reporting(self) -> Iterator[None]:
        try:
            yield
        except (AMQPError, OSError, StoreUnavailable) as error:
            said = f"{error}".strip().partition("\n")[0] or type(error).__name__
            for secret in filter(None, (self._server["password"],)):
                said = said.replace(secret, "***")
            raise StoreUnavailable(f"rabbitmq at {self._server['host']}: {said}") from error


class _Confirms:
    """What the broker says of ``count`` messages on a new channel, whose tags start at 1."""

    def __init__(self, channel: amqp.Channel, count: int) -> None:
        self._count = count
        self._open = set(range(1, count + 1))
        self._complaints: list[str] = []
        channel.events["basic_ack"].add(self._settle)
        channel.events["basic_nack"].add(self._nack)
        channel.events["basic_return"].add(self._return)
        channel.confirm_select()

    def wait(self, connection: amqp.Connection, timeout: float) -> None:
        """Return when all are confirmed. Raises `StoreUnavailable`, TimeoutError or the like."""
        deadline = time.monotonic() + timeout
        while self._open:
            with suppress(TimeoutError):
                connection.drain_events(timeout=max(deadline - time.monotonic(), 0.001))
            if self._open and time.monotonic() >= deadline:
                raise TimeoutError(
                    f"{len(self._open)} of {self._count} messages not confirmed within "
                    f"{timeout:g} s (an alarm for memory or disk blocks publishers)"
                )
        if self._complaints:
            raise StoreUnavailable(
                f"{len(self._complaints)} of {self._count} messages not taken: "
                f"{self._complaints[0]}"
            )

    def _settle(self, tag: int, multiple: bool) -> None:
        self._open -= {open_ for open_ in self._open if open_ <= tag} if multiple else {tag}

    def _nack(self, tag: int, multiple: bool) -> None:
        self._complaints.append("refused, as by a queue that is full")
        self._settle(tag, multiple)

    def _return(self, error: Exception, exchange: str, routing_key: str, message: Any) -> None:
        # Comes before the confirmation of the same message.
        self._complaints.append(f"no queue is bound to {exchange} for {routing_key}")


def _forget(local: _Local) -> None:
    connection, local.connection = local.connection, None
    if connection is not None:
        with suppress(AMQPError, OSError):
            connection.collect()  # closes the socket; a farewell could wait for ever


def _server(url: str) -> dict[str, Any]:
    """Arguments of `amqp.Connection`. Raises `StoreMisconfigured`, which does not quote the URL."""
    try:
        parts = urlsplit(url)
        port = parts.port or PORTS[parts.scheme]
    except (ValueError, KeyError, AttributeError, TypeError):
        raise StoreMisconfigured("url: amqp(s)://user:password@host/vhost expected") from None
    if not parts.hostname or parts.query or parts.fragment:
        raise StoreMisconfigured("url: amqp(s)://user:password@host/vhost expected")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    verified = {"server_hostname": parts.hostname, "cert_reqs": ssl.CERT_REQUIRED}
    return {
        "host": f"{host}:{port}",
        "userid": unquote(parts.username or "guest"),
        "password": unquote(parts.password or "guest"),
        "virtual_host": unquote(parts.path[1:]) or "/",
        "ssl": verified if parts.scheme == "amqps" else False,
    }
