"""Reconcile: what differs in a store is found and repaired, and nothing else is touched."""

import random
import shutil
import threading
import uuid

import pytest
import redis
from django.db import connection
from django.utils import timezone

from ledger.append import partition_of
from ledger.models import CurrentChoice, Decision
from ledger.seal import seal_all
from propagation import expected, leases
from propagation import reconcile as module
from propagation.choice import Choice
from propagation.drift import Drift, judge
from propagation.models import Cursor, Parked, Reconciliation, StorePause
from propagation.reconcile import AlreadyRunning, reconcile
from propagation.registry import store_for
from propagation.relay import LEASE, relay
from propagation.schedule import FULL, SAMPLE, due
from propagation.stores.base import StoreUnavailable, row_digest
from propagation.tests import stores
from propagation.tests.contract import ODD_REFS
from propagation.tests.reconciling import (
    NOW,
    PURPOSE,
    carry,
    configure,
    counts,
    fill,
    held,
    key,
    ledger,
    own,
)
from propagation.tests.stores import HELD, MemoryStore, refuses
from tests.people import choose, toggle

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _memory_store(settings):
    stores.reset()
    configure(settings)


@pytest.fixture(params=["memory", "sqlite", "postgres", "redis hash", "redis set", "objects"])
def store(request, settings, tmp_path):
    """Each kind of store that can be read back: in order, with digests, without order."""
    kind, _, form = request.param.partition(" ")
    if kind == "sqlite":
        configure(settings, "propagation.stores.sql.SqlStore", url=f"sqlite:///{tmp_path}/s.db")
    elif kind == "postgres":
        url = request.getfixturevalue("postgres_url")
        table = f"choices_{uuid.uuid4().hex[:12]}"
        configure(settings, "propagation.stores.sql.SqlStore", url=url, table=table)
    elif kind == "objects":
        configure(settings, "propagation.stores.objects.ObjectStore", url=f"file://{tmp_path}/list")
    elif kind == "redis":
        url = request.getfixturevalue("redis_url")
        prefix = f"test:{uuid.uuid4().hex}:"
        configure(
            settings, "propagation.stores.redis.RedisStore", url=url, prefix=prefix, form=form
        )
        yield store_for("store")
        client = redis.Redis.from_url(url)
        client.delete(*client.scan_iter(f"{prefix}*"), "none")
        return
    yield store_for("store")


@pytest.fixture
def sqlite_store(settings, tmp_path):
    configure(settings, "propagation.stores.sql.SqlStore", url=f"sqlite:///{tmp_path}/s.db")
    return store_for("store")


# --- what is found, and repaired ---


def test_a_store_in_sync_has_no_drift(store):
    fill(50)
    for full in (False, True):
        report = reconcile("store", full=full)
        assert (report.drift, report.repaired, report.error) == (0, 0, "")
        assert report.checked >= 50
    assert Reconciliation.objects.filter(error="", repaired=0).count() == 2


@pytest.mark.parametrize(("size", "page"), [(50_000, 1_000), (700, 100)])
def test_a_hundred_rows_changed_are_found_and_repaired_in_one_cycle(store, monkeypatch, size, page):
    monkeypatch.setattr(module, "RANGE", size)
    monkeypatch.setattr(module, "PAGE", page)
    fill(3_000)
    refs = [f"m-{n:07}" for n in random.Random(4).sample(range(3_000), 75)]
    deleted, flipped, raised = refs[:25], refs[25:50], refs[50:]
    extra = [own(f"m-{n:07}x") for n in range(20)] + [own(f"z{n}", "allowed", 7) for n in range(5)]
    store.repair(
        [
            *(own(ref, "allowed", 1) for ref in flipped),
            *(own(ref, "allowed", 9) for ref in raised),
            *extra,
        ],
        [key(ref) for ref in deleted],
    )
    report = reconcile("store", full=True)
    assert counts(report) == {"missing": 25, "edited": 50, "extra": 25}
    assert (report.repaired, report.error, report.right) == (100, "", True)
    assert held(store) == ledger()
    assert reconcile("store", full=True).drift == 0


def test_odd_refs(store):
    for ref in ODD_REFS:
        if len(ref) <= 64:
            choose(ref)
            choose(ref, Decision.ALLOWED)
    carry()
    assert reconcile("store", full=True).drift == 0
    store.repair([], list(ledger())[::2])
    store.repair([own(f"{ref}+") for ref in ODD_REFS if len(ref) < 64], [])
    report = reconcile("store", full=True)
    assert report.found[Drift.MISSING] == len(ledger()) - len(ledger()) // 2
    assert report.right
    assert held(store) == ledger()


def test_a_sample_notices_an_older_backup_and_repairs_all_of_it(store):
    fill(1_000)
    reconcile("store", full=True)
    backup = held(store)
    fill(1_500, start=1_000)
    choose("m-0000000", Decision.ALLOWED)
    carry()
    store.repair(
        [Choice(*at, decision, revision, NOW) for at, (revision, decision) in backup.items()],
        [at for at in held(store) if at not in backup],
    )
    report = reconcile("store", full=False)
    assert (report.kind, counts(report)) == (FULL, {"missing": 1_500, "older": 1})
    assert report.right
    assert report.equal_at == Reconciliation.objects.order_by("pk")[0].started_at
    assert held(store) == ledger()
    kinds = Reconciliation.objects.order_by("pk").values_list("kind", flat=True)
    assert list(kinds) == [FULL, SAMPLE, FULL]


def test_a_store_file_copied_back_is_repaired(sqlite_store, tmp_path):
    fill(200)
    sqlite_store._engine.dispose()
    shutil.copy(tmp_path / "s.db", tmp_path / "backup.db")
    fill(1, start=200)  # one choice among millions is enough
    sqlite_store._engine.dispose()
    shutil.copy(tmp_path / "backup.db", tmp_path / "s.db")
    report = reconcile("store", full=False)
    assert (report.kind, counts(report), report.repaired) == (FULL, {"missing": 1}, 1)


def test_an_emptied_store_is_filled_again(store):
    fill(2_500)
    store.repair([], list(ledger()))
    report = reconcile("store", full=False)
    assert (counts(report), report.repaired) == ({"missing": 2_500}, 2_500)
    assert held(store) == ledger()


def test_older_than_confirmed(store):
    toggle("anna", 3)
    carry()
    store.repair([own("anna", "objected", 1)], [])
    report = reconcile("store", full=True)
    assert (counts(report), report.repaired) == ({"older": 1}, 1)
    assert held(store)[key("anna")] == (3, "objected")


def test_a_revision_higher_than_any_does_not_shut_out_later_choices(store):
    choose("anna")
    carry()
    store.repair([own("anna", "allowed", 1_000)], [])
    assert reconcile("store", full=True).right
    choose("anna", Decision.ALLOWED)
    choose("anna")
    carry()
    assert held(store)[key("anna")] == (3, "objected")


# --- what is no drift ---


def test_what_is_on_its_way_is_no_drift(store):
    """Neither what is not there yet, nor what a relay wrote before it could confirm it."""
    toggle("anna", 2)
    choose("ben")
    carry()
    toggle("anna", 3)
    choose("cleo")
    choose("dora")
    seal_all(0)
    choose("emil")  # not even sealed
    store.write([own("anna", "objected", 3), own("cleo")])
    before = held(store)
    for full in (False, True):
        assert reconcile("store", full=full).drift == 0
    assert held(store) == before


def test_what_was_never_given_is_no_choice_on_its_way(store):
    """Else the store would ignore the true choice when it comes."""
    choose("anna")
    store.write([own("anna", "allowed", 5)])
    report = reconcile("store", full=True)
    assert (counts(report), report.repaired) == ({"edited": 1}, 1)
    carry()
    assert held(store) == ledger()


def test_what_was_never_given_may_be_put_right_by_the_relay(store):
    """It does not wait for the end of the pass, where such rows are taken away."""
    choose("anna")
    seal_all(0)
    store.write([own("anna", "objected", 0)])
    store.write([own("ben")])
    report = reconcile("store", full=True)
    assert (report.repaired, report.right) == (report.drift, True)
    assert held(store) == ledger()


def test_parked_choices_are_no_drift():
    choose("anna")
    choose("ben")
    carry()
    refuses.update({"ben", "cleo"})
    choose("ben", Decision.ALLOWED)
    choose("cleo")
    carry()
    assert Parked.objects.open().count() == 2
    for full in (False, True):
        assert reconcile("store", full=full).drift == 0


def test_a_choice_refused_in_repair_is_parked_and_the_others_are_repaired(monkeypatch):
    fill(10)
    store_for("store").repair([], list(ledger()))

    def repair(self, choices, extra):
        return MemoryStore.write(self, choices)

    monkeypatch.setattr(MemoryStore, "repair", repair)
    refuses.add("m-0000003")
    report = reconcile("store", full=True)
    assert (report.drift, report.repaired, report.right) == (10, 9, False)
    parked = Parked.objects.get()
    assert (parked.member_ref, parked.reason) == ("m-0000003", "not mine")
    assert reconcile("store", full=True).drift == 0


def test_what_only_looked_like_drift_is_looked_at_again_under_the_lease(monkeypatch):
    """Here the relay repairs it between the two looks."""
    fill(3)
    HELD.pop(key("m-0000001"))
    looks = []

    def look(alias, store, keys):
        findings = judge(alias, store, keys)
        looks.append(Cursor.objects.get().leased_until)
        if len(looks) == 1:
            HELD[key("m-0000001")] = own("m-0000001")
        return findings

    monkeypatch.setattr(module, "judge", look)
    report = reconcile("store", full=True)
    assert (report.drift, report.repaired) == (0, 0)
    assert looks[0] is None
    assert looks[1] > timezone.now()


# --- partitions ---


def test_partitions_and_members_whose_choices_lie_in_two(settings, store):
    for number in range(40):
        choose(f"m{number}")
    carry()
    settings.LEDGER_PARTITIONS = 4
    moved = [f"m{n}" for n in range(40) if partition_of(f"m{n}") != 0]
    assert moved
    for number in range(40):
        choose(f"m{number}", Decision.ALLOWED)
    assert reconcile("store", full=True).drift == 0  # on its way in four partitions
    carry()
    assert reconcile("store", full=True).drift == 0
    older = [own(f"m{n}", "objected", 1) for n in range(40)]
    store.repair(older[:30], [choice.key for choice in older[30:]])
    report = reconcile("store", full=False)
    assert counts(report) == {"older": 30, "missing": 10}
    assert report.right
    assert held(store) == ledger()
    assert Cursor.objects.filter(leased_until=None).count() == 4


def test_parked_in_the_partition_of_its_choice(settings, monkeypatch):
    settings.LEDGER_PARTITIONS = 4
    refs = [f"m{n}" for n in range(8)]
    for ref in refs:
        choose(ref)
    carry()
    HELD.clear()
    monkeypatch.setattr(MemoryStore, "repair", lambda self, choices, extra: self.write(choices))
    refuses.update(refs)
    assert reconcile("store", full=True).repaired == 0
    found = Parked.objects.open().values_list("member_ref", "partition")
    assert dict(found) == {ref: partition_of(ref) for ref in refs}


# --- cost ---


def test_a_matching_store_costs_one_sum_for_fifty_thousand(
    sqlite_store, django_assert_max_num_queries, monkeypatch
):
    fill(5_000)
    calls = {"digest": 0, "scan": 0, "read": 0}

    def count(name, method):
        def counting(*args):
            calls[name] += 1
            return method(*args)

        monkeypatch.setattr(type(sqlite_store), name, counting)

    for name in calls:
        count(name, getattr(type(sqlite_store), name))
    with django_assert_max_num_queries(15):
        report = reconcile("store", full=True)
    assert (report.checked, report.drift) == (5_000, 0)
    assert calls == {"digest": 1, "scan": 0, "read": 0}

    monkeypatch.setattr(module, "RANGE", 1_000)
    assert reconcile("store", full=True).checked == 5_000
    assert calls == {"digest": 1 + 6, "scan": 0, "read": 0}  # the last beyond the last key


def test_one_wrong_row_is_found_by_sums_of_smaller_ranges(sqlite_store, monkeypatch):
    monkeypatch.setattr(module, "PAGE", 10)
    monkeypatch.setattr(module, "RANGE", 4_000)
    fill(4_000)
    sqlite_store.repair([own("m-0002222", "allowed", 1)], [])
    sums, rows = [], []
    digest, scan = type(sqlite_store).digest, type(sqlite_store).scan
    monkeypatch.setattr(type(sqlite_store), "digest", lambda s, *a: sums.append(a) or digest(s, *a))
    monkeypatch.setattr(type(sqlite_store), "scan", lambda s, *a: rows.append(a) or scan(s, *a))
    assert reconcile("store", full=True).repaired == 1
    assert len(sums) < 40
    assert len(rows) <= 2


def test_the_ledgers_sum_is_the_sum_of_its_rows():
    for number, ref in enumerate(r for r in ODD_REFS if len(r) <= 64):
        toggle(ref, number % 3 + 1)
        choose(ref, purpose="other")
    rows = {(c.member_ref, c.purpose): c for c in CurrentChoice.objects.all()}
    keys = sorted(rows)
    for after, until in [(None, None), *zip(keys, keys[7:], strict=False), (keys[3], None)]:
        inside = [k for k in keys if (not after or k > after) and (not until or k <= until)]
        choices = [
            Choice(*k, rows[k].decision, rows[k].revision, rows[k].changed_at) for k in inside
        ]
        total = sum(map(row_digest, choices)) % 2**63
        assert expected.digest(after, until) == expected.Digest(len(inside), total)
        assert set(expected.current(after, until)) == set(inside)


@pytest.mark.parametrize("size", [1, 3, 7, 100])
def test_parts_cover_the_range_without_a_gap(size):
    for ref in ("b", "B", "é", "a", "成", "a b", "ab"):
        choose(ref)
        choose(ref, purpose="other")
    parts = list(expected.parts(None, None, size))
    assert parts[0][0] is None
    assert parts[-1][1] is None
    assert [end for _, end in parts[:-1]] == [start for start, _ in parts[1:]]
    found = [k for after, until in parts for k in sorted(expected.current(after, until))]
    assert found == sorted(ledger())
    assert all(len(expected.current(after, until)) <= size for after, until in parts)


def test_keys_that_postgresql_cannot_be_asked_for():
    choose("a")
    choose("ab")
    for odd in (("a\0b", "p"), ("a", "genai-training\0")):
        assert set(expected.current(None, odd)) == {key("a")}
        assert set(expected.current(odd, None)) == {key("ab")}
        HELD[odd] = Choice(*odd, "allowed", 1, NOW)
    carry()
    report = reconcile("store", full=True)
    assert (counts(report), report.error) == ({"extra": 2}, "")
    assert held(store_for("store")) == ledger()


@pytest.mark.skipif("connection.vendor != 'postgresql'")
def test_the_ledger_is_read_in_key_order_by_an_index():
    fill(3_000)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE ledger_currentchoice")
        cursor.execute("SET LOCAL enable_seqscan = off")
    key_range = expected._range(key("m-0000010"), key("m-0000090"))
    assert "ledger_currentchoice_key" in key_range.explain()


# --- safety ---


def test_a_dry_run_changes_nothing(store):
    fill(30)
    store.repair(
        [own("m-0000001", "allowed", 1), own("stranger")], [key("m-0000002"), key("m-0000003")]
    )
    before = held(store)
    for full in (True, False):
        report = reconcile("store", full=full, dry_run=True)
        assert counts(report) == {"missing": 2, "edited": 1, "extra": 1}
        assert (report.repaired, report.right) == (0, False)
    assert held(store) == before
    assert not Reconciliation.objects.exists()
    assert Cursor.objects.get().fence == 0


def test_many_unknown_objections_are_left_to_people(store, monkeypatch):
    """Another site may write to the same store, or the ledger may be the one that was restored."""
    monkeypatch.setattr(module, "MOST_TAKEN_AWAY", 5)
    fill(20)
    unknown = [*(own(f"x{n}") for n in range(5)), own("m-0000001", "objected", 3)]
    toggle("m-0000001", 1)  # objected holds already: nothing is added
    choose("m-0000001", Decision.ALLOWED)
    carry()
    store.repair([*unknown, own("m-0000002", "allowed", 1), own("y", "allowed")], [])
    report = reconcile("store", full=False)
    assert counts(report) == {"extra": 6, "edited": 2}
    assert report.repaired == 2  # what takes no objection away
    assert "more than 5 objections" in report.error
    assert {c.key for c in unknown} <= held(store).keys()
    assert reconcile("store", full=True, remove_unknown=True).right
    assert held(store) == ledger()


def test_a_lost_lease_ends_the_pass_politely(monkeypatch):
    fill(5)
    HELD.clear()

    def slow(self, choices, extra):
        Cursor.objects.update(leased_until=timezone.now() - LEASE)
        Cursor.objects.claim("store", 0, timezone.now(), LEASE)  # a relay takes over
        Cursor.objects.update(leased_until=None)

    monkeypatch.setattr(MemoryStore, "repair", slow)
    report = reconcile("store", full=True)
    assert "lease" in report.error
    assert (report.repaired, report.right) == (0, False)
    assert Reconciliation.objects.get().error == report.error


def test_a_repair_that_comes_late_does_not_undo_what_the_relay_wrote(monkeypatch):
    """Its worker stood still in the middle, and the relay went on with a newer choice."""
    choose("anna")
    carry()
    HELD.clear()
    repair = MemoryStore.repair
    stuck = [True]

    def late(self, choices, extra):
        if stuck:
            stuck.pop()
            Cursor.objects.update(leased_until=timezone.now() - LEASE)
            choose("anna", Decision.ALLOWED)
            carry()
            assert HELD[key("anna")].revision == 2
        repair(self, choices, extra)

    monkeypatch.setattr(MemoryStore, "repair", late)
    report = reconcile("store", full=True)
    assert report.right
    assert HELD[key("anna")].revision == 2


def test_a_busy_store_is_left_to_the_next_pass(monkeypatch):
    monkeypatch.setattr(leases, "PATIENCE", 0.1)
    fill(5)
    HELD.pop(key("m-0000002"))
    Cursor.objects.update(leased_until=timezone.now() + LEASE)
    report = reconcile("store", full=True)
    assert "next pass" in report.error
    assert key("m-0000002") not in HELD


def test_a_store_that_is_down_is_recorded_and_its_backoff_is_left_alone(monkeypatch):
    fill(5)

    def down(self, *args):
        raise StoreUnavailable("nobody answers")

    monkeypatch.setattr(MemoryStore, "scan", down)
    report = reconcile("store", full=True)
    assert (report.error, report.right) == ("nobody answers", False)
    assert Reconciliation.objects.get().error == "nobody answers"
    cursor = Cursor.objects.get()
    assert (cursor.failures, cursor.next_attempt_at, cursor.last_error) == (0, None, "")


def test_a_mistake_in_a_store_is_recorded(monkeypatch):
    fill(5)
    monkeypatch.setattr(MemoryStore, "scan", lambda *args: 1 / 0)
    assert reconcile("store", full=True).error == "unexpected ZeroDivisionError; see the log"


def test_a_paused_store_is_not_repaired():
    fill(5)
    HELD.clear()
    StorePause.objects.create(store="store", paused_at=timezone.now(), by="Jo", reason="move")
    report = reconcile("store", full=True)
    assert "paused" in report.error
    assert HELD == {}
    assert due("store") is None


def test_no_member_is_named_in_logs(caplog):
    fill(5)
    HELD.clear()
    report = reconcile("store", full=True)
    assert report.repaired == 5
    assert "5 missing" in caplog.text
    assert "m-000" not in caplog.text
    assert Reconciliation.objects.get().examples[0] == {
        "drift": "missing",
        "member_ref": "m-0000000",
        "purpose": PURPOSE,
        "held": "nothing",
        "ledger": "objected, revision 1",
    }


def test_one_pass_at_a_time(monkeypatch):
    fill(5)
    inner = []

    def scan(self, after, limit):
        with pytest.raises(AlreadyRunning) as caught:
            reconcile("store", full=True)
        inner.append(caught)
        return iter(())

    monkeypatch.setattr(MemoryStore, "scan", scan)
    reconcile("store", full=True)
    assert inner


@pytest.mark.django_db(transaction=True)
def test_while_the_relay_works(sqlite_store):
    """Choices go on arriving while rows are damaged and repaired; in the end all is right."""
    fill(300)
    stop = threading.Event()
    failed = []

    def work():
        number = 0
        try:
            while not stop.is_set():
                for ref in (f"m-{number % 300:07}", f"new-{number}"):
                    word = Decision.ALLOWED if number // 300 % 2 == 0 else Decision.OBJECTED
                    choose(ref, word)
                seal_all(0)
                relay("store")
                number += 1
        except Exception as error:
            failed.append(error)
        finally:
            connection.close()

    thread = threading.Thread(target=work)
    thread.start()
    try:
        for turn in range(8):
            damaged = [f"m-{n:07}" for n in range(turn, 300, 37)]
            sqlite_store.repair([own(ref, "allowed", 99) for ref in damaged], [])
            report = reconcile("store", full=True)
            assert not report.error
            assert not {Drift.MISSING, Drift.EXTRA, Drift.OLDER} & report.found.keys()
    finally:
        stop.set()
        thread.join()
    assert not failed
    carry()
    assert held(sqlite_store) == ledger()
    assert reconcile("store", full=True).drift == 0
