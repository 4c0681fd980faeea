"""What every data store must do. Subclass `StoreContract` in the test of a store::

    class TestMyStore(StoreContract):
        bad_options = [{"url": "nonsense"}]

        @pytest.fixture
        def store(self): ...           # an empty store on a real server

        @pytest.fixture
        def unreachable(self): ...     # one whose server is not there; put SECRET in its options

        def make(self, **options): ... # only for bad_options

Keys are unique to each test, so that the same server can be used for all of them.
"""

import random
import uuid
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import pytest

from propagation.choice import Choice
from propagation.stores.base import (
    Digest,
    DigestStore,
    Key,
    ReadableStore,
    Store,
    StoreMisconfigured,
    StoreUnavailable,
    UnorderedStore,
    row_digest,
)

SECRET = "correct-horse-battery"
START = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)

ODD_REFS = [
    "üñïçødé-Ω",
    "成员-42",
    "👩‍👩‍👧",
    "Case",
    "case",
    "blank at end",
    "blank at end ",
    " ",
    "straße",
    "strasse",
    "e\u0301",
    "\u00e9",
    "a:b",
    "a%b_c",
    "a,b",
    "quote' \" ` \\",
    "'; DROP TABLE privacydash_choices; --",
    "line\nbreak\ttab",
    "0",
    "00",
    "-1",
    "null",
    "*?[a]{b}",
    "x" * 255,
    "Ω" * 255,
]


def choice(
    member_ref: str, decision: str = "objected", revision: int = 1, purpose: str = "genai-training"
) -> Choice:
    """A choice whose time follows from its revision."""
    return Choice(member_ref, purpose, decision, revision, START + timedelta(minutes=revision))


def toggles(member_ref: str, count: int) -> list[Choice]:
    """``count`` revisions of one member: objected, allowed, objected, …"""
    words = ("allowed", "objected")
    return [choice(member_ref, words[n % 2], n) for n in range(1, count + 1)]


class StoreContract:
    bad_options: ClassVar[Sequence[Mapping[str, Any]]] = []

    def make(self, **options: Any) -> Store:
        raise NotImplementedError

    def held(self, store: Store, keys: Iterable[Key]) -> Mapping[Key, Choice]:
        """What the store holds; override it for a store that cannot be read."""
        assert isinstance(store, ReadableStore)
        return store.read(keys)

    @pytest.fixture
    def ref(self) -> str:
        return f"m-{uuid.uuid4().hex}"

    def assert_holds(self, store: Store, expected: Iterable[Choice]) -> None:
        wanted = {choice.key: choice for choice in expected}
        assert dict(self.held(store, wanted)) == wanted

    def test_a_choice_arrives_whole(self, store: Store, ref: str) -> None:
        store.write([choice(ref)])
        self.assert_holds(store, [choice(ref)])

    def test_a_repeat_changes_nothing(self, store: Store, ref: str) -> None:
        for _ in range(3):
            store.write([choice(ref)])
        self.assert_holds(store, [choice(ref)])

    def test_a_newer_revision_replaces(self, store: Store, ref: str) -> None:
        store.write([choice(ref, "objected", 1)])
        store.write([choice(ref, "allowed", 2)])
        self.assert_holds(store, [choice(ref, "allowed", 2)])

    def test_an_older_revision_is_ignored(self, store: Store, ref: str) -> None:
        store.write([choice(ref, "objected", 10)])
        store.write([choice(ref, "allowed", 9)])
        self.assert_holds(store, [choice(ref, "objected", 10)])

    def test_the_same_revision_is_ignored(self, store: Store, ref: str) -> None:
        store.write([choice(ref, "objected", 3)])
        store.write([choice(ref, "allowed", 3)])
        self.assert_holds(store, [choice(ref, "objected", 3)])

    def test_revisions_compare_as_numbers(self, store: Store, ref: str) -> None:
        for revision in (9, 10, 99, 100):
            store.write([choice(ref, "objected", revision)])
        self.assert_holds(store, [choice(ref, "objected", 100)])

    def test_shuffled_toggles_delivered_three_times_end_right(self, store: Store, ref: str) -> None:
        members = [f"{ref}-{n}" for n in range(20)]
        deliveries = [step for member in members for step in toggles(member, 10)] * 3
        random.Random(1).shuffle(deliveries)
        for batch in _batches_with_each_key_once(deliveries):
            store.write(batch)
        self.assert_holds(store, [toggles(member, 10)[-1] for member in members])

    def test_purposes_are_kept_apart(self, store: Store, ref: str) -> None:
        batch = [
            choice(ref, "objected", 5, "genai-training"),
            choice(ref, "allowed", 2, "ads-ranking"),
            choice(ref, "objected", 1, "odd:purpose%3A"),
            choice(ref, "objected", 4, "odd"),
        ]
        store.write(batch)
        store.write([choice(ref, "objected", 3, "ads-ranking")])
        batch[1] = choice(ref, "objected", 3, "ads-ranking")
        self.assert_holds(store, batch)

    def test_odd_refs_are_taken_as_they_are(self, store: Store) -> None:
        purpose = uuid.uuid4().hex
        batch = [choice(odd, purpose=purpose) for odd in ODD_REFS]
        store.write(batch)
        self.assert_holds(store, batch)

    def test_case_and_blanks_make_different_members(self, store: Store, ref: str) -> None:
        store.write([choice(f"{ref}A"), choice(f"{ref}a", "allowed"), choice(f"{ref}a ")])
        store.write([choice(f"{ref}a", "objected", 2)])
        self.assert_holds(
            store, [choice(f"{ref}A"), choice(f"{ref}a", "objected", 2), choice(f"{ref}a ")]
        )

    def test_a_batch_of_a_thousand(self, store: Store, ref: str) -> None:
        batch = [choice(f"{ref}-{n}", revision=n + 1) for n in range(1000)]
        random.Random(2).shuffle(batch)
        store.write(batch)
        self.assert_holds(store, batch)

    def test_an_empty_batch(self, store: Store) -> None:
        store.write([])

    def test_concurrent_writers(self, store: Store, ref: str) -> None:
        """Overlapping batches in different orders: no deadlock, and the newest wins."""
        members = [f"{ref}-{n}" for n in range(100)]

        def write_all(seed: int) -> None:
            shuffler = random.Random(seed)
            for revision in shuffler.sample(range(1, 11), 10):
                store.write([choice(m, "objected", revision) for m in _shuffled(members, shuffler)])

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(write_all, range(4)))
        self.assert_holds(store, [choice(member, "objected", 10) for member in members])

    def test_check_of_a_store_that_answers(self, store: Store) -> None:
        store.check()

    def test_unreachable(self, unreachable: Store, ref: str) -> None:
        for attempt in (lambda: unreachable.write([choice(ref)]), unreachable.check):
            with pytest.raises(StoreUnavailable) as caught:
                attempt()
            assert SECRET not in str(caught.value)
            assert str(caught.value)

    def test_bad_options(self) -> None:
        assert self.bad_options, "a store has options that cannot work"
        for options in [*self.bad_options, {"no_such_option": 1}]:
            with pytest.raises(StoreMisconfigured) as caught:
                self.make(**options)
            assert SECRET not in str(caught.value)


class ReadableStoreContract(StoreContract):
    """For stores that can be read back; ``empty_store`` is one that holds nothing at all."""

    def test_read_leaves_out_what_is_not_held(self, store: ReadableStore, ref: str) -> None:
        store.write([choice(ref)])
        keys = [choice(ref).key, (ref, "other"), (f"{ref}x", "genai-training"), ("\ud800", "p")]
        assert dict(store.read(iter(keys))) == {choice(ref).key: choice(ref)}
        assert store.read([]) == {}

    def test_scan_gives_all_in_key_order(self, empty_store: ReadableStore) -> None:
        batch = [choice(odd, purpose=p) for odd in ODD_REFS for p in ("b", "a")]
        empty_store.write(batch)
        expected = sorted(batch, key=lambda c: c.key)
        assert list(empty_store.scan(None, 1000)) == expected

    @pytest.mark.parametrize("size", [1, 7, 50])
    def test_scan_in_pages(self, empty_store: ReadableStore, size: int) -> None:
        batch = [choice(f"m{n % 17}", purpose=f"p{n // 17}") for n in range(50)]
        empty_store.write(batch)
        found: list[Choice] = []
        while page := list(empty_store.scan(found[-1].key if found else None, size)):
            assert len(page) <= size
            found += page
        assert found == sorted(batch, key=lambda c: c.key)

    def test_scan_of_nothing(self, empty_store: ReadableStore) -> None:
        assert list(empty_store.scan(None, 10)) == []

    def test_repair_replaces_any_revision(self, store: ReadableStore, ref: str) -> None:
        """Equal with another decision, higher than was ever given, older, missing, right."""
        refs = [f"{ref}-{n}" for n in range(5)]
        store.write(
            [
                choice(refs[0], "allowed", 2),
                choice(refs[1], "objected", 99),
                choice(refs[2], "objected", 1),
                choice(refs[4], "objected", 3),
            ]
        )
        right = [
            choice(refs[0], "objected", 2),
            choice(refs[1], "allowed", 4),
            choice(refs[2], "allowed", 2),
            choice(refs[3], "objected", 1),
            choice(refs[4], "objected", 3),
        ]
        for _ in range(2):
            store.repair(right, [])
            self.assert_holds(store, right)
        store.write([choice(refs[1], "objected", 5)])
        self.assert_holds(store, [choice(refs[1], "objected", 5)])

    def test_repair_removes_what_is_extra(self, store: ReadableStore, ref: str) -> None:
        kept = [choice(f"{ref}-kept"), choice(ref, purpose="kept")]
        extra = [choice(ref, "objected", 9), choice(f"{ref}-allowed", "allowed", 2)]
        store.write([*kept, *extra])
        for _ in range(2):
            store.repair([], [c.key for c in extra])
            self.assert_holds(store, kept)
            assert store.read([c.key for c in extra]) == {}
        store.write([choice(ref)])
        self.assert_holds(store, [choice(ref)])

    def test_repair_of_odd_refs(self, empty_store: ReadableStore) -> None:
        right = [choice(odd, revision=2) for odd in ODD_REFS]
        empty_store.write([choice(odd, "allowed", 3) for odd in ODD_REFS])
        empty_store.repair(right, [])
        self.assert_holds(empty_store, right)
        empty_store.repair(right[:1], [*(c.key for c in right[1:]), ("\ud800", "p")])
        assert list(empty_store.scan(None, 1000)) == right[:1]

    def test_repair_of_a_thousand(self, empty_store: ReadableStore, ref: str) -> None:
        empty_store.write([choice(f"{ref}-{n}", revision=9) for n in range(1000)])
        right = [choice(f"{ref}-{n}") for n in range(0, 1000, 2)]
        empty_store.repair(right, [choice(f"{ref}-{n}").key for n in range(1, 1000, 2)])
        assert list(empty_store.scan(None, 2000)) == sorted(right, key=lambda c: c.key)

    def test_unreachable_when_read(self, unreachable: ReadableStore) -> None:
        for attempt in (
            lambda: unreachable.read([("m", "p")]),
            lambda: list(unreachable.scan(None, 10)),
            lambda: unreachable.repair([choice("m")], []),
            lambda: unreachable.repair([], [("m", "p")]),
        ):
            with pytest.raises(StoreUnavailable):
                attempt()


class DigestStoreContract(ReadableStoreContract):
    """For stores that sum up ranges by themselves."""

    def test_digest_of_any_range(self, empty_store: DigestStore) -> None:
        batch = [choice(odd, purpose=p) for odd in ODD_REFS for p in ("b", "a")]
        empty_store.write(batch)
        keys = [None, *sorted(c.key for c in batch), ("m", "p"), ("\U0010ffff", "")]
        chosen = random.Random(3).sample([(a, u) for a in keys for u in keys], 150)
        for after, until in [(None, None), *chosen]:
            inside = [
                c
                for c in batch
                if (after is None or c.key > after) and (until is None or c.key <= until)
            ]
            expected = Digest(len(inside), sum(map(row_digest, inside)) % 2**63)
            assert empty_store.digest(after, until) == expected, (after, until)

    def test_digest_of_many(self, empty_store: DigestStore, ref: str) -> None:
        """More than fits into 63 bits without the modulus."""
        batch = [choice(f"{ref}-{n}", "allowed", n + 1) for n in range(1000)]
        empty_store.write(batch)
        total = sum(map(row_digest, batch))
        assert total > 2**63
        assert empty_store.digest(None, None) == Digest(1000, total % 2**63)

    def test_digest_notices_each_kind_of_change(self, empty_store: DigestStore, ref: str) -> None:
        seen = {empty_store.digest(None, None)}
        for held in (choice(ref), choice(ref, "allowed", 1), choice(ref, "allowed", 2)):
            empty_store.repair([held], [])
            seen.add(empty_store.digest(None, None))
        assert len(seen) == 4

    def test_digest_of_an_unreachable_store(self, unreachable: DigestStore) -> None:
        with pytest.raises(StoreUnavailable):
            unreachable.digest(None, None)


class UnorderedStoreContract(ReadableStoreContract):
    """For stores that list their keys in one walk."""

    def test_keys_name_all_that_is_held(self, empty_store: UnorderedStore) -> None:
        batch = [choice(odd, purpose=p) for odd in ODD_REFS for p in ("b", "a")]
        empty_store.write([*batch, *(choice(f"m{n}", "allowed") for n in range(1500))])
        assert set(empty_store.keys()) == {c.key for c in empty_store.scan(None, 5000)}

    def test_keys_of_an_unreachable_store(self, unreachable: UnorderedStore) -> None:
        with pytest.raises(StoreUnavailable):
            list(unreachable.keys())


def _shuffled(members: list[str], shuffler: random.Random) -> list[str]:
    return shuffler.sample(members, len(members))


def _batches_with_each_key_once(deliveries: list[Choice]) -> list[list[Choice]]:
    batches: list[list[Choice]] = [[]]
    for delivery in deliveries:
        if any(delivery.key == other.key for other in batches[-1]):
            batches.append([])
        batches[-1].append(delivery)
    return batches
