"""Training tables in Delta Lake, from which the rows of members who object are deleted."""

import logging
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import batched
from typing import Any

from propagation.choice import Choice
from propagation.stores.base import (
    Key,
    RemovingStore,
    StoreMisconfigured,
    StoreUnavailable,
)
from propagation.stores.deltatable import AT_ONCE, Table, literal
from propagation.stores.folders import S3Options
from propagation.stores.objects import ObjectStore
from propagation.stores.optional import needed_packages
from propagation.stores.unicode import encodable

with needed_packages():
    import pyarrow as pa

logger = logging.getLogger(__name__)

TRIES = 5
"""How often rows are deleted in one write until a read finds none."""
REMOVALS = pa.schema(
    [
        ("removed_at", pa.timestamp("us", "UTC")),
        ("table", pa.string()),
        ("member_ref", pa.string()),
        ("purpose", pa.string()),
        ("revision", pa.int64()),
        ("rows", pa.int64()),
    ]
)


class TrainingTableStore(RemovingStore):
    """Deletes a member's rows from each of ``tables`` when the member objects to ``purpose``.

    An objection is held once no table has rows of that member: rows that come back, say with an
    import, make `read` and `scan` leave the choice out, and writing it again deletes them.
    "Allowed" brings nothing back; it only ends the deleting.

    ``state`` is a folder of this store's own: the choices, as an `ObjectStore` keeps them, and the
    Delta table ``removals``, which says how many rows of whom went from where. ``tables`` and
    ``state`` are ``file:///absolute/folder`` or ``s3://bucket/folder``, with the options of
    `S3Options`. ``member_column`` is of strings or integers.
    """

    def __init__(
        self,
        tables: Sequence[str],
        state: str,
        member_column: str = "member_ref",
        purpose: str = "genai-training",
        **options: Any,
    ) -> None:
        s3 = S3Options.taken_from(options)
        super().__init__(**options)
        if isinstance(tables, str) or not tables:
            raise StoreMisconfigured("tables: a list of one URL or more expected")
        if not (member_column and purpose):
            raise StoreMisconfigured("member_column, purpose: a name expected")
        self._tables = [Table(url, s3) for url in tables]
        self._column, self._purpose = member_column, purpose
        self._choices = ObjectStore(state, **s3.as_options())
        self._removals = Table(f"{state.rstrip('/')}/removals", s3)

    def write(self, choices: Sequence[Choice]) -> None:
        held = self._choices.read(choice.key for choice in choices)
        # An objection that is held already counts too: its rows may have come back.
        self._remove_rows(c for c in choices if not _outdated(c, held.get(c.key)))
        self._choices.write(choices)

    def check(self) -> None:
        self._choices.check()
        for table in self._tables:
            table.check(self._column)

    def read(self, keys: Iterable[Key]) -> Mapping[Key, Choice]:
        return {choice.key: choice for choice in self._true(self._choices.read(keys).values())}

    def scan(self, after: Key | None, limit: int) -> Iterator[Choice]:
        while limit and (page := list(self._choices.scan(after, limit))):
            held = self._true(page)
            yield from held
            # Those left out are made up for: an empty page would look like the end.
            after, limit = page[-1].key, limit - len(held)

    def repair(self, choices: Sequence[Choice], extra: Sequence[Key]) -> None:
        self._remove_rows(choices)
        self._choices.repair(choices, extra)

    def check_rows(self, member_refs: Collection[str]) -> Mapping[str, int]:
        """How many rows the tables have of each of these members that has any."""
        found: dict[str, int] = {}
        for table in self._tables:
            for ref, count in table.rows_of(self._column, member_refs).items():
                found[ref] = found.get(ref, 0) + count
        return found

    def removed(self, keys: Iterable[Key]) -> Mapping[Key, int]:
        """As `RemovingStore` says.

        A worker that dies between deleting rows and noting it leaves them uncounted.
        """
        refs = {ref for ref, purpose in filter(encodable, keys) if purpose == self._purpose}
        counts: dict[Key, int] = {}
        for some in batched(refs, AT_ONCE):
            rows = self._removals.select(
                "SELECT member_ref, SUM(rows) AS n FROM t "  # noqa: S608
                f"WHERE purpose = {literal(self._purpose)} "
                f"AND member_ref IN ({', '.join(map(literal, some))}) GROUP BY 1"
            )
            counts |= {(row["member_ref"], self._purpose): row["n"] for row in rows}
        return counts

    def _objectors(self, choices: Iterable[Choice]) -> dict[str, Choice]:
        return {
            choice.member_ref: choice
            for choice in choices
            if choice.purpose == self._purpose
            and choice.decision == "objected"
            and encodable(choice.key)
        }

    def _true(self, choices: Collection[Choice]) -> list[Choice]:
        """Those of the kept choices that the tables agree with."""
        found = self.check_rows(self._objectors(choices).keys())
        wrong = self._objectors(choices).keys() & found.keys()
        return [c for c in choices if c.purpose != self._purpose or c.member_ref not in wrong]

    def _remove_rows(self, choices: Iterable[Choice]) -> None:
        """Return once a read finds no rows of those who object: then, and only then, it holds."""
        objectors = self._objectors(choices)
        for table in self._tables:
            for _ in range(TRIES):
                # Only of those who have any: a delete reads more than a count does.
                found = table.rows_of(self._column, objectors.keys())
                if not found:
                    break
                count = table.remove(self._column, found.keys())
                logger.info("%s: %d rows of %d members deleted", table.url, count, len(found))
                self._note(table, [(objectors[ref], rows) for ref, rows in found.items()])
            else:
                raise StoreUnavailable(f"{table.url}: deleted rows keep coming back")

    def _note(self, table: Table, removed: Sequence[tuple[Choice, int]]) -> None:
        now = datetime.now(UTC)
        rows = [
            (now, table.url, choice.member_ref, choice.purpose, choice.revision, count)
            for choice, count in removed
        ]
        columns = [list(column) for column in zip(*rows, strict=True)]
        self._removals.append(pa.table(columns, schema=REMOVALS))


def _outdated(choice: Choice, held: Choice | None) -> bool:
    if held is None or choice.revision > held.revision:
        return False
    return choice.revision < held.revision or choice.decision != held.decision
