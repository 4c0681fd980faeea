"""Snapshots: who may not be trained on, as dated files for whoever filters a training set.

A snapshot is a folder with Parquet files and a signed manifest. It appears whole or not at all.
All choices up to the ledger positions that it names are in it, and perhaps some later ones.
"""

import hashlib
import json
import os
import secrets
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from itertools import batched
from pathlib import Path
from typing import Any

from django.db import connection
from django.db.models.functions import Collate

from ledger.models import CurrentChoice, Decision, Head
from propagation.expected import BINARY
from propagation.stores.optional import needed_packages

with needed_packages():
    import pyarrow as pa
    import pyarrow.parquet as pq

FORMAT = "privacydash-snapshot/1"
MANIFEST, LATEST = "manifest.json", "latest"
OBJECTED = "objected"
ROWS_IN_GROUP = 65_536
_UNFINISHED = ".unfinished-"
_A_DAY = 86_400

type Rows = Iterable[tuple[str, str]]
"""``(member_ref, reason code)``"""
type Sign = Callable[[dict[str, Any]], str]
"""A compact JWS of the payload."""


@dataclass(frozen=True, slots=True)
class File:
    name: str
    rows: int
    bytes: int
    sha256: str


def write(
    folder: Path,
    *,
    purpose: str,
    others: Mapping[str, Rows],
    sign: Sign,
    keep: int = 3,
    report: Callable[[int], object] = lambda rows: None,
) -> Path:
    """Add a snapshot to the folder and have ``latest`` lead to it; returns where it lies.

    ``others``: who is to be left out beside those who object to ``purpose``, by the name of the
    list. All but the newest ``keep`` are removed. ``report`` is told of rows as they are written.
    Raises OSError; then there is nothing new in the folder.
    """
    folder.mkdir(exist_ok=True)
    made_at = datetime.now(UTC)
    # Before the choices are read: those up to here are in it.
    positions = {str(pk): n for pk, n in Head.objects.order_by("pk").values_list("pk", "position")}
    whole = folder / f"{made_at:%Y-%m-%dT%H%M%S.%fZ}"
    with _unfinished(folder) as draft:
        objected = ((ref, OBJECTED) for ref in _objectors(purpose))
        lists = {OBJECTED: objected, **others}
        files = [_write(draft, name, rows, report) for name, rows in lists.items()]
        payload = {
            "format": FORMAT,
            "purpose": purpose,
            "made_at": made_at.isoformat(timespec="seconds"),
            "positions": positions,
            "files": [asdict(file) for file in files],
        }
        manifest = json.dumps({**payload, "jws": sign(payload)}, indent=1)
        _synced(draft / MANIFEST, manifest.encode())
        _sync_folder(draft)
        draft.rename(whole)
    _sync_folder(folder)
    _lead_to(whole)
    _tidy(folder, keep)
    return whole


def _objectors(purpose: str) -> Iterator[str]:
    """In the order of code points; one statement, so that all of it holds at the same time."""
    rows = CurrentChoice.objects.filter(purpose=purpose, decision=Decision.OBJECTED)
    ordered = rows.order_by(Collate("member_ref", BINARY[connection.vendor]))
    return ordered.values_list("member_ref", flat=True).iterator(chunk_size=10_000)


def _write(folder: Path, name: str, rows: Rows, report: Callable[[int], object]) -> File:
    path = folder / f"{name}.parquet"
    schema = pa.schema([pa.field(c, pa.string(), nullable=False) for c in ("member_ref", "why")])
    count = 0
    with pq.ParquetWriter(
        path,
        schema,
        compression="zstd",
        use_dictionary=["why"],
        column_encoding={"member_ref": "DELTA_BYTE_ARRAY"},
        sorting_columns=[pq.SortingColumn(0)] if name == OBJECTED else None,
        write_page_checksum=True,
    ) as writer:
        for some in batched(rows, ROWS_IN_GROUP):
            refs, reasons = zip(*some, strict=True)
            writer.write_table(pa.table([list(refs), [str(why) for why in reasons]], schema=schema))
            count += len(some)
            report(len(some))
    with path.open("rb") as source:
        os.fsync(source.fileno())
        sha256 = hashlib.file_digest(source, "sha256").hexdigest()
    return File(path.name, count, path.stat().st_size, sha256)


@contextmanager
def _unfinished(folder: Path) -> Iterator[Path]:
    draft = folder / f"{_UNFINISHED}{secrets.token_hex(8)}"
    draft.mkdir()
    try:
        yield draft
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _lead_to(snapshot: Path) -> None:
    """Unless another process has made a newer one meanwhile."""
    link = snapshot.parent / LATEST
    if link.is_symlink() and link.readlink().name > snapshot.name:
        return
    draft = snapshot.parent / f"{_UNFINISHED}{secrets.token_hex(8)}"
    draft.symlink_to(snapshot.name)
    draft.replace(link)


def _tidy(folder: Path, keep: int) -> None:
    """Remove old snapshots, and what runs that were killed have left."""
    for old in sorted(path.parent for path in folder.glob(f"[0-9]*Z/{MANIFEST}"))[:-keep]:
        shutil.rmtree(old, ignore_errors=True)
    for draft in folder.glob(f"{_UNFINISHED}*"):
        if draft.lstat().st_mtime < time.time() - _A_DAY:
            shutil.rmtree(draft, ignore_errors=True)


def _synced(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
