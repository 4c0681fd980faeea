"""The RabbitMQ store, against a real server; what a consumer receives is what it holds."""

import json
import socket
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, ClassVar
from urllib.parse import urlsplit

import amqp
import pytest

from propagation.choice import Choice
from propagation.stores.base import ChoiceRefused, Key, Store, StoreUnavailable
from propagation.stores.rabbitmq import RabbitMQStore, _server
from propagation.tests.contract import SECRET, StoreContract, choice
from propagation.tests.proxies import Proxy, proxy_to
from tests.servers import free_port


class TestRabbitMQ(StoreContract):
    bad_options: ClassVar = [
        {"url": f"http://u:{SECRET}@127.0.0.1/"},
        {"url": f"amqp://u:{SECRET}@127.0.0.1:port/"},
        {"url": f"amqp://u:{SECRET}@/"},
        {"url": f"amqp://u:{SECRET}@[127.0.0.1/"},
        {"url": None},
        {"exchange": ""},
        {"queue": "x" * 256},
        {"timeout": 0},
    ]

    def make(self, **options: Any) -> RabbitMQStore:
        return RabbitMQStore(**{"url": "amqp://127.0.0.1/", **options})

    @pytest.fixture
    def name(self) -> str:
        return f"privacydash.test.{uuid.uuid4().hex}"

    @pytest.fixture
    def channel(self, rabbitmq_url: str, name: str) -> Iterator[amqp.Channel]:
        with amqp.Connection(**_server(rabbitmq_url)) as connection:
            yield connection.channel()
            connection.channel().queue_delete(name)
            connection.channel().exchange_delete(name)

    @pytest.fixture
    def store(self, rabbitmq_url: str, name: str, channel: amqp.Channel) -> RabbitMQStore:
        self.received: list[amqp.Message] = []
        self.channel, self.name = channel, name
        return RabbitMQStore(rabbitmq_url, exchange=name, queue=name)

    @pytest.fixture
    def unreachable(self) -> RabbitMQStore:
        return RabbitMQStore(f"amqp://u:{SECRET}@127.0.0.1:{free_port()}/")

    @pytest.fixture
    def proxy(self, rabbitmq_url: str) -> Iterator[Proxy]:
        parts = urlsplit(rabbitmq_url)
        with proxy_to(parts.hostname or "", parts.port or 5672) as proxy:
            yield proxy

    @pytest.fixture
    def proxied(self, store: RabbitMQStore, proxy: Proxy, rabbitmq_url: str) -> RabbitMQStore:
        user = urlsplit(rabbitmq_url).netloc.rpartition("@")[0] or "guest:guest"
        url = f"amqp://{user}@127.0.0.1:{proxy.port}{urlsplit(rabbitmq_url).path}"
        return RabbitMQStore(url, exchange=self.name, queue=self.name, timeout=5)

    def messages(self) -> list[amqp.Message]:
        while message := self.channel.basic_get(self.name, no_ack=True):
            self.received.append(message)
        return self.received

    def held(self, store: Store, keys: Iterable[Key]) -> Mapping[Key, Choice]:
        """As a consumer has it that keeps the first message of the highest revision."""
        newest: dict[Key, Choice] = {}
        for message in self.messages():
            fields = json.loads(message.body)
            fields["changed_at"] = datetime.fromisoformat(fields["changed_at"])
            new = Choice(**fields)
            if new.key not in newest or newest[new.key].revision < new.revision:
                newest[new.key] = new
        return {key: newest[key] for key in keys if key in newest}

    def test_a_consumer_gets_a_message(self, store: RabbitMQStore, ref: str) -> None:
        store.write([choice(ref)])
        store.write([choice(ref)])
        first, again = self.messages()
        assert json.loads(first.body) == {
            "member_ref": ref,
            "purpose": "genai-training",
            "decision": "objected",
            "revision": 1,
            "changed_at": "2026-03-01T12:01:00.123456+00:00",
        }
        assert first.delivery_mode == 2
        assert first.content_type == "application/json"
        assert first.delivery_info["routing_key"] == "genai-training"
        assert first.message_id == again.message_id

    def test_what_cannot_be_sent_is_refused_by_name(self, store: RabbitMQStore, ref: str) -> None:
        bad = [choice("\ud800"), choice("x" * 100_000), choice(ref, purpose="p" * 256)]
        with pytest.raises(ChoiceRefused) as caught:
            store.write([choice(ref), *bad])
        assert {(r.member_ref, r.purpose) for r in caught.value.refusals} == {c.key for c in bad}
        self.assert_holds(store, [choice(ref)])

    def test_an_exchange_without_a_queue_is_unavailable(
        self, rabbitmq_url: str, channel: amqp.Channel, name: str, ref: str
    ) -> None:
        store = RabbitMQStore(rabbitmq_url, exchange=name)
        with pytest.raises(StoreUnavailable, match="no queue is bound"):
            store.write([choice(ref)])
        channel.queue_declare(name, durable=True, auto_delete=False)
        channel.queue_bind(name, name, "#")
        store.write([choice(ref)])
        assert channel.basic_get(name, no_ack=True)

    def test_one_message_without_a_queue_is_told_from_the_others(
        self, rabbitmq_url: str, channel: amqp.Channel, name: str, ref: str
    ) -> None:
        store = RabbitMQStore(rabbitmq_url, exchange=name)
        store.check()
        channel.queue_declare(name, durable=True, auto_delete=False)
        channel.queue_bind(name, name, "genai-training")
        with pytest.raises(StoreUnavailable, match="1 of 3"):
            store.write([choice(ref), choice(ref, purpose="other"), choice(f"{ref}-2")])

    def test_a_deleted_queue_is_made_again(self, store: RabbitMQStore, ref: str) -> None:
        store.write([choice(ref)])
        self.channel.queue_delete(self.name)
        with pytest.raises(StoreUnavailable):
            store.write([choice(f"{ref}-2")])
        store.write([choice(f"{ref}-2")])
        self.assert_holds(store, [choice(f"{ref}-2")])

    def test_a_queue_that_is_full(
        self, rabbitmq_url: str, channel: amqp.Channel, name: str, ref: str
    ) -> None:
        store = RabbitMQStore(rabbitmq_url, exchange=name)
        store.check()
        full = {"x-max-length": 1, "x-overflow": "reject-publish"}
        channel.queue_declare(name, durable=True, auto_delete=False, arguments=full)
        channel.queue_bind(name, name, "#")
        with pytest.raises(StoreUnavailable, match="full"):
            store.write([choice(f"{ref}-{n}") for n in range(50)])

    def test_a_queue_of_another_kind(
        self, store: RabbitMQStore, channel: amqp.Channel, name: str, ref: str
    ) -> None:
        channel.queue_declare(name, durable=True, auto_delete=False)
        with pytest.raises(StoreUnavailable, match="x-queue-type"):
            store.write([choice(ref)])

    @pytest.mark.parametrize("budget", [200, 3_000, 30_000, 150_000])
    def test_cut_off_in_mid_batch(
        self, store: RabbitMQStore, proxied: RabbitMQStore, proxy: Proxy, ref: str, budget: int
    ) -> None:
        batch = [choice(f"{ref}-{n}") for n in range(500)]
        proxy.budget = budget
        with pytest.raises(StoreUnavailable):
            proxied.write(batch)
        assert proxy.cuts
        proxied.write(batch)
        self.assert_holds(store, batch)

    def test_a_connection_cut_while_idle_does_not_show(
        self, store: RabbitMQStore, proxied: RabbitMQStore, proxy: Proxy, ref: str
    ) -> None:
        proxied.write([choice(ref)])
        proxy.cut()
        proxied.write([choice(ref, "allowed", 2)])
        self.assert_holds(store, [choice(ref, "allowed", 2)])

    def test_a_silent_server_is_unavailable(self, ref: str) -> None:
        with socket.create_server(("127.0.0.1", 0)) as silent:
            url = f"amqp://u:{SECRET}@127.0.0.1:{silent.getsockname()[1]}/"
            began = time.monotonic()
            with pytest.raises(StoreUnavailable) as caught:
                RabbitMQStore(url, timeout=0.5).write([choice(ref)])
        assert time.monotonic() - began < 3
        assert SECRET not in str(caught.value)

    def test_a_wrong_password(self, rabbitmq_url: str, ref: str) -> None:
        host = urlsplit(rabbitmq_url).netloc.rpartition("@")[2]
        with pytest.raises(StoreUnavailable) as caught:
            RabbitMQStore(f"amqp://nobody:{SECRET}@{host}/").write([choice(ref)])
        assert SECRET not in str(caught.value)

    def test_tls_does_not_fall_back_to_plain(self, ref: str, proxy: Proxy) -> None:
        """The server speaks plain AMQP, and would take the password."""
        store = RabbitMQStore(f"amqps://u:{SECRET}@127.0.0.1:{proxy.port}/", timeout=2)
        with pytest.raises(StoreUnavailable):
            store.write([choice(ref)])
