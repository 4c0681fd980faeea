"""The Redis store in both forms, against a real server."""

import socket
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar

import pytest
import redis

from propagation.choice import Choice
from propagation.stores.base import ChoiceRefused, StoreUnavailable
from propagation.stores.redis import NEVER, RedisStore
from propagation.tests.contract import SECRET, UnorderedStoreContract, choice
from tests.servers import free_port


class RedisContract(UnorderedStoreContract):
    form: ClassVar[str]
    bad_options: ClassVar = [
        {"url": f"http://u:{SECRET}@127.0.0.1/"},
        {"url": f"redis://u:{SECRET}@[127.0.0.1/"},
        {"url": f"redis://u:{SECRET}@127.0.0.1:port/"},
        {"url": None},
        {"form": "list"},
        {"timeout": 0},
    ]

    def make(self, **options: Any) -> RedisStore:
        return RedisStore(**{"url": "redis://127.0.0.1/", "form": self.form, **options})

    @pytest.fixture
    def client(self, redis_url: str) -> redis.Redis:
        return redis.Redis.from_url(redis_url, decode_responses=True)

    @pytest.fixture
    def prefix(self) -> str:
        return f"test*[{uuid.uuid4().hex}]:"

    @pytest.fixture
    def store(self, redis_url: str, prefix: str) -> RedisStore:
        return RedisStore(redis_url, prefix=prefix, form=self.form)

    @pytest.fixture
    def empty_store(self, store: RedisStore) -> RedisStore:
        return store

    @pytest.fixture
    def unreachable(self) -> RedisStore:
        return RedisStore(f"redis://u:{SECRET}@127.0.0.1:{free_port()}/0", form=self.form)

    def test_scripts_are_loaded_again_after_a_restart(
        self, store: RedisStore, client: redis.Redis, ref: str
    ) -> None:
        store.write([choice(ref)])
        client.script_flush()
        store.write([choice(ref, "allowed", 2)])
        self.assert_holds(store, [choice(ref, "allowed", 2)])

    def test_what_is_not_unicode_is_refused_by_name(self, store: RedisStore, ref: str) -> None:
        with pytest.raises(ChoiceRefused) as caught:
            store.write([choice(ref), choice("\ud800")])
        assert [r.member_ref for r in caught.value.refusals] == ["\ud800"]
        self.assert_holds(store, [choice(ref)])

    def test_connections_cut_while_idle_do_not_show(
        self, store: RedisStore, client: redis.Redis, ref: str
    ) -> None:
        store.write([choice(ref)])
        own = store._client.client_id()
        client.client_kill_filter(_id=own)
        store.write([choice(ref, "allowed", 2)])
        self.assert_holds(store, [choice(ref, "allowed", 2)])

    def test_a_silent_server_is_unavailable(self, ref: str) -> None:
        with socket.create_server(("127.0.0.1", 0)) as silent:
            port = silent.getsockname()[1]
            store = RedisStore(f"redis://:{SECRET}@127.0.0.1:{port}/0", form=self.form, timeout=0.5)
            began = time.monotonic()
            with pytest.raises(StoreUnavailable) as caught:
                store.write([choice(ref)])
            assert time.monotonic() - began < 3
            assert SECRET not in str(caught.value)

    def test_a_wrong_password_is_not_repeated(self, redis_url: str, ref: str) -> None:
        host = redis_url.rpartition("@")[2].removeprefix("redis://")
        store = RedisStore(f"redis://nobody:{SECRET}@{host}", form=self.form)
        with pytest.raises(StoreUnavailable) as caught:
            store.write([choice(ref)])
        assert SECRET not in str(caught.value)

    def test_pages_see_every_key_while_others_write(self, store: RedisStore, ref: str) -> None:
        held = [choice(f"{ref}-{n:04}") for n in range(2000)]
        store.write(held)
        with ThreadPoolExecutor(1) as pool:
            writing = pool.submit(store.write, [choice(f"z{ref}-{n}") for n in range(2000)])
            seen = {c.key for c in store.scan(None, 5000)}
            writing.result()
        assert seen >= {c.key for c in held}


class TestHashForm(RedisContract):
    form = "hash"

    def test_a_team_reads_a_hash(
        self, store: RedisStore, client: redis.Redis, prefix: str, ref: str
    ) -> None:
        store.write([choice(ref)])
        assert client.hgetall(f"{prefix}genai-training:{ref}") == {
            "decision": "objected",
            "revision": "1",
            "changed_at": "2026-03-01T12:01:00.123456+00:00",
        }

    def test_a_key_of_somebody_else_is_refused_and_the_others_are_taken(
        self, store: RedisStore, client: redis.Redis, prefix: str, ref: str
    ) -> None:
        client.set(f"{prefix}genai-training:{ref}-7", "theirs")
        batch = [choice(f"{ref}-{n}") for n in range(1200)]
        with pytest.raises(ChoiceRefused) as caught:
            store.write(batch)
        assert [r.member_ref for r in caught.value.refusals] == [f"{ref}-7"]
        good = [c for c in batch if c.member_ref != f"{ref}-7"]
        assert dict(store.read(c.key for c in batch)) == {c.key: c for c in good}
        assert {c.key for c in store.scan(None, 5000)} == {c.key for c in good}

    def test_edited_entries_are_seen_as_they_are(
        self, store: RedisStore, client: redis.Redis, prefix: str, ref: str
    ) -> None:
        store.write([choice(f"{ref}-{n}") for n in range(4)])
        name = f"{prefix}genai-training:{ref}"
        client.hset(f"{name}-0", "decision", "allowed")
        client.hset(f"{name}-1", "revision", "many")
        client.hdel(f"{name}-2", "changed_at")
        client.delete(f"{name}-3")
        client.hset(f"{name}-9", "decision", "objected")
        found = {c.member_ref.removeprefix(f"{ref}-"): c for c in store.scan(None, 10)}
        assert found.keys() == {"0", "1", "2", "9"}
        assert found["0"].decision == "allowed"
        for number in ("1", "2", "9"):
            assert found[number].revision == 0
            assert found[number].changed_at == NEVER

    def test_an_entry_that_cannot_be_read_is_written_over(
        self, store: RedisStore, client: redis.Redis, prefix: str, ref: str
    ) -> None:
        client.hset(f"{prefix}genai-training:{ref}", "revision", "many")
        store.write([choice(ref)])
        self.assert_holds(store, [choice(ref)])


class TestSetForm(RedisContract):
    form = "set"

    def test_a_team_reads_a_set(
        self, store: RedisStore, client: redis.Redis, prefix: str, ref: str
    ) -> None:
        store.write([choice(f"{ref}-1"), choice(f"{ref}-2"), choice(f"{ref}-3", "allowed")])
        objected = f"{prefix}genai-training:objected"
        assert client.smembers(objected) == {f"{ref}-1", f"{ref}-2"}
        store.write([choice(f"{ref}-1", "allowed", 2), choice(f"{ref}-3", "objected", 2)])
        assert client.smembers(objected) == {f"{ref}-2", f"{ref}-3"}
        client.sadd(f"{prefix}training", f"{ref}-1", f"{ref}-2")
        assert client.sdiff(f"{prefix}training", objected) == {f"{ref}-1"}

    def test_an_old_objection_does_not_come_back(
        self, store: RedisStore, client: redis.Redis, prefix: str, ref: str
    ) -> None:
        store.write([choice(ref, "allowed", 2)])
        store.write([choice(ref, "objected", 1)])
        assert not client.sismember(f"{prefix}genai-training:objected", ref)

    def test_the_set_decides_what_is_read(
        self, store: RedisStore, client: redis.Redis, prefix: str, ref: str
    ) -> None:
        store.write([choice(f"{ref}-1"), choice(f"{ref}-2", "allowed")])
        objected = f"{prefix}genai-training:objected"
        client.srem(objected, f"{ref}-1")
        client.sadd(objected, f"{ref}-2", f"{ref}-3")
        found = {c.member_ref: c for c in store.scan(None, 10)}
        assert found[f"{ref}-1"].decision == "allowed"
        assert found[f"{ref}-2"].decision == "objected"
        extra = Choice(f"{ref}-3", "genai-training", "objected", 0, NEVER)
        assert found[f"{ref}-3"] == extra
        assert store.read([extra.key]) == {extra.key: extra}
