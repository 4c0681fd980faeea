"""Triggers that make rows immutable, on PostgreSQL and SQLite.

A guard is dropped and made again by the same two functions everywhere: migrations install it,
`verify_ledger` asks whether it is still there. It also binds whoever holds the application's
database password; only the owner of the table can take it away, and then verification says so.
"""

from dataclasses import dataclass
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper


@dataclass(frozen=True, slots=True)
class Guard:
    """Refuses UPDATE, DELETE and TRUNCATE on rows of ``table`` that are ``locked``.

    ``locked`` and ``permitted`` are SQL conditions over OLD (and for ``permitted`` NEW): a row
    for which ``locked`` holds may only change in an update for which ``permitted`` holds.
    ``identity`` lists the unique column groups by which SQLite's INSERT OR REPLACE could
    silently delete an older row.
    """

    table: str
    message: str
    locked: str = "TRUE"
    permitted: str = "FALSE"
    identity: tuple[tuple[str, ...], ...] = (("id",),)

    @property
    def names(self) -> tuple[str, ...]:
        """The triggers of this guard on PostgreSQL; on SQLite `_sqlite_names`."""
        return (f"{self.table}_immutable", f"{self.table}_no_truncate")

    @property
    def _sqlite_names(self) -> tuple[str, ...]:
        return tuple(f"{self.table}_{what}" for what in ("no_update", "no_delete", "no_replace"))

    def install(self, connection: BaseDatabaseWrapper) -> None:
        for statement in self._statements(connection.vendor):
            _execute(connection, statement)

    def remove(self, connection: BaseDatabaseWrapper) -> None:
        if connection.vendor == "postgresql":
            for name in self.names:
                _execute(connection, f"DROP TRIGGER IF EXISTS {name} ON {self.table}")
            return
        for name in self._sqlite_names:
            _execute(connection, f"DROP TRIGGER IF EXISTS {name}")

    def missing(self, connection: BaseDatabaseWrapper) -> list[str]:
        """Names of the triggers that are not there, or do not fire always."""
        if connection.vendor == "postgresql":
            found = _column(
                connection,
                "SELECT tgname FROM pg_trigger WHERE tgrelid = %s::regclass AND tgenabled = 'A'",
                [self.table],
            )
            return [name for name in self.names if name not in found]
        found = _column(
            connection,
            "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = %s",
            [self.table],
        )
        return [name for name in self._sqlite_names if name not in found]

    def _statements(self, vendor: str) -> list[str]:
        return self._postgresql() if vendor == "postgresql" else self._sqlite()

    def _postgresql(self) -> list[str]:
        row, truncate = self.names
        return [
            f"""
            CREATE OR REPLACE FUNCTION {row}() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                IF TG_OP = 'TRUNCATE' THEN
                    RAISE EXCEPTION '{self.message}' USING ERRCODE = '23000';
                END IF;
                IF ({self.locked}) THEN
                    IF TG_OP = 'UPDATE' THEN
                        IF ({self.permitted}) THEN RETURN NEW; END IF;
                    END IF;
                    RAISE EXCEPTION '{self.message}' USING ERRCODE = '23000';
                END IF;
                RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
            END $$""",
            f"""CREATE TRIGGER {row} BEFORE UPDATE OR DELETE ON {self.table}
                FOR EACH ROW EXECUTE FUNCTION {row}()""",
            f"""CREATE TRIGGER {truncate} BEFORE TRUNCATE ON {self.table}
                FOR EACH STATEMENT EXECUTE FUNCTION {row}()""",
            # ALWAYS: also for a session that calls itself a replica.
            f"ALTER TABLE {self.table} ENABLE ALWAYS TRIGGER {row}",
            f"ALTER TABLE {self.table} ENABLE ALWAYS TRIGGER {truncate}",
        ]

    def _sqlite(self) -> list[str]:
        update, delete, replace = self._sqlite_names
        refuse = f"BEGIN SELECT RAISE(ABORT, '{self.message}'); END"
        same = " OR ".join(
            "(" + " AND ".join(f"{column} = NEW.{column}" for column in columns) + ")"
            for columns in self.identity
        )
        return [
            f"""CREATE TRIGGER {update} BEFORE UPDATE ON {self.table}
                WHEN ({self.locked}) AND NOT coalesce(({self.permitted}), FALSE) {refuse}""",
            f"CREATE TRIGGER {delete} BEFORE DELETE ON {self.table} WHEN ({self.locked}) {refuse}",
            # A plain INSERT of a duplicate fails on the constraint anyway.
            f"""CREATE TRIGGER {replace} BEFORE INSERT ON {self.table}
                WHEN EXISTS (SELECT 1 FROM {self.table} WHERE {same}) {refuse}""",  # noqa: S608
        ]


def same(*columns: str) -> str:
    """An SQL condition: the update leaves these columns as they were."""
    return " AND ".join(
        f"coalesce(NEW.{column} = OLD.{column}, NEW.{column} IS NULL AND OLD.{column} IS NULL)"
        for column in columns
    )


def _execute(connection: BaseDatabaseWrapper, sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql)


def _column(connection: BaseDatabaseWrapper, sql: str, parameters: list[Any]) -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return {row[0] for row in cursor.fetchall()}


_CONTENT = (
    "id",
    "partition",
    "member_ref",
    "purpose",
    "decision",
    "revision",
    "channel",
    "notice_version",
    "notice_language",
    "request_id",
    "recorded_at",
)


def _entries(content: tuple[str, ...]) -> Guard:
    return Guard(
        table="ledger_entry",
        message="a recorded choice cannot be changed or deleted",
        # The one permitted change is sealing: the position is given, once.
        permitted=f"OLD.position IS NULL AND NEW.position IS NOT NULL AND {same(*content)}",
        identity=(
            ("id",),
            ("member_ref", "purpose", "revision"),
            ("request_id", "member_ref", "purpose"),
            ("partition", "position"),
        ),
    )


ENTRIES = _entries((*_CONTENT, "evidence_sha256"))
FIRST_ENTRIES = _entries(_CONTENT)
"""For the migration that made the table, whose rows had no evidence yet."""
