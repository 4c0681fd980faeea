"""The suppression list as Parquet, in a local folder and on a real S3 server."""

import hashlib
import json
import multiprocessing
import random
import shutil
import threading
import uuid
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar
from urllib.parse import urlsplit

import duckdb
import polars
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from propagation.choice import Choice
from propagation.stores import objects
from propagation.stores.base import ChoiceRefused, Key, StoreUnavailable
from propagation.stores.objects import ObjectStore
from propagation.tests.contract import SECRET, ReadableStoreContract, choice, toggles
from tests.servers import free_port, s3_files

WHO_OBJECTS = """
SELECT member_ref FROM read_parquet(getvariable('files')) WHERE purpose = 'genai-training'
GROUP BY member_ref HAVING arg_max(decision, revision) = 'objected' ORDER BY ALL
"""


def files_of(folder: Path) -> list[str]:
    manifest = json.loads((folder / "manifest.json").read_text())
    return [str(folder / file["name"]) for file in manifest["files"]]


def objectors_by_duckdb(folder: Path) -> list[str]:
    with duckdb.connect() as connection:
        connection.execute(
            f"""SET VARIABLE files = (SELECT list('{folder}/' || file.name) FROM
            (SELECT unnest(files) AS file FROM read_json('{folder}/manifest.json')))"""
        )
        return [row[0] for row in connection.execute(WHO_OBJECTS).fetchall()]


def objectors_by_polars(folder: Path) -> list[str]:
    rows = polars.scan_parquet(files_of(folder)).filter(polars.col("purpose") == "genai-training")
    newest = rows.group_by("member_ref").agg(polars.col("decision").sort_by("revision").last())
    found = newest.filter(polars.col("decision") == "objected").collect()
    return sorted(found["member_ref"])


class ObjectContract(ReadableStoreContract):
    bad_options: ClassVar = [
        {"url": f"http://u:{SECRET}@127.0.0.1/"},
        {"url": f"s3://key:{SECRET}@bucket/folder"},
        {"url": f"s3://[{SECRET}"},
        {"url": "file://"},
        {"url": "/no/scheme"},
        {"url": None},
        {"timeout": 0},
        {"max_deltas": 0},
        {"grace": -1},
        {"access_key": "key"},
        {"endpoint": f"http://u:{SECRET}@host"},
    ]

    def make(self, **options: Any) -> ObjectStore:
        return ObjectStore(**{"url": "file:///tmp/x", **options})

    @pytest.fixture
    def empty_store(self, store: ObjectStore) -> ObjectStore:
        return store

    def again(self, store: ObjectStore, **options: Any) -> ObjectStore:
        """Another process's view of the same list."""
        raise NotImplementedError

    def test_another_process_sees_what_was_written(self, store: ObjectStore, ref: str) -> None:
        for n in range(20):
            store.write([choice(f"{ref}-{n}")])
        assert len(list(self.again(store).scan(None, 100))) == 20

    def test_what_is_not_unicode_is_refused_by_name(self, store: ObjectStore, ref: str) -> None:
        for attempt in (store.write, lambda batch: store.repair(batch, [("\ud800", "p")])):
            with pytest.raises(ChoiceRefused) as caught:
                attempt([choice(ref), choice("\ud800")])
            assert [r.member_ref for r in caught.value.refusals] == ["\ud800"]
            self.assert_holds(store, [choice(ref)])

    def test_repair_takes_back_what_is_newer_and_removes_what_is_too_much(
        self, store: ObjectStore, ref: str
    ) -> None:
        wrong = [choice(f"{ref}-newer", "allowed", 9), choice(f"{ref}-equal", "allowed", 2)]
        extra = [choice(f"{ref}-extra"), choice(f"{ref}-newer", purpose="extra")]
        store.write([*wrong, *extra, choice(f"{ref}-older"), choice(f"{ref}-other")])
        right = [choice(f"{ref}-{word}", revision=2) for word in ("newer", "equal", "older", "new")]
        store.repair(right, [c.key for c in extra])
        assert not store.read([c.key for c in extra])
        self.assert_holds(store, [*right, choice(f"{ref}-other")])
        store.write([choice(f"{ref}-newer", "allowed", 3)])
        self.assert_holds(store, [choice(f"{ref}-newer", "allowed", 3)])

    def test_two_writers_with_folding(self, store: ObjectStore, ref: str) -> None:
        stores = [store, self.again(store), self.again(store)]

        def write(number: int) -> None:
            for n in range(12):
                stores[number].write([choice(f"{ref}-{number}-{n}"), choice(ref, revision=n + 1)])

        with ThreadPoolExecutor(3) as pool:
            list(pool.map(write, range(3)))
        expected = [choice(f"{ref}-{w}-{n}") for w in range(3) for n in range(12)]
        self.assert_holds(store, [*expected, choice(ref, revision=12)])

    def test_a_writer_that_was_stuck_undoes_nothing(
        self, store: ObjectStore, ref: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """It has read the manifest, and wakes up when the files of then are gone."""
        store.write([choice(f"{ref}-before")])
        stuck, other = self.again(store), self.again(store, grace=0)
        replace = stuck._folder.replace

        def after_others(*arguments: Any) -> bool:
            monkeypatch.undo()
            for n in range(12):
                other.write([choice(f"{ref}-{n}"), choice(ref, "allowed", n + 2)])
            return replace(*arguments)

        monkeypatch.setattr(stuck._folder, "replace", after_others)
        stuck.write([choice(ref, "objected", 1)])
        expected = [choice(f"{ref}-before"), *(choice(f"{ref}-{n}") for n in range(12))]
        self.assert_holds(self.again(store), [*expected, choice(ref, "allowed", 13)])


class TestLocalFolder(ObjectContract):
    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        return tmp_path / "list"

    @pytest.fixture
    def store(self, folder: Path) -> ObjectStore:
        return ObjectStore(f"file://{folder}", max_deltas=4)

    @pytest.fixture
    def unreachable(self, tmp_path: Path) -> ObjectStore:
        return ObjectStore(f"file://{tmp_path}/not/mounted")

    def again(self, store: ObjectStore, **options: Any) -> ObjectStore:
        return ObjectStore(store._url, max_deltas=4, **options)

    def test_teams_read_who_objects_now(self, store: ObjectStore, folder: Path) -> None:
        for n in range(40):
            store.write([choice(f"m-{n}"), choice(f"n-{n}", purpose="other")])
        store.write([choice(f"m-{n}", "allowed", 2) for n in range(0, 40, 2)])
        store.write([choice(f"m-{n}", "objected", 3) for n in range(0, 40, 4)])
        expected = sorted(f"m-{n}" for n in range(40) if n % 2 or not n % 4)
        assert objectors_by_duckdb(folder) == expected
        assert objectors_by_polars(folder) == expected

    def test_the_manifest_describes_the_files(self, store: ObjectStore, folder: Path) -> None:
        for n in range(3):
            store.write([choice(f"m-{n}"), choice(f"m-{n}", purpose="other")])
        manifest = json.loads((folder / "manifest.json").read_text())
        assert manifest["format"] == "privacydash-suppression-list/1"
        assert [file["rows"] for file in manifest["files"]] == [2, 2, 2]
        for file in manifest["files"]:
            content = (folder / file["name"]).read_bytes()
            assert len(content) == file["bytes"]
            assert hashlib.sha256(content).hexdigest() == file["sha256"]

    def test_files_are_sorted_and_encoded_small(self, store: ObjectStore, folder: Path) -> None:
        store.write([choice(f"m-{n}") for n in random.Random(1).sample(range(10_000), 5_000)])
        parquet = pq.ParquetFile(files_of(folder)[0])
        refs = parquet.read()["member_ref"].to_pylist()
        assert refs == sorted(refs)
        column = parquet.metadata.row_group(0).column(0)
        assert "DELTA_BYTE_ARRAY" in column.encodings
        assert column.compression == "ZSTD"

    def test_old_files_stay_for_readers_and_then_go(self, folder: Path, ref: str) -> None:
        store = ObjectStore(f"file://{folder}", max_deltas=2)
        store.write([choice(f"{ref}-0")])
        read_before = files_of(folder)
        for n in range(1, 9):
            store.write([choice(f"{ref}-{n}")])
        assert all(Path(name).exists() for name in read_before)
        assert len(list(folder.glob("*.parquet"))) > len(files_of(folder))
        hasty = ObjectStore(f"file://{folder}", max_deltas=2, grace=0)
        for n in range(9, 18):
            hasty.write([choice(f"{ref}-{n}")])
        manifest = json.loads((folder / "manifest.json").read_text())
        kept = {Path(name).name for name in files_of(folder)}
        kept |= {file["name"] for file in manifest["retired"]}
        assert {path.name for path in folder.glob("*.parquet")} == kept
        assert len(kept) < 10
        self.assert_holds(hasty, [choice(f"{ref}-{n}") for n in range(18)])

    def test_what_a_killed_writer_left_is_removed(self, folder: Path, ref: str) -> None:
        store = ObjectStore(f"file://{folder}", max_deltas=2)
        store.write([choice(ref)])
        shutil.copy(files_of(folder)[0], folder / f"{1:012}-abcdef.parquet")
        (folder / f"{10**11:012}-abcdef.parquet").touch()  # another writer is about to list it
        for n in range(9):
            store.write([choice(f"{ref}-{n}")])
        assert not (folder / f"{1:012}-abcdef.parquet").exists()
        assert (folder / f"{10**11:012}-abcdef.parquet").exists()

    @pytest.mark.parametrize("damage", ["torn", "flipped", "gone", "empty"])
    @pytest.mark.parametrize("large", [False, True])
    def test_a_damaged_file_counts_as_not_held_and_is_repaired(
        self, folder: Path, ref: str, damage: str, large: bool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        if large:  # read in pieces, not as a whole
            monkeypatch.setattr(objects, "SMALL", 100)
        store = ObjectStore(f"file://{folder}")
        batches = [[choice(f"{ref}-{b}-{n}") for n in range(300)] for b in range(3)]
        for batch in batches:
            store.write(batch)
        _spoil(Path(files_of(folder)[1]), damage)
        store = self.again(store)
        held = dict(store.read([c.key for batch in batches for c in batch]))
        assert held == {c.key: c for c in (*batches[0], *batches[2])}
        assert len(list(store.scan(None, 1000))) == 600
        store.repair(batches[1], [])
        self.assert_holds(store, [c for batch in batches for c in batch])
        assert len(objectors_by_duckdb(folder)) == 900

    def test_a_damaged_file_does_not_stop_folding(self, folder: Path, ref: str) -> None:
        store = ObjectStore(f"file://{folder}", max_deltas=3)
        store.write([choice(f"{ref}-first")])
        _spoil(Path(files_of(folder)[0]), "torn")
        store = ObjectStore(f"file://{folder}", max_deltas=3)
        for n in range(12):
            store.write([choice(f"{ref}-{n}")])
        assert {c.member_ref for c in store.scan(None, 100)} == {f"{ref}-{n}" for n in range(12)}
        assert len(objectors_by_polars(folder)) == 12

    def test_a_manifest_of_something_else_is_not_written_over(
        self, store: ObjectStore, folder: Path, ref: str
    ) -> None:
        folder.mkdir()
        for content in ("", "[]", "{}", json.dumps({"format": "other"})):
            (folder / "manifest.json").write_text(content)
            for attempt in (store.check, lambda: store.write([choice(ref)])):
                with pytest.raises(StoreUnavailable):
                    attempt()
            assert (folder / "manifest.json").read_text() == content

    def test_readers_see_a_whole_list_while_it_is_replaced(self, folder: Path) -> None:
        """Each batch turns all members at once: a reader must never see some of them turned."""
        store = ObjectStore(f"file://{folder}", max_deltas=2)
        members = [f"m-{n:03}" for n in range(100)]
        store.write([choice(member) for member in members])
        done = threading.Event()

        def read_on() -> int:
            count = 0
            while not done.is_set() or not count:
                revisions = {c.revision for c in self.again(store).scan(None, 1000)}
                assert len(revisions) == 1, revisions
                assert len(objectors_by_duckdb(folder)) in {0, 100}
                count += 1
            return count

        with ThreadPoolExecutor(2) as pool:
            readers = [pool.submit(read_on) for _ in range(2)]
            for revision in range(2, 30):
                word = "allowed" if revision % 2 else "objected"
                store.write([choice(member, word, revision) for member in members])
            done.set()
            assert all(reader.result() for reader in readers)

    def test_writers_that_are_killed_leave_a_list_that_can_be_read(
        self, store: ObjectStore, folder: Path
    ) -> None:
        context = multiprocessing.get_context("spawn")
        for _ in range(2):
            writer = context.Process(target=_write_for_ever, args=(store._url,))
            writer.start()
            _wait_for_more(store)
            writer.kill()
            writer.join()
            held = list(store.scan(None, 100_000))
            assert sorted(objectors_by_duckdb(folder)) == [c.member_ref for c in held]
        store.write([choice("last")])
        self.assert_holds(store, [choice("last")])

    @settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
    @given(data=st.data())
    def test_random_histories(self, data: st.DataObject) -> None:
        """Writes in any order, repairs and folding: as a dict of the highest revisions has it."""
        keys = st.tuples(st.sampled_from("abcdeé"), st.sampled_from(["p", "q"]))
        decisions = st.sampled_from(["objected", "allowed"])
        entries = st.dictionaries(keys, st.tuples(decisions, st.integers(1, 4)), max_size=6)
        model: dict[Key, Choice] = {}
        with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
            patch.setattr(objects, "SMALL", data.draw(st.sampled_from([1, 1 << 20])))
            patch.setattr(objects.sortedlist, "ROWS_IN_GROUP", data.draw(st.integers(1, 4)))
            store = ObjectStore(f"file://{folder}/list", max_deltas=data.draw(st.integers(1, 3)))
            for _ in range(data.draw(st.integers(1, 14))):
                batch = _choices(data.draw(entries))
                if data.draw(st.integers(0, 4)) == 0:
                    extra = data.draw(st.sets(keys)) - batch.keys()
                    store.repair(list(batch.values()), list(extra))
                    model = {k: c for k, c in model.items() if k not in extra} | batch
                else:
                    store.write(list(batch.values()))
                    model |= {k: c for k, c in batch.items() if _is_newer(c, model.get(k))}
                assert list(store.scan(None, 100)) == [model[key] for key in sorted(model)]
            after, limit = data.draw(st.none() | keys), data.draw(st.integers(1, 5))
            expected = sorted(key for key in model if after is None or key > after)[:limit]
            assert [c.key for c in store.scan(after, limit)] == expected
            wanted = data.draw(st.sets(keys))
            assert store.read(wanted) == {k: c for k, c in model.items() if k in wanted}


class TestS3(ObjectContract):
    @pytest.fixture
    def options(self, s3_url: str) -> dict[str, Any]:
        parts = urlsplit(s3_url)
        return {
            "url": f"s3:/{parts.path}/lists/{uuid.uuid4().hex}",
            "endpoint": f"{parts.scheme}://{parts.hostname}:{parts.port}",
            "region": "us-east-1",
            "access_key": parts.username,
            "secret_key": parts.password,
            "max_deltas": 4,
        }

    @pytest.fixture
    def store(self, options: dict[str, Any]) -> Iterator[ObjectStore]:
        store = ObjectStore(**options)
        store.options = options  # type: ignore[attr-defined]
        return store

    @pytest.fixture
    def unreachable(self) -> ObjectStore:
        return ObjectStore(
            "s3://bucket/folder",
            endpoint=f"http://127.0.0.1:{free_port()}",
            region="us-east-1",
            access_key="key",
            secret_key=SECRET,
            timeout=1,
        )

    def again(self, store: ObjectStore, **options: Any) -> ObjectStore:
        return ObjectStore(**{**store.options, **options})  # type: ignore[attr-defined]

    @pytest.mark.parametrize(
        "wrong",
        [
            {"url": "s3://no-such-bucket/folder"},
            {"secret_key": SECRET},
            {"access_key": "nobody"},
        ],
    )
    def test_a_missing_bucket_or_wrong_credentials(
        self, options: dict[str, Any], wrong: Mapping[str, str], ref: str
    ) -> None:
        store = ObjectStore(**{**options, **wrong})
        attempts: Sequence[Any] = (
            store.check,
            lambda: store.write([choice(ref)]),
            lambda: store.read([choice(ref).key]),
        )
        for attempt in attempts:
            with pytest.raises(StoreUnavailable) as caught:
                attempt()
            assert not {SECRET, options["secret_key"]} & set(str(caught.value).split())
            assert "\n" not in str(caught.value)

    def test_a_large_file_is_read_in_pieces(self, store: ObjectStore, ref: str) -> None:
        batch = [choice(f"{uuid.uuid4()}-{n}") for n in range(70_000)]
        store.write(batch)
        assert store._manifest()[0].files[0].bytes > objects.SMALL
        some = random.Random(3).sample(batch, 5)
        self.assert_holds(self.again(store), some)
        for n in range(6):
            store.write([choice(f"{ref}-{n}")])
        assert len(list(self.again(store).scan(None, 100_000))) == 70_006

    def test_a_damaged_file_counts_as_not_held(
        self, store: ObjectStore, s3_url: str, ref: str
    ) -> None:
        for step in toggles(ref, 2):
            store.write([step])
        files, name = s3_files(s3_url), store._manifest()[0].files[1].name
        path = f"{urlsplit(store._url).path.partition('/lists/')[1].strip('/')}"
        folder = f"{path}/{store._url.rpartition('/')[2]}"
        with files.open_output_stream(f"{folder}/{name}") as file:
            file.write(b"PAR1")
        other = self.again(store)
        self.assert_holds(other, toggles(ref, 1))
        other.repair(toggles(ref, 2)[1:], [])
        self.assert_holds(other, toggles(ref, 2)[1:])


def _choices(entries: Mapping[Key, tuple[str, int]]) -> dict[Key, Choice]:
    return {(m, p): choice(m, word, number, p) for (m, p), (word, number) in entries.items()}


def _is_newer(new: Choice, held: Choice | None) -> bool:
    return held is None or new.revision > held.revision


def _spoil(path: Path, damage: str) -> None:
    content = path.read_bytes()
    match damage:
        case "torn":
            path.write_bytes(content[: len(content) // 2])
        case "flipped":
            column = pq.read_metadata(path).row_group(0).column(0)
            at = column.data_page_offset + column.total_compressed_size - 9
            path.write_bytes(content[:at] + bytes([content[at] ^ 255]) + content[at + 1 :])
        case "empty":
            path.write_bytes(b"")
        case "gone":
            path.unlink()


def _write_for_ever(url: str) -> None:
    store, run = ObjectStore(url, max_deltas=2, grace=0), uuid.uuid4().hex
    for number in range(1_000_000):
        store.write([choice(f"{run}-{number}-{n}") for n in range(10)])


def _wait_for_more(store: ObjectStore) -> None:
    before = store._manifest()[0].generation
    while store._manifest()[0].generation < before + 10:
        pass
