"""A worker outlives the loss of Redis as its broker: what it stumbles over must be an error that
Celery expects. The fault suite kills the broker of real workers."""

import pytest
from kombu import Connection
from kombu.transport import redis as transport

from tests.servers import start_valkey


@pytest.fixture
def held(tmp_path):
    """A connection, and a message that it holds, after the broker went away."""
    with start_valkey(tmp_path) as url:
        connection = Connection(url)
        queue = connection.SimpleQueue("test")
        queue.put({"some": "hint"})
        message = queue.get(timeout=5)
    assert isinstance(message.channel, transport.Channel)
    yield connection, message
    message.channel.qos._delivered.clear()  # else it is given back once more when Python ends


def test_the_connection_can_be_closed(held):
    connection, message = held
    connection.transport.client = None  # as Celery's clean-up of a lost connection leaves it
    message.channel._disconnect_pools()
    connection.close()


def test_a_task_that_ends_later_is_not_acknowledged(held):
    connection, message = held
    expected = connection.connection_errors
    message.channel.connection.close_channel(message.channel)
    message.channel._disconnect_pools()
    with pytest.raises(expected):
        message.ack()
