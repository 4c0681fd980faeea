"""Statements that PostgreSQL parses and plans once for each connection, not at each run.

For the hot path only. psycopg's cursors send, poll and fetch in steps, and give other threads the
interpreter at each, to wait for it again. One call of libpq waits for the answer as well, and costs
half as much.
"""

from collections.abc import Mapping, Sequence
from itertools import count
from typing import Any, cast
from weakref import WeakSet

from django.db import DEFAULT_DB_ALIAS, connections
from psycopg import Connection, DataError, OperationalError, errors, pq
from psycopg.adapt import Transformer

_numbers = count(1)


class Prepared:
    """``text`` is written as for a cursor, with ``%(name)s`` for each of ``names``.

    Values are sent as text: the statement must make clear what type each of them is. PostgreSQL's
    logs name it by its ``label``.
    """

    def __init__(self, text: str, names: Sequence[str], label: str = "statement") -> None:
        self.text, self.names = text, tuple(names)
        self.name = f"privacydash_{label}_{next(_numbers)}".encode()
        numbered = {name: f"${number}" for number, name in enumerate(names, 1)}
        self.command = (text % numbered).encode()
        self.known: WeakSet[Connection[Any]] = WeakSet()
        """Where it is prepared."""

    def fetch_row(self, values: Mapping[str, Any]) -> tuple[Any, ...] | None:
        """The first row, or None. Raises django.db.Error.

        Within a transaction it is an ordinary statement: psycopg begins the transaction with the
        first statement that it sends itself.
        """
        with self._cursor() as cursor:
            cursor.execute(self.text, values)
            return cast("tuple[Any, ...] | None", cursor.fetchone())

    def _cursor(self) -> Any:
        database: Any = connections[DEFAULT_DB_ALIAS]  # looked up once: each time costs
        if not database.get_autocommit():
            return database.cursor()
        database.validate_thread_sharing()
        log = database.queries_logged
        make = database.make_debug_cursor if log else database.make_cursor
        return make(_Cursor(self, database.connection))


class _Cursor:
    """As much of a DB-API cursor as Django's wrappers need, which turn errors into Django's."""

    _query = None  # for Django's log of queries: it has the text and the values beside it

    def __init__(self, statement: Prepared, connection: Connection[Any]) -> None:
        self.statement, self.connection = statement, connection

    def execute(self, _text: str, values: Mapping[str, Any]) -> None:
        sent = [_as_text(values[name]) for name in self.statement.names]
        self.result = self._run(sent)

    def _run(self, sent: list[Any], *, again: bool = True) -> Any:
        pgconn, statement = self.connection.pgconn, self.statement
        prepared = self.connection in statement.known
        if prepared:
            result = pgconn.exec_prepared(statement.name, sent)
        else:
            result = pgconn.prepare(statement.name, statement.command)
        if result.status == pq.ExecStatus.TUPLES_OK:
            return result
        if result.status == pq.ExecStatus.COMMAND_OK:
            statement.known.add(self.connection)
            return self._run(sent, again=again)
        if pgconn.status == pq.ConnStatus.BAD:
            raise OperationalError(pgconn.get_error_message())
        error = errors.error_from_result(result)
        # Somebody has deallocated it, or a migration has changed the type of a column.
        gone = isinstance(error, errors.InvalidSqlStatementName | errors.FeatureNotSupported)
        if not (prepared and again and gone):
            raise error
        self.connection.execute(b"DEALLOCATE ALL")
        statement.known.discard(self.connection)
        return self._run(sent, again=False)

    def fetchone(self) -> tuple[Any, ...] | None:
        if not self.result.ntuples:
            return None
        transformer = Transformer(self.connection)
        transformer.set_pgresult(self.result)
        return transformer.load_row(0, tuple)

    def close(self) -> None:
        """Nothing is held."""


def _as_text(value: Any) -> bytes | None:
    if value is None:
        return None
    text = str(value).encode()
    if b"\0" in text:  # libpq would take it for the end
        raise DataError("PostgreSQL text cannot contain NUL (0x00) bytes")
    return text
