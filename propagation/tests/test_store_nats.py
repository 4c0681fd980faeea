"""The NATS store, against a real JetStream server; what a consumer receives is what it holds."""

import asyncio
import contextlib
import json
import os
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlsplit

import nats
import pytest
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy, StorageType, StreamConfig

from propagation.choice import Choice
from propagation.stores.base import ChoiceRefused, Key, Store, StoreUnavailable
from propagation.stores.nats import NatsStore
from propagation.tests.contract import SECRET, StoreContract, choice
from propagation.tests.proxies import Proxy, proxy_to
from tests.servers import free_port, start_nats


class Stream:
    """The test's own view of a stream."""

    def __init__(self, url: str, name: str) -> None:
        self.url, self.name = url, name

    def messages(self) -> list[Any]:
        async def fetch(js: Any) -> list[Any]:
            count = (await js.stream_info(self.name)).state.messages
            config = ConsumerConfig(
                ack_policy=AckPolicy.NONE, deliver_policy=DeliverPolicy.ALL, inactive_threshold=5
            )
            consumer = await js.pull_subscribe("", stream=self.name, config=config)
            found: list[Any] = []
            while len(found) < count:
                found += await consumer.fetch(min(500, count - len(found)), timeout=5)
            return found

        return self._do(fetch)

    def create(self, **config: Any) -> None:
        self._do(lambda js: js.add_stream(StreamConfig(name=self.name, **config)))

    def config(self) -> StreamConfig:
        return self._do(lambda js: js.stream_info(self.name)).config

    def delete(self) -> None:
        self._do(lambda js: js.delete_stream(self.name))

    def _do(self, work: Any) -> Any:
        async def run() -> Any:
            client = await nats.connect(self.url)
            try:
                return await work(client.jetstream())
            finally:
                await client.close()

        return asyncio.run(run())


@pytest.fixture(scope="module", autouse=True)
def _another_stream(nats_url: str) -> Iterator[None]:
    """The server removes a folder with its last stream, sometimes from under a new one."""
    stream = Stream(nats_url, f"PRIVACYDASH_TEST_{uuid.uuid4().hex}")
    stream.create(subjects=[f"test.{stream.name}"])
    yield
    stream.delete()


class TestNats(StoreContract):
    bad_options: ClassVar = [
        {"url": f"http://u:{SECRET}@127.0.0.1/"},
        {"url": f"nats://u:{SECRET}@127.0.0.1:port/"},
        {"url": f"nats://u:{SECRET}@"},
        {"url": f"nats://u:{SECRET}@[127.0.0.1"},
        {"url": None},
        {"stream": "a.b"},
        {"stream": ""},
        {"subject": "a.>"},
        {"subject": "a b"},
        {"timeout": 0},
        {"duplicate_window": 0},
        {"replicas": 2},
    ]

    def make(self, **options: Any) -> NatsStore:
        return NatsStore(**{"url": "nats://127.0.0.1", **options})

    @pytest.fixture
    def stream(self, nats_url: str) -> Iterator[Stream]:
        stream = Stream(nats_url, f"PRIVACYDASH_TEST_{uuid.uuid4().hex}")
        yield stream
        with contextlib.suppress(nats.js.errors.NotFoundError):
            stream.delete()

    @pytest.fixture
    def options(self, stream: Stream) -> dict[str, str]:
        return {"stream": stream.name, "subject": f"test.{stream.name}"}

    @pytest.fixture
    def store(self, nats_url: str, stream: Stream, options: dict[str, Any]) -> NatsStore:
        self.stream = stream
        return NatsStore(nats_url, **options)

    @pytest.fixture
    def unreachable(self) -> NatsStore:
        return NatsStore(f"nats://u:{SECRET}@127.0.0.1:{free_port()}")

    @pytest.fixture
    def proxy(self, nats_url: str) -> Iterator[Proxy]:
        parts = urlsplit(nats_url)
        with proxy_to(parts.hostname or "", parts.port or 4222) as proxy:
            yield proxy

    @pytest.fixture
    def proxied(self, store: NatsStore, proxy: Proxy, options: dict[str, Any]) -> NatsStore:
        return NatsStore(f"nats://127.0.0.1:{proxy.port}", timeout=3, **options)

    def held(self, store: Store, keys: Iterable[Key]) -> Mapping[Key, Choice]:
        """As a consumer has it that keeps the first message of the highest revision."""
        newest: dict[Key, Choice] = {}
        for message in self.stream.messages():
            fields = json.loads(message.data)
            fields["changed_at"] = datetime.fromisoformat(fields["changed_at"])
            new = Choice(**fields)
            if new.key not in newest or newest[new.key].revision < new.revision:
                newest[new.key] = new
        return {key: newest[key] for key in keys if key in newest}

    def test_a_consumer_gets_each_choice_once(self, store: NatsStore, ref: str) -> None:
        for _ in range(3):
            store.write([choice(ref), choice(ref, purpose="other")])
        messages = self.stream.messages()
        assert len(messages) == 2
        assert json.loads(messages[0].data) == {
            "member_ref": ref,
            "purpose": "genai-training",
            "decision": "objected",
            "revision": 1,
            "changed_at": "2026-03-01T12:01:00.123456+00:00",
        }
        assert len({message.headers["Nats-Msg-Id"] for message in messages}) == 2

    def test_the_stream_is_made_to_last(self, store: NatsStore, stream: Stream) -> None:
        store.check()
        config = stream.config()
        assert config.storage == StorageType.FILE
        assert config.duplicate_window == 3600
        assert config.subjects == [f"test.{stream.name}"]

    def test_a_stream_in_memory_is_not_taken(
        self, store: NatsStore, stream: Stream, options: dict[str, str], ref: str
    ) -> None:
        stream.create(subjects=[options["subject"]], storage=StorageType.MEMORY)
        with pytest.raises(StoreUnavailable, match="memory"):
            store.write([choice(ref)])

    def test_a_stream_that_does_not_take_the_subject(
        self, store: NatsStore, stream: Stream, ref: str
    ) -> None:
        stream.create(subjects=[f"other.{ref}"], storage=StorageType.FILE)
        with pytest.raises(StoreUnavailable, match="no stream takes the subject"):
            store.write([choice(ref)])

    def test_a_subject_that_another_stream_takes(
        self, nats_url: str, store: NatsStore, options: dict[str, Any], ref: str
    ) -> None:
        store.check()
        other = NatsStore(nats_url, **{**options, "stream": f"OTHER_{uuid.uuid4().hex}"})
        with pytest.raises(StoreUnavailable):
            other.write([choice(ref)])
        assert self.stream.messages() == []

    def test_a_deleted_stream_is_made_again(
        self, store: NatsStore, stream: Stream, ref: str
    ) -> None:
        store.write([choice(ref)])
        stream.delete()
        with pytest.raises(StoreUnavailable):
            store.write([choice(f"{ref}-2")])
        store.write([choice(f"{ref}-2")])
        self.assert_holds(store, [choice(f"{ref}-2")])

    def test_a_stream_that_is_full(
        self, store: NatsStore, stream: Stream, options: dict[str, str], ref: str
    ) -> None:
        stream.create(subjects=[options["subject"]], max_msgs=10, discard="new")
        with pytest.raises(StoreUnavailable, match="maximum messages"):
            store.write([choice(f"{ref}-{n}") for n in range(20)])

    def test_what_cannot_be_sent_is_refused_by_name(self, store: NatsStore, ref: str) -> None:
        bad = [choice("\ud800"), choice("x" * 100_000)]
        with pytest.raises(ChoiceRefused) as caught:
            store.write([choice(ref), *bad])
        assert {(r.member_ref, r.purpose) for r in caught.value.refusals} == {c.key for c in bad}
        self.assert_holds(store, [choice(ref)])

    @pytest.mark.parametrize("budget", [100, 3_000, 30_000, 150_000])
    def test_cut_off_in_mid_batch(
        self, store: NatsStore, proxied: NatsStore, proxy: Proxy, ref: str, budget: int
    ) -> None:
        batch = [choice(f"{ref}-{n}") for n in range(500)]
        store.check()
        proxy.budget = budget
        began = time.monotonic()
        with pytest.raises(StoreUnavailable):
            proxied.write(batch)
        assert time.monotonic() - began < 5
        assert proxy.cuts
        proxied.write(batch)
        self.assert_holds(store, batch)
        assert len(self.stream.messages()) == 500

    def test_a_connection_cut_while_idle_does_not_show(
        self, store: NatsStore, proxied: NatsStore, proxy: Proxy, ref: str
    ) -> None:
        proxied.write([choice(ref)])
        proxy.cut()
        time.sleep(0.2)
        proxied.write([choice(ref, "allowed", 2)])
        self.assert_holds(store, [choice(ref, "allowed", 2)])

    def test_a_server_that_stops_and_comes_back(self, tmp_path: Path, ref: str) -> None:
        """While batches are written; all of them are in the stream in the end, each once."""
        port, stop = free_port(), threading.Event()
        store = NatsStore(f"nats://127.0.0.1:{port}", timeout=3)
        written: list[Choice] = []
        failures = 0

        def write_on() -> None:
            nonlocal failures
            while not stop.is_set():
                number = len(written)
                batch = [choice(f"{ref}-{number + n}") for n in range(100)]
                try:
                    store.write(batch)
                except StoreUnavailable:
                    failures += 1
                    time.sleep(0.05)
                else:
                    written.extend(batch)

        writer = threading.Thread(target=write_on)
        with start_nats(tmp_path, port):
            writer.start()
            _wait_until(lambda: len(written) >= 500)
        _wait_until(lambda: failures > 0)
        with start_nats(tmp_path, port):
            before = len(written)
            _wait_until(lambda: len(written) >= before + 500)
        stop.set()
        writer.join()
        with start_nats(tmp_path, port) as url:
            messages = Stream(url, "PRIVACYDASH").messages()
            refs = [json.loads(message.data)["member_ref"] for message in messages]
            assert set(refs) >= {c.member_ref for c in written}
            assert len(refs) == len(set(refs))

    @pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")
    def test_a_child_process_has_a_connection_of_its_own(self, store: NatsStore, ref: str) -> None:
        store.write([choice(ref)])
        child = os.fork()
        if not child:
            store.write([choice(f"{ref}-child")])
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        store.write([choice(f"{ref}-parent")])
        names = ("", "-child", "-parent")
        self.assert_holds(store, [choice(f"{ref}{name}") for name in names])

    def test_a_silent_server_is_unavailable(self, ref: str) -> None:
        with socket.create_server(("127.0.0.1", 0)) as silent:
            url = f"nats://u:{SECRET}@127.0.0.1:{silent.getsockname()[1]}"
            began = time.monotonic()
            with pytest.raises(StoreUnavailable) as caught:
                NatsStore(url, timeout=0.5).write([choice(ref)])
        assert time.monotonic() - began < 3
        assert SECRET not in str(caught.value)

    def test_a_server_without_jetstream_or_with_another_password(
        self, tmp_path: Path, ref: str
    ) -> None:
        with start_nats(tmp_path, options=["--user", "u", "--pass", "right"]) as url:
            for password, words in ((SECRET, "(?i)authorization"), ("right", "(?i)jetstream")):
                login = url.replace("//", f"//u:{password}@")
                with pytest.raises(StoreUnavailable, match=words) as caught:
                    NatsStore(login, timeout=2).write([choice(ref)])
                assert SECRET not in str(caught.value)


def _wait_until(condition: Callable[[], bool]) -> None:
    while not condition():
        time.sleep(0.01)
