"""The SQL store, against SQLite, PostgreSQL and MariaDB."""

import os
import signal
import socket
import sqlite3
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, ClassVar

import psycopg
import pymysql
import pytest
from sqlalchemy import event
from sqlalchemy.engine import make_url

from propagation.choice import Choice
from propagation.stores.base import ChoiceRefused, StoreUnavailable
from propagation.stores.sql import SqlStore
from propagation.tests.contract import SECRET, DigestStoreContract, choice
from tests.servers import free_port, start_postgres


def _table() -> str:
    return f"choices_{uuid.uuid4().hex[:12]}"


class SqlContract(DigestStoreContract):
    bad_options: ClassVar = [
        {"url": f"not a url {SECRET}"},
        {"url": f"oracle://u:{SECRET}@db/x"},
        {"url": "sqlite://"},
        {"url": "sqlite:///:memory:"},
        {"url": "sqlite:///x.db", "table": "a; DROP TABLE b"},
        {"url": "sqlite:///x.db", "table": ""},
        {"url": "sqlite:///x.db", "timeout": 0},
        {"url": "sqlite:///x.db", "connect_timeout": -1},
    ]

    def make(self, **options: Any) -> SqlStore:
        return SqlStore(**{"url": "sqlite:///x.db", **options})

    @pytest.fixture
    def url(self) -> str:
        raise NotImplementedError

    @pytest.fixture
    def store(self, url: str) -> Iterator[SqlStore]:
        store = SqlStore(url, table=_table())
        yield store
        store._engine.dispose()

    @pytest.fixture
    def empty_store(self, store: SqlStore) -> SqlStore:
        return store

    def test_refused_rows_do_not_hold_up_the_others(self, store: SqlStore, ref: str) -> None:
        good = [choice(f"{ref}-{n}") for n in range(100)]
        bad = [
            choice("x" * 256),
            choice("x" * 255 + " "),
            choice("\ud800"),
            choice("x" * 1_000_000),
        ]
        wrong = choice(f"{ref}-wrong", "perhaps")
        with pytest.raises(ChoiceRefused) as caught:
            store.write([*bad[:2], *good[:50], wrong, *good[50:], *bad[2:]])
        refused = {(r.member_ref, r.purpose) for r in caught.value.refusals}
        assert refused == {c.key for c in [*bad, wrong]}
        assert all(r.reason for r in caught.value.refusals)
        self.assert_holds(store, good)

    def test_stores_that_start_together_create_one_table(self, url: str, ref: str) -> None:
        table = _table()
        stores = [SqlStore(url, table=table) for _ in range(4)]
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda store: store.write([choice(ref)]), stores))
        self.assert_holds(stores[0], [choice(ref)])

    def test_a_batch_is_one_statement(self, store: SqlStore, ref: str) -> None:
        store.check()
        statements: list[str] = []
        event.listen(
            store._engine, "before_cursor_execute", lambda *args: statements.append(args[2])
        )
        store.write([choice(f"{ref}-{n}") for n in range(1000)])
        assert len(statements) == 1

    def test_the_table_is_made_again_when_it_was_lost(self, store: SqlStore, ref: str) -> None:
        store.write([choice(ref)])
        store._table.drop(store._engine)
        with pytest.raises(StoreUnavailable):
            store.write([choice(ref)])
        store.write([choice(ref)])
        self.assert_holds(store, [choice(ref)])


class TestSqlite(SqlContract):
    @pytest.fixture
    def url(self, tmp_path: Path) -> str:
        return f"sqlite:///{tmp_path}/store.db"

    @pytest.fixture
    def unreachable(self, tmp_path: Path) -> SqlStore:
        return SqlStore(f"sqlite:///{tmp_path}/missing/store.db")

    def test_a_locked_file_is_waited_for_within_limits(self, url: str, ref: str) -> None:
        store = SqlStore(url, timeout=0.2)
        store.check()
        with sqlite3.connect(url.removeprefix("sqlite:///")) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(StoreUnavailable, match="locked"):
                store.write([choice(ref)])
        store.write([choice(ref)])


class TestPostgresql(SqlContract):
    @pytest.fixture
    def url(self, postgres_url: str) -> str:
        return postgres_url

    @pytest.fixture
    def unreachable(self) -> SqlStore:
        return SqlStore(f"postgresql://u:{SECRET}@127.0.0.1:{free_port()}/x", connect_timeout=2)

    def test_a_team_reads_it_with_plain_sql(self, store: SqlStore, url: str, ref: str) -> None:
        store.write([choice(ref, purpose="reading")])
        query = f"SELECT * FROM {store._table.name} WHERE purpose = 'reading'"
        with psycopg.connect(url) as connection:
            row = connection.execute(query).fetchone()
        expected = choice(ref, purpose="reading")
        assert Choice(*row) == expected

    @pytest.mark.parametrize(
        "url",
        [
            f"postgresql://u:{SECRET}@127.0.0.1:1/x",
            f"postgresql://127.0.0.1:1/x?user=u&password={SECRET}",
        ],
    )
    def test_passwords_are_taken_out_of_what_drivers_say(self, url: str) -> None:
        words = SqlStore(url)._words(RuntimeError(f"could not connect as u with {SECRET}"))
        assert words == "postgresql at 127.0.0.1: could not connect as u with ***"

    def test_nul_is_refused_by_name(self, store: SqlStore, ref: str) -> None:
        with pytest.raises(ChoiceRefused) as caught:
            store.write([choice(ref), choice(f"{ref}\0")])
        assert [r.member_ref for r in caught.value.refusals] == [f"{ref}\0"]
        self.assert_holds(store, [choice(ref)])
        assert store.read([(f"{ref}\0", "p"), choice(ref).key]) == {choice(ref).key: choice(ref)}

    def test_a_lock_held_by_another_is_waited_for_within_limits(self, url: str, ref: str) -> None:
        store = SqlStore(url, table=_table(), timeout=0.3)
        store.write([choice(ref)])
        with psycopg.connect(url) as other:
            other.execute(f"LOCK TABLE {store._table.name}")
            began = time.monotonic()
            with pytest.raises(StoreUnavailable, match="timeout"):
                store.write([choice(ref, revision=2)])
            assert time.monotonic() - began < 5
        store.write([choice(ref, revision=2)])

    def test_connections_cut_while_idle_do_not_show(
        self, store: SqlStore, url: str, ref: str
    ) -> None:
        store.write([choice(ref)])
        with psycopg.connect(url, autocommit=True) as other:
            other.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        store.write([choice(ref, revision=2)])
        self.assert_holds(store, [choice(ref, revision=2)])

    def test_a_frozen_server_is_unavailable(self, tmp_path: Path, ref: str) -> None:
        with start_postgres(tmp_path) as url:
            store = SqlStore(url, timeout=1, connect_timeout=2)
            store.write([choice(ref)])
            with psycopg.connect(url) as probe:
                children = _processes_of(probe)
                for pid in children:
                    os.kill(pid, signal.SIGSTOP)
                try:
                    began = time.monotonic()
                    with pytest.raises(StoreUnavailable):
                        store.write([choice(ref, revision=2)])
                    assert time.monotonic() - began < 10
                finally:
                    for pid in children:
                        os.kill(pid, signal.SIGCONT)


def _processes_of(connection: psycopg.Connection) -> list[int]:
    """The server's main process and those of its clients, but not of this connection."""
    query = "SELECT pid FROM pg_stat_activity WHERE datname IS NOT NULL AND pid <> pg_backend_pid()"
    backends = [row[0] for row in connection.execute(query)]
    own = connection.info.backend_pid
    main = int(Path(f"/proc/{own}/stat").read_text().rpartition(")")[2].split()[1])
    return [*backends, main]


class TestMariaDB(SqlContract):
    @pytest.fixture
    def url(self, mariadb_url: str) -> str:
        return mariadb_url

    @pytest.fixture
    def unreachable(self) -> SqlStore:
        return SqlStore(f"mariadb://u:{SECRET}@127.0.0.1:{free_port()}/x", connect_timeout=2)

    def test_times_are_in_utc(self, store: SqlStore, url: str, ref: str) -> None:
        store.write([choice(ref)])
        parts = make_url(url)
        where = {"host": parts.host, "port": parts.port, "database": parts.database}
        with (
            pymysql.connect(user=parts.username, password=parts.password or "", **where) as other,
            other.cursor() as cursor,
        ):
            cursor.execute(f"SELECT changed_at FROM {store._table.name}")
            assert cursor.fetchone() == (choice(ref).changed_at.replace(tzinfo=None),)

    def test_a_lock_held_by_another_is_waited_for_within_limits(self, url: str, ref: str) -> None:
        store = SqlStore(url, table=_table(), timeout=1)
        store.write([choice(ref)])
        with SqlStore(url)._engine.connect() as other:
            other.exec_driver_sql(f"SELECT * FROM {store._table.name} FOR UPDATE")
            with pytest.raises(StoreUnavailable):
                store.write([choice(ref, revision=2)])
        store.write([choice(ref, revision=2)])

    def test_a_silent_server_is_unavailable(self, ref: str) -> None:
        with socket.create_server(("127.0.0.1", 0)) as silent:
            port = silent.getsockname()[1]
            store = SqlStore(f"mysql://u:{SECRET}@127.0.0.1:{port}/x", connect_timeout=1, timeout=1)
            began = time.monotonic()
            with pytest.raises(StoreUnavailable):
                store.write([choice(ref)])
            assert time.monotonic() - began < 10
