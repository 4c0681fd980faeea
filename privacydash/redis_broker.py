"""Redis as the broker, lost while a worker has messages in hand."""

from typing import Any

from kombu.transport import redis as transport
from redis.exceptions import ConnectionError as RedisConnectionError


class Channel(transport.Channel):
    """Says by an error that Celery expects that its connection is gone.

    A task that ends after that is acknowledged, and what is held is given back, over the channel of
    before. kombu 5.7 then fails with an AttributeError, and the worker ends instead of trying to
    connect without end. What was not acknowledged comes again: see visibility_timeout.
    """

    def _connparams(self, asynchronous: bool = False) -> dict[str, Any]:
        if self.connection is None or self.connection.client is None:
            raise RedisConnectionError("The connection to the broker was closed.")
        found: dict[str, Any] = super()._connparams(asynchronous)  # type: ignore[no-untyped-call]
        return found


def install() -> None:
    transport.Transport.Channel = Channel
