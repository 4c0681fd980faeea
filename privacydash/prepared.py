"""Statements that PostgreSQL parses and plans once for each connection, not at each run."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

from django.db import NotSupportedError, connection
from django.db.backends.utils import CursorWrapper


def fetch_row(statement: str, values: Sequence[Any] | Mapping[str, Any]) -> tuple[Any, ...] | None:
    """The first row, or None. The statement must be a constant: each text is prepared once.

    For PostgreSQL only, inside or outside a transaction. Raises django.db.Error.

    The ORM's cursors write values into the text, so that each run is a new statement. This one
    sends them beside it, and `prepare_threshold` in the settings has it prepared at first use.
    """
    connection.ensure_connection()
    with _cursor() as cursor:
        try:
            cursor.execute(statement, values)
        except NotSupportedError:
            # A migration has changed the type of a column since the statement was prepared.
            if connection.in_atomic_block:
                raise
            connection.connection.execute("DEALLOCATE ALL")
            cursor.execute(statement, values)
        return cast("tuple[Any, ...] | None", cursor.fetchone())


def _cursor() -> CursorWrapper:
    from django.db.backends.postgresql import base  # noqa: PLC0415 — needs psycopg

    with connection.wrap_database_errors:
        cursor: Any = cast("Any", base.ServerBindingCursor)(connection.connection)
    if connection.queries_logged:
        return connection.make_debug_cursor(cursor)
    return connection.make_cursor(cursor)
