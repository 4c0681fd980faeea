"""`manage.py snapshot`: who may not be trained on, complete, signed, and never half-written."""

import hashlib
import json
import os
import time
from datetime import datetime, timedelta

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone
from joserfc import jws
from joserfc.jwk import KeySet
from jwcrypto.common import JWException
from jwcrypto.jwk import JWKSet
from jwcrypto.jws import JWS

from accounts.models import Member
from consent import signing, told
from consent.management.commands import snapshot
from consent.tests.receipts import new_key
from ledger.models import Decision
from ledger.seal import seal_all
from tests.people import choose, make_member

pq = pytest.importorskip("pyarrow.parquet")
duckdb = pytest.importorskip("duckdb")
snapshots = pytest.importorskip("propagation.snapshots")

pytestmark = pytest.mark.django_db


@pytest.fixture
def make(notice, tmp_path):
    """Makes a snapshot; returns the folder that ``latest`` leads to."""

    def make(**options):
        call_command("snapshot", tmp_path / "snapshots", no_progress=True, **options)
        return tmp_path / "snapshots" / "latest"

    return make


def manifest_of(folder):
    return json.loads((folder / "manifest.json").read_text())


def listed(folder, name):
    return [tuple(row.values()) for row in pq.read_table(folder / f"{name}.parquet").to_pylist()]


def test_who_objects(make):
    for ref in ("b", "a", "Z", "é", "c"):
        choose(ref)
    choose("c", Decision.ALLOWED)
    choose("elsewhere", purpose="other")
    folder = make()
    assert listed(folder, "objected") == [(ref, "objected") for ref in ("Z", "a", "b", "é")]


def test_who_was_not_told_and_who_is_under_18(make, notice, settings):
    settings.UNTOLD_AFTER_DAYS = 0
    members = {name: make_member(f"{name}@example.org") for name in ("anna", "ben", "cleo")}
    make_member("dan@example.org", "US")
    make_member("kim@example.org", "US", is_minor=True)
    make_member("lou@example.org", "DE", is_minor=True)
    Member.objects.update(joined_at=timezone.now() - timedelta(days=2))
    told.mail_accepted(notice, [members["anna"].pk], timezone.now())
    told.mail_failed(notice, members["ben"].pk, "bounced", timezone.now(), sent_at=None)
    folder = make()
    assert listed(folder, "untold") == [("ben", "address-bounces"), ("cleo", "not-mailed")]
    assert listed(folder, "minors") == [("kim", "minor"), ("lou", "minor")]


def test_the_manifest(make, settings):
    settings.LEDGER_PARTITIONS = 1
    choose("a")
    seal_all(0)
    choose("b")  # not sealed yet: it is in it all the same
    folder = make()
    manifest = manifest_of(folder)
    assert (manifest["format"], manifest["purpose"]) == (
        "privacydash-snapshot/1",
        "genai-training",
    )
    assert manifest["positions"] == {"0": 1}
    assert datetime.fromisoformat(manifest["made_at"]).utcoffset() == timedelta(0)
    assert [(file["name"], file["rows"]) for file in manifest["files"]] == [
        ("objected.parquet", 2),
        ("untold.parquet", 0),
        ("minors.parquet", 0),
    ]
    for file in manifest["files"]:
        content = (folder / file["name"]).read_bytes()
        assert (len(content), hashlib.sha256(content).hexdigest()) == (
            file["bytes"],
            file["sha256"],
        )


def keys():
    return JWKSet.from_json(Client().get("/.well-known/jwks.json").content)


def test_anybody_can_verify_it_with_the_published_keys(make, settings):
    choose("a")
    manifest = manifest_of(make())
    settings.RECEIPT_KEYS = [new_key(), *settings.RECEIPT_KEYS]  # rotated since
    signed = JWS()
    signed.deserialize(manifest.pop("jws"))
    signed.verify(keys())
    assert json.loads(signed.payload) == manifest
    assert signed.jose_header["typ"] == "privacydash-snapshot+jws"


def test_a_changed_one_is_found_out(make):
    head, payload, signature = manifest_of(make())["jws"].split(".")
    changed = JWS()
    changed.deserialize(f"{head}.{payload[:-4]}AAAA.{signature}")
    with pytest.raises(JWException):
        changed.verify(keys())


def test_it_is_no_receipt(make):
    with pytest.raises(signing.NotSigned):
        signing.verified(manifest_of(make())["jws"])


def test_in_the_words_of_docs(make):
    choose("a")
    make_member("kim@example.org", is_minor=True)
    folder = make()
    published = KeySet.import_key_set(Client().get("/.well-known/jwks.json").json())
    signed = jws.deserialize_compact(manifest_of(folder)["jws"], published, algorithms=["EdDSA"])
    assert signed.headers()["typ"] == "privacydash-snapshot+jws"
    assert json.loads(signed.payload)["files"][0]["rows"] == 1
    rows = duckdb.sql(
        f"SELECT member_ref, why FROM read_parquet('{folder}/*.parquet') ORDER BY ALL"
    ).fetchall()
    assert rows == [("a", "objected"), ("kim", "minor")]


def test_old_ones_go(make, tmp_path):
    made = [make(keep=2).resolve().name for _ in range(4)]
    there = sorted(path.name for path in (tmp_path / "snapshots").iterdir())
    assert there == [*made[2:], "latest"]
    assert make(keep=1).resolve().name > made[-1]


def test_one_that_fails_leaves_the_last_one_as_it_was(make, monkeypatch, tmp_path):
    choose("a")
    before = make().resolve()
    with monkeypatch.context() as patch:
        # Fails when the other files are there already.
        patch.setattr(snapshot, "minors", lambda: (("x", str(1 / n)) for n in (1, 0)))
        with pytest.raises(ZeroDivisionError):
            make()
    with monkeypatch.context() as patch:

        def full(*args):
            raise OSError(28, "No space left on device")

        patch.setattr(snapshots, "_synced", full)
        with pytest.raises(CommandError, match=r"No space left on device\. There"):
            make()
    assert (tmp_path / "snapshots" / "latest").resolve() == before
    assert len(list((tmp_path / "snapshots").iterdir())) == 2
    assert listed(before, "objected") == [("a", "objected")]


def test_what_a_killed_run_has_left_is_removed_after_a_day(make, tmp_path):
    folder = make().parent
    for name, age in (("old", 2), ("new", 0)):
        (folder / f".unfinished-{name}").mkdir()
        at = time.time() - age * 86_400
        os.utime(folder / f".unfinished-{name}", (at, at))
    make()
    assert [path.name for path in folder.glob(".unf*")] == [".unfinished-new"]


def test_a_slow_run_does_not_take_the_place_of_a_newer_one(make):
    newest = make().resolve()
    older = newest.with_name("2020-01-01T000000.000000Z")
    older.mkdir()
    snapshots._lead_to(older)
    assert (newest.parent / "latest").resolve() == newest


def test_a_disk_that_is_not_mounted(notice, tmp_path):
    with pytest.raises(CommandError, match="No such file"):
        call_command("snapshot", tmp_path / "mount" / "snapshots", "--no-progress")


def test_no_notice(make, monkeypatch):
    monkeypatch.setattr(snapshot, "current_notice", lambda: None)
    with pytest.raises(CommandError, match="no notice is published"):
        make()


def test_it_keeps_one_at_least(make):
    with pytest.raises(CommandError):
        make(keep=0)
