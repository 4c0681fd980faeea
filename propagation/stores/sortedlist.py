"""Choices as sorted Parquet files: writing, folding several into one, and finding rows in them."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from math import ceil
from typing import IO, Any

from propagation.choice import Choice
from propagation.stores.base import Key
from propagation.stores.optional import needed_packages

with needed_packages():
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
ROWS_IN_GROUP = 65_536
SCHEMA = pa.schema(
    [
        pa.field("member_ref", pa.string(), nullable=False),
        pa.field("purpose", pa.string(), nullable=False),
        pa.field("decision", pa.string(), nullable=False),
        pa.field("revision", pa.int64(), nullable=False),
        pa.field("changed_at", pa.timestamp("us", "UTC"), nullable=False),
    ]
)
NEWEST_FIRST = [
    ("member_ref", "ascending"),
    ("purpose", "ascending"),
    ("revision", "descending"),
    ("file", "ascending"),
]
FORMAT = {
    "compression": "zstd",
    "use_dictionary": ["purpose", "decision"],
    "column_encoding": {
        "member_ref": "DELTA_BYTE_ARRAY",
        "revision": "DELTA_BINARY_PACKED",
        "changed_at": "DELTA_BINARY_PACKED",
    },
    "sorting_columns": [pq.SortingColumn(0), pq.SortingColumn(1)],
    "write_page_checksum": True,
}


def table_of(choices: Iterable[Choice]) -> pa.Table:
    rows = sorted(choices, key=lambda choice: choice.key)
    columns = [[getattr(choice, field.name) for choice in rows] for field in SCHEMA]
    return pa.table(columns, schema=SCHEMA)


def choices_of(table: pa.Table) -> Iterator[Choice]:
    # As numbers, since Arrow's own datetimes need the machine to have time zones.
    microseconds = table["changed_at"].cast(pa.int64()).to_pylist()
    rows = table.drop_columns("changed_at").to_pylist()
    for row, number in zip(rows, microseconds, strict=True):
        yield Choice(**row, changed_at=EPOCH + timedelta(microseconds=number))


def folded(tables: Sequence[pa.Table]) -> pa.Table:
    """One row for each key, sorted: of the highest revision, and then of the earliest table."""
    numbered = [
        table.append_column("file", pa.repeat(number, len(table)))
        for number, table in enumerate(tables)
    ]
    rows = pa.concat_tables(numbered or [SCHEMA.empty_table()])
    if len(rows) < 2:
        return rows.select(SCHEMA.names)
    rows = rows.sort_by(NEWEST_FIRST).combine_chunks()
    refs, purposes = (rows.column(name).chunk(0) for name in ("member_ref", "purpose"))
    other_ref = pc.not_equal(refs[1:], refs[:-1])
    other_purpose = pc.not_equal(purposes[1:], purposes[:-1])
    first = pa.concat_arrays([pa.array([True]), pc.or_(other_ref, other_purpose)])
    return rows.filter(first).select(SCHEMA.names)


def without(rows: pa.Table, keys: set[Key]) -> pa.Table:
    """The rows with other keys."""
    return rows.filter(pc.invert(_has_key(rows, keys))) if keys else rows


def merged(base: pq.ParquetFile, overlay: pa.Table, keys: set[Key]) -> Iterator[pa.Table]:
    """The file's rows folded with a sorted table, piece by piece: memory need not hold the file.

    Rows of the file with one of the ``keys`` are left out.
    """
    for number in range(base.num_row_groups):
        rows = base.read_row_group(number)
        upto = len(overlay) - len(_beyond(overlay, _last_key(rows)))
        yield folded([without(rows, keys), overlay.slice(0, upto)])
        overlay = overlay.slice(upto)
    yield overlay


def write(tables: Iterable[pa.Table], sink: IO[bytes]) -> int:
    """Write sorted tables that follow on each other; gives the number of rows."""
    count = 0
    with pq.ParquetWriter(sink, SCHEMA, **FORMAT) as writer:
        for table in tables:
            groups = max(1, ceil(len(table) / ROWS_IN_GROUP))
            if len(table):
                writer.write_table(table, row_group_size=ceil(len(table) / groups))
            count += len(table)
    return count


def opened(source: Any) -> pq.ParquetFile:
    return pq.ParquetFile(source, page_checksum_verification=True)


def all_rows(file: pq.ParquetFile) -> pa.Table:
    return file.read()


def rows_with(file: pq.ParquetFile, keys: set[Key]) -> pa.Table:
    """The rows with these keys, from those row groups alone that can have them."""
    refs = sorted({member_ref for member_ref, _ in keys})

    def has_one(lowest: str, highest: str) -> bool:
        at = bisect_left(refs, lowest)
        return at < len(refs) and refs[at] <= highest

    wanted = pa.array(refs, pa.string())
    found = [rows.filter(pc.is_in(rows["member_ref"], wanted)) for rows in _groups(file, has_one)]
    rows = pa.concat_tables([SCHEMA.empty_table(), *found])
    return rows.filter(_has_key(rows, keys))


def rows_after(file: pq.ParquetFile, after: Key | None, limit: int) -> pa.Table:
    """The first ``limit`` rows with greater keys."""
    found, missing = [SCHEMA.empty_table()], limit
    for rows in _groups(file, lambda _, highest: after is None or highest >= after[0]):
        some = (rows if after is None else _beyond(rows, after)).slice(0, missing)
        found.append(some)
        missing -= len(some)
        if not missing:
            break
    return pa.concat_tables(found)


def _groups(file: pq.ParquetFile, wanted: Any) -> Iterator[pa.Table]:
    """The row groups for whose lowest and highest member_ref ``wanted`` is true."""
    for number in range(file.num_row_groups):
        known = file.metadata.row_group(number).column(0).statistics
        if known is None or not known.has_min_max or wanted(known.min, known.max):
            yield file.read_row_group(number)


def _beyond(rows: pa.Table, key: Key) -> pa.Table:
    """Sorted rows with keys greater than ``key``."""
    refs, purposes = rows["member_ref"], rows["purpose"]
    same_ref_upto = pc.and_(pc.equal(refs, key[0]), pc.less_equal(purposes, key[1]))
    upto = pc.sum(pc.or_(pc.less(refs, key[0]), same_ref_upto)).as_py() or 0
    return rows.slice(upto)


def _last_key(rows: pa.Table) -> Key:
    last = rows.slice(len(rows) - 1).to_pylist()[0]
    return last["member_ref"], last["purpose"]


def _has_key(rows: pa.Table, keys: set[Key]) -> pa.ChunkedArray:
    by_purpose: dict[str, list[str]] = {}
    for member_ref, purpose in keys:
        by_purpose.setdefault(purpose, []).append(member_ref)
    mask = pc.is_null(rows["member_ref"])  # of none
    for purpose, refs in by_purpose.items():
        is_one = pc.is_in(rows["member_ref"], pa.array(refs, pa.string()))
        mask = pc.or_(mask, pc.and_(pc.equal(rows["purpose"], purpose), is_one))
    return mask
