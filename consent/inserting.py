"""INSERT … SELECT, which Django's ORM does not have: many rows without a way through Python."""

from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import Model, QuerySet


def insert_from(
    model: type[Model], rows: "QuerySet[Any]", *, on_conflict: str = "DO NOTHING", **values: Any
) -> None:
    """Insert a row of ``model`` for each of ``rows``.

    ``values`` are expressions over ``rows``, by column. All columns without a default of the
    database have to be there. ``on_conflict`` (SQL of PostgreSQL and SQLite): what happens to one
    that breaks a unique constraint; it is left out by default.
    """
    into = {f"into_{column}": value for column, value in values.items()}
    selected = rows.order_by().annotate(**into).values_list(*into)
    try:
        sql, parameters = selected.query.sql_with_params()
    except EmptyResultSet:
        return
    columns = ", ".join(connection.ops.quote_name(column) for column in values)
    table = connection.ops.quote_name(model._meta.db_table)
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} ({columns}) {sql} ON CONFLICT {on_conflict}", parameters
        )
