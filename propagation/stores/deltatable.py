"""One Delta Lake table: which rows belong to members, and removing them."""

import random
import re
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from itertools import batched
from typing import Any
from urllib.parse import unquote, urlsplit

from propagation.stores.base import StoreMisconfigured, StoreUnavailable
from propagation.stores.folders import RETRIES, S3Options
from propagation.stores.optional import needed_packages
from propagation.stores.process import refuse_after_fork

with needed_packages():
    import pyarrow as pa
    from deltalake import DeltaTable, QueryBuilder, write_deltalake
    from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError

TRIES = 8
AT_ONCE = 5_000
"""Members asked for in one query, and removed in one commit."""
INTEGERS = {"byte", "short", "integer", "long"}
COLOURS = re.compile(r"\x1b\[\d*m|\u21b3")
COMPACT_EVERY = 100  # versions


class Table:
    """A table at ``file:///absolute/folder`` or ``s3://bucket/folder``. Connects when used.

    All methods raise `StoreUnavailable`.
    """

    def __init__(self, url: str, s3: S3Options) -> None:
        try:
            parts = urlsplit(url)
        except (ValueError, AttributeError, TypeError):
            raise StoreMisconfigured("tables: cannot be read as URLs") from None
        local = parts.scheme == "file" and not parts.netloc and len(parts.path) > 1
        if not local and not (parts.scheme == "s3" and re.fullmatch(r"[a-z0-9.-]+", parts.netloc)):
            raise StoreMisconfigured(
                "tables: file:///absolute/folder or s3://bucket/folder expected"
            )
        self.url = url
        self._place = unquote(parts.path) if local else url
        self._options = None if local else _storage_options(s3)
        self._secret = s3.secret_key

    def check(self, column: str) -> None:
        with self._reporting():
            self._kind(self._opened(), column)

    def rows_of(self, column: str, refs: Collection[str]) -> dict[str, int]:
        """How many rows each member has that has any."""
        with self._reporting():
            table = self._opened()
            found: dict[str, int] = {}
            for wanted in self._conditions(table, column, refs):
                query = (
                    f"SELECT CAST({_name(column)} AS VARCHAR) AS ref, COUNT(*) AS n "  # noqa: S608
                    f"FROM t WHERE {wanted} GROUP BY 1"
                )
                found |= {row["ref"]: row["n"] for row in _selected(table, query)}
            return found

    def remove(self, column: str, refs: Collection[str]) -> int:
        """Remove the members' rows; gives how many went."""
        with self._reporting():
            conditions = list(self._conditions(self._opened(), column, refs))
            return sum(self._delete(condition) for condition in conditions)

    def select(self, query: str) -> list[dict[str, Any]]:
        """The rows that a query of the table ``t`` gives; none if there is no table yet."""
        with self._reporting():
            try:
                return _selected(self._opened(), query)
            except TableNotFoundError:
                return []

    def append(self, rows: pa.Table) -> None:
        """Add rows; makes the table if there is none."""
        with self._reporting():
            write_deltalake(self._place, rows, mode="append", storage_options=self._options)
            table = self._opened()
            if table.version() % COMPACT_EVERY == COMPACT_EVERY - 1:
                table.optimize.compact()
                table.vacuum(dry_run=False)

    def _delete(self, condition: str) -> int:
        for _ in range(TRIES):
            try:
                deleted: int = self._opened().delete(condition)["num_deleted_rows"]
            except CommitFailedError:
                # Somebody changed the same files meanwhile: begin with what is there now.
                time.sleep(random.uniform(0.05, 0.5))  # noqa: S311
            else:
                return deleted
        raise StoreUnavailable("others keep changing the table")

    def _conditions(self, table: DeltaTable, column: str, refs: Collection[str]) -> Iterator[str]:
        literals = _literals(self._kind(table, column), refs)
        for some in batched(literals, AT_ONCE):
            yield f"{_name(column)} IN ({', '.join(some)})"

    def _kind(self, table: DeltaTable, column: str) -> str:
        kinds = {field.name: field.type for field in table.schema().fields}
        if column not in kinds:
            raise StoreUnavailable(f"has no column {column}")
        kind = str(getattr(kinds[column], "type", kinds[column]))
        if kind not in {"string", *INTEGERS}:
            raise StoreUnavailable(f"its column {column} is {kind}; string or integer expected")
        return kind

    def _opened(self) -> DeltaTable:
        return DeltaTable(self._place, storage_options=self._options)

    @contextmanager
    def _reporting(self) -> Iterator[None]:
        refuse_after_fork("deltalake")
        try:
            yield
        except TableNotFoundError as error:
            raise StoreUnavailable(f"{self.url}: there is no Delta table") from error
        except (DeltaError, OSError, StoreUnavailable) as error:
            said = " ".join(COLOURS.sub("", str(error)).split())[:500]
            said = said.replace(self._secret, "***") if self._secret else said
            raise StoreUnavailable(f"{self.url}: {said}") from error


def literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _name(column: str) -> str:
    return '"' + column.replace('"', '""') + '"'


def _literals(kind: str, refs: Collection[str]) -> list[str]:
    if kind == "string":
        return [literal(ref) for ref in refs]
    # "007" is no member of a column of numbers, and no number besides 7 is member "7".
    return [ref for ref in refs if re.fullmatch(r"0|-?[1-9]\d{0,17}", ref, re.ASCII)]


def _selected(table: DeltaTable, query: str) -> list[dict[str, Any]]:
    result = QueryBuilder().register("t", table).execute(query).read_all()
    rows: list[dict[str, Any]] = pa.table(result).to_pylist()
    return rows


def _storage_options(s3: S3Options) -> dict[str, str]:
    given: Mapping[str, str | None] = {
        "AWS_ENDPOINT_URL": s3.endpoint,
        "AWS_REGION": s3.region,
        "AWS_ACCESS_KEY_ID": s3.access_key,
        "AWS_SECRET_ACCESS_KEY": s3.secret_key,
        "AWS_ALLOW_HTTP": str(s3.plain_http).lower(),
        "timeout": f"{s3.timeout:g}s",
        "connect_timeout": f"{s3.timeout:g}s",
        "max_retries": str(RETRIES),
        "retry_timeout": f"{s3.timeout:g}s",
    }
    return {name: value for name, value in given.items() if value is not None}
