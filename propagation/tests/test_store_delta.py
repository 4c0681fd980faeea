"""Training tables in Delta Lake, in local folders and on a real S3 server."""

import os
import random
import signal
import threading
import uuid
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlsplit

import duckdb
import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake
from deltalake.exceptions import CommitFailedError

from propagation.stores import deltatable
from propagation.stores.base import StoreUnavailable
from propagation.stores.delta import TrainingTableStore
from propagation.stores.objects import ObjectStore
from propagation.tests.contract import ODD_REFS, SECRET, ReadableStoreContract, choice
from tests.servers import free_port


class Lake:
    """Two training tables, and the folder beside them that the store keeps for itself."""

    def __init__(self, folder: Path) -> None:
        self.posts, self.photos = str(folder / "posts"), str(folder / "photos")
        self.options: dict[str, Any] = {
            "tables": [f"file://{self.posts}", f"file://{self.photos}"],
            "state": f"file://{folder}/privacydash",
        }
        self.add(self.posts, ["somebody"])
        self.add(self.photos, ["somebody"])

    def add(self, table: str, refs: Sequence[str]) -> None:
        rows = pa.table({"member_ref": pa.array(refs, pa.string()), "text": ["…"] * len(refs)})
        write_deltalake(table, rows, mode="append")

    def rows(self, table: str) -> Counter[str]:
        return Counter(DeltaTable(table).to_pyarrow_table()["member_ref"].to_pylist())


class TestTrainingTables(ReadableStoreContract):
    bad_options: ClassVar = [
        {"tables": []},
        {"tables": "file:///one"},
        {"tables": [None]},
        {"tables": [f"s3://key:{SECRET}@bucket/table"]},
        {"tables": ["/no/scheme"]},
        {"state": f"http://u:{SECRET}@host/"},
        {"member_column": ""},
        {"purpose": ""},
        {"timeout": 0},
    ]

    def make(self, **options: Any) -> TrainingTableStore:
        given = {"tables": ["file:///tmp/x"], "state": "file:///tmp/y"}
        return TrainingTableStore(**{**given, **options})

    @pytest.fixture
    def lake(self, tmp_path: Path) -> Lake:
        return Lake(tmp_path)

    @pytest.fixture
    def store(self, lake: Lake) -> TrainingTableStore:
        return TrainingTableStore(**lake.options)

    @pytest.fixture
    def empty_store(self, store: TrainingTableStore) -> TrainingTableStore:
        return store

    @pytest.fixture
    def unreachable(self) -> TrainingTableStore:
        return TrainingTableStore(
            tables=["s3://lake/posts"],
            state="s3://lake/privacydash",
            endpoint=f"http://127.0.0.1:{free_port()}",
            region="us-east-1",
            access_key="key",
            secret_key=SECRET,
            timeout=1,
        )

    def test_an_objection_deletes_the_rows_from_each_table_and_counts_them(
        self, store: TrainingTableStore, lake: Lake
    ) -> None:
        lake.add(lake.posts, ["a", "a", "b", "c"])
        lake.add(lake.photos, ["a", "c"])
        store.write([choice("a"), choice("b", "allowed"), choice("d")])
        assert lake.rows(lake.posts) == {"somebody": 1, "b": 1, "c": 1}
        assert lake.rows(lake.photos) == {"somebody": 1, "c": 1}
        keys = [choice(ref).key for ref in "abcd"]
        assert store.removed(keys) == {choice("a").key: 3}
        store.write([choice("a")])
        assert store.removed(keys) == {choice("a").key: 3}

    def test_another_purpose_deletes_nothing(self, store: TrainingTableStore, lake: Lake) -> None:
        lake.add(lake.posts, ["a"])
        store.write([choice("a", purpose="ads-ranking")])
        assert lake.rows(lake.posts)["a"] == 1
        self.assert_holds(store, [choice("a", purpose="ads-ranking")])

    def test_odd_refs_delete_their_own_rows_alone(
        self, store: TrainingTableStore, lake: Lake
    ) -> None:
        lake.add(lake.posts, ODD_REFS)
        for n, odd in enumerate(ODD_REFS, 1):
            store.write([choice(odd)])
            assert lake.rows(lake.posts) == Counter([*ODD_REFS[n:], "somebody"])
        assert set(store.removed([choice(odd).key for odd in ODD_REFS]).values()) == {1}

    def test_rows_that_come_later_are_found_and_deleted_again(
        self, store: TrainingTableStore, lake: Lake
    ) -> None:
        batch = [choice("a"), choice("b"), choice("c", "allowed")]
        keys = [c.key for c in batch]
        store.write(batch)
        lake.add(lake.photos, ["a", "a", "c"])
        assert store.check_rows(["a", "b", "c"]) == {"a": 2, "c": 1}
        assert store.read(keys) == {c.key: c for c in batch[1:]}
        assert list(store.scan(None, 10)) == batch[1:]
        store.repair(batch[:1], [])
        assert store.read(keys) == {c.key: c for c in batch}
        lake.add(lake.posts, ["a"])
        store.write(batch)  # a repeat from the relay does it as well
        assert lake.rows(lake.posts) == {"somebody": 1}
        assert store.removed(keys) == {batch[0].key: 3}

    def test_pages_are_filled_up_when_many_are_left_out(
        self, store: TrainingTableStore, lake: Lake
    ) -> None:
        batch = [choice(f"m{n:02}") for n in range(30)]
        store.write(batch)
        lake.add(lake.posts, [c.member_ref for c in batch[:25]])
        assert list(store.scan(None, 3)) == batch[25:28]
        assert list(store.scan(batch[27].key, 3)) == batch[28:]

    def test_an_older_objection_does_not_delete_after_a_newer_allow(
        self, store: TrainingTableStore, lake: Lake
    ) -> None:
        store.write([choice("a", "objected", 1)])
        store.write([choice("a", "allowed", 2)])
        lake.add(lake.posts, ["a"])
        for late in (choice("a", "objected", 1), choice("a", "objected", 2)):
            store.write([late])
        assert lake.rows(lake.posts)["a"] == 1
        self.assert_holds(store, [choice("a", "allowed", 2)])
        store.write([choice("a", "objected", 3)])
        assert lake.rows(lake.posts)["a"] == 0

    def test_a_choice_is_not_kept_before_the_rows_are_gone(
        self, store: TrainingTableStore, lake: Lake, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        lake.add(lake.photos, ["a"])

        def fail(*arguments: object) -> None:
            raise CommitFailedError("somebody else was faster")

        monkeypatch.setattr(deltatable.DeltaTable, "delete", fail)
        monkeypatch.setattr(deltatable.time, "sleep", lambda seconds: None)
        with pytest.raises(StoreUnavailable, match="others keep changing"):
            store.write([choice("a")])
        monkeypatch.undo()
        assert store.read([choice("a").key]) == {}
        store.write([choice("a")])
        self.assert_holds(store, [choice("a")])

    def test_rows_that_come_back_at_once_are_not_confirmed_as_gone(
        self, store: TrainingTableStore, lake: Lake, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """An import follows each deletion: three times, and then without end."""
        remove, imports = deltatable.Table.remove, [["a"], ["a", "a"], []]

        def remove_and_import(table: deltatable.Table, *arguments: Any) -> int:
            count = remove(table, *arguments)
            if refs := imports.pop(0) if imports else ["b"]:
                lake.add(lake.posts, refs)
            return count

        monkeypatch.setattr(deltatable.Table, "remove", remove_and_import)
        lake.add(lake.posts, ["a", "b"])
        store.write([choice("a")])
        assert lake.rows(lake.posts) == {"somebody": 1, "b": 1}
        assert store.removed([choice("a").key]) == {choice("a").key: 4}
        with pytest.raises(StoreUnavailable, match="keep coming back"):
            store.write([choice("b")])
        monkeypatch.undo()
        assert store.read([choice("b").key]) == {}

    def test_while_others_write_to_the_tables(self, store: TrainingTableStore, lake: Lake) -> None:
        """Imports and deletions of others at the same time: all of ours go, none of theirs."""
        lake.add(lake.posts, [f"m{n}" for n in range(60)])
        done = threading.Event()

        def work_on() -> None:
            number = 0
            while not done.is_set():
                lake.add(lake.posts, [f"new-{number}"])
                if number % 3 == 0:
                    DeltaTable(lake.posts).update(
                        updates={"text": "'edited'"}, predicate="member_ref = 'somebody'"
                    )
                number += 1

        def import_() -> None:
            while not done.is_set():
                try:
                    work_on()
                except CommitFailedError:
                    continue

        with ThreadPoolExecutor(1) as pool:
            importing = pool.submit(import_)
            for n in range(0, 60, 12):
                store.write([choice(f"m{n + i}") for i in range(12)])
            done.set()
            importing.result()
        rows = lake.rows(lake.posts)
        assert rows["somebody"] == 1
        assert all(ref == "somebody" or ref.startswith("new-") for ref in rows)
        self.assert_holds(store, [choice(f"m{n}") for n in range(60)])

    def test_a_table_that_is_missing_or_has_no_such_column(
        self, store: TrainingTableStore, lake: Lake, tmp_path: Path, ref: str
    ) -> None:
        state = lake.options["state"]
        wrong = [
            (TrainingTableStore([f"file://{tmp_path}/nowhere"], state), "there is no Delta table"),
            (TrainingTableStore(lake.options["tables"], state, "user"), "has no column user"),
        ]
        write_deltalake(f"{tmp_path}/floats", pa.table({"member_ref": [1.5]}))
        floats = TrainingTableStore([f"file://{tmp_path}/floats"], state)
        for other, words in [*wrong, (floats, "string or integer")]:
            for attempt in (other.check, lambda other=other: other.write([choice(ref)])):
                with pytest.raises(StoreUnavailable, match=words):
                    attempt()
        assert store.read([choice(ref).key]) == {}

    @pytest.mark.parametrize("kind", [pa.int32(), pa.int64()])
    def test_a_column_of_numbers_with_an_odd_name(self, tmp_path: Path, kind: pa.DataType) -> None:
        column, path = 'Member "Ref"', f"{tmp_path}/numbers"
        write_deltalake(path, pa.table({column: pa.array([7, 7, 70, -1, None], kind)}))
        store = TrainingTableStore([f"file://{path}"], f"file://{tmp_path}/state", column)
        refs = ["7", "007", "07", " 7", "7.0", "٧", "1 OR 1=1", "9" * 18, "9" * 30, "x", "-1"]
        store.write([choice(ref) for ref in refs])
        left = DeltaTable(path).to_pyarrow_table()[column].to_pylist()
        assert sorted(left, key=str) == [70, None]
        assert store.removed([choice("7").key, choice("-1").key, choice("70").key]) == {
            choice("7").key: 2,
            choice("-1").key: 1,
        }
        self.assert_holds(store, [choice(ref) for ref in refs])

    def test_a_partitioned_table_of_many_files(self, tmp_path: Path) -> None:
        path, refs = f"{tmp_path}/many", [f"m{n}" for n in range(2000)]
        for day in range(5):
            rows = pa.table({"member_ref": refs, "day": [day] * 2000})
            write_deltalake(path, rows, mode="append", partition_by=["day"])
        store = TrainingTableStore([f"file://{path}"], f"file://{tmp_path}/state")
        some = random.Random(5).sample(refs, 300)
        store.write([choice(ref) for ref in some])
        assert DeltaTable(path).count() == 5 * 1700
        assert store.removed([choice(ref).key for ref in some]) == {
            choice(ref).key: 5 for ref in some
        }

    def test_teams_read_what_went(self, store: TrainingTableStore, lake: Lake) -> None:
        lake.add(lake.posts, ["a", "a"])
        store.write([choice("a")])
        removals = DeltaTable(f"{urlsplit(lake.options['state']).path}/removals")
        rows = duckdb.from_arrow(removals.to_pyarrow_table())
        found = rows.project('"table", member_ref, purpose, revision, rows').fetchall()
        assert found == [(lake.options["tables"][0], "a", "genai-training", 1, 2)]

    def test_the_notes_are_compacted(
        self, store: TrainingTableStore, lake: Lake, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(deltatable, "COMPACT_EVERY", 4)
        for n in range(8):
            lake.add(lake.posts, [f"m{n}"])
            store.write([choice(f"m{n}")])
        removals = DeltaTable(f"{urlsplit(lake.options['state']).path}/removals")
        assert len(removals.file_uris()) < 5
        keys = [choice(f"m{n}").key for n in range(8)]
        assert store.removed(keys) == dict.fromkeys(keys, 1)

    @pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")
    def test_a_fork_of_a_process_that_used_it_says_so(
        self, store: TrainingTableStore, s3_url: str, ref: str
    ) -> None:
        """Instead of hanging, or ending the worker, inside the library."""
        store.write([choice(ref)])
        parts = urlsplit(s3_url)
        in_s3 = ObjectStore(
            f"s3:/{parts.path}/x",
            endpoint=f"{parts.scheme}://{parts.hostname}:{parts.port}",
            region="us-east-1",
            access_key=parts.username,
            secret_key=parts.password,
        )
        in_s3.check()
        child = os.fork()
        if not child:
            signal.alarm(20)
            for attempt in (lambda: store.read([choice(ref).key]), in_s3.check):
                try:
                    attempt()
                except StoreUnavailable as error:
                    if "forked" in str(error):
                        continue
                os._exit(1)
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0

    def test_on_s3(self, s3_url: str) -> None:
        parts = urlsplit(s3_url)
        endpoint = f"{parts.scheme}://{parts.hostname}:{parts.port}"
        table = f"s3:/{parts.path}/{uuid.uuid4().hex}"
        access = {"access_key": parts.username, "secret_key": parts.password}
        options = {"endpoint": endpoint, "region": "us-east-1", **access}
        store = TrainingTableStore([table], f"{table}-state", **options)
        with pytest.raises(StoreUnavailable, match="there is no Delta table"):
            store.check()
        rows = pa.table({"member_ref": ["a", "a", "b"]})
        place = store._tables[0]
        write_deltalake(table, rows, storage_options=place._options)
        store.check()
        store.write([choice("a")])
        assert store.check_rows(["a", "b"]) == {"b": 1}
        assert store.removed([choice("a").key]) == {choice("a").key: 2}
        wrong = TrainingTableStore([table], f"{table}-state", **{**options, "secret_key": SECRET})
        with pytest.raises(StoreUnavailable) as caught:
            wrong.write([choice("b")])
        assert SECRET not in str(caught.value)
