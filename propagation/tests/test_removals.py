"""What a store deleted of an objector's data is written down, and the member is told."""

from datetime import timedelta

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from ledger.models import Decision
from ledger.seal import seal_all
from propagation.drift import Drift
from propagation.models import Cursor, Removal
from propagation.reconcile import reconcile
from propagation.relay import relay
from propagation.removals import removals
from propagation.stores.base import RemovingStore, StoreUnavailable
from propagation.tests import stores
from tests.people import choose

pytestmark = pytest.mark.django_db
PURPOSE = "genai-training"


class TableStore(stores.MemoryStore, RemovingStore):
    """Keeps choices and rows of members; an objection deletes those."""

    rows: dict[str, int] = {}  # noqa: RUF012
    gone: dict[str, int] = {}  # noqa: RUF012
    down = False

    def write(self, choices):
        super().write(choices)
        self._delete(choices)

    def repair(self, choices, extra):
        super().repair(choices, extra)
        self._delete(choices)

    def _delete(self, choices):
        for choice in choices:
            if choice.decision == "objected" and (rows := self.rows.pop(choice.member_ref, 0)):
                self.gone[choice.member_ref] = self.gone.get(choice.member_ref, 0) + rows

    def removed(self, keys):
        if self.down:
            raise StoreUnavailable("down")
        return {key: self.gone[key[0]] for key in keys if key[0] in self.gone}


@pytest.fixture(autouse=True)
def _table_store(settings, monkeypatch):
    stores.reset()
    monkeypatch.setattr(TableStore, "rows", {"anna": 3, "ben": 2})
    monkeypatch.setattr(TableStore, "gone", {})
    settings.DATA_STORES = {
        "tables": {
            "BACKEND": "propagation.tests.test_removals.TableStore",
            "LABEL": "Training tables",
            "SLA": timedelta(minutes=15),
        }
    }


def carry(*refs):
    for ref in refs:
        choose(ref)
    seal_all(0)
    relay("tables")


def told(ref):
    return [(removed.label, removed.rows) for removed in removals(ref, PURPOSE)]


def test_of_those_who_had_any(settings):
    carry("anna", "carl")
    assert told("anna") == [("Training tables", 3)]
    assert told("carl") == told("ben") == []
    settings.DATA_STORES = {}
    assert told("anna") == []


def test_the_page_says_so(client, notice, member):
    carry(member.member_ref)
    client.force_login(member)
    page = " ".join(client.get("/").content.decode().split())
    assert "Training tables: 3 records of yours were removed on" in page


def test_rows_that_came_back_are_added():
    carry("anna")
    TableStore.rows["anna"] = 4
    choose("anna", Decision.ALLOWED)
    carry("anna")
    assert told("anna") == [("Training tables", 7)]
    assert Removal.objects.count() == 1


def test_a_repair_counts_too():
    carry("anna", "ben")
    TableStore.rows["ben"] = 5
    stores.HELD.clear()
    reconcile("tables", full=True)
    assert told("ben") == [("Training tables", 7)]


def test_rows_that_an_import_brings_back_are_found_by_reconcile(settings, tmp_path):
    """With real tables in Delta Lake."""
    posts = f"{tmp_path}/posts"

    def import_rows(*refs):
        write_deltalake(posts, pa.table({"member_ref": list(refs)}), mode="append")

    settings.DATA_STORES["tables"] |= {
        "BACKEND": "propagation.stores.delta.TrainingTableStore",
        "OPTIONS": {"tables": [f"file://{posts}"], "state": f"file://{tmp_path}/state"},
    }
    import_rows("anna", "anna", "ben", "carl")
    carry("anna", "ben")
    assert told("anna") == [("Training tables", 2)]
    assert reconcile("tables", full=True).drift == 0
    import_rows("anna", "dora", "anna", "anna")
    report = reconcile("tables", full=True)
    assert (dict(report.found), report.repaired) == ({Drift.MISSING: 1}, 1)
    assert told("anna") == [("Training tables", 5)]
    left = DeltaTable(posts).to_pyarrow_table()["member_ref"].to_pylist()
    assert sorted(left) == ["carl", "dora"]


def test_a_store_that_cannot_tell_has_not_confirmed(monkeypatch):
    monkeypatch.setattr(TableStore, "down", True)
    carry("anna")
    assert Cursor.objects.get().position == 0
    monkeypatch.setattr(TableStore, "down", False)
    Cursor.objects.update(next_attempt_at=None)
    relay("tables")
    assert told("anna") == [("Training tables", 3)]
