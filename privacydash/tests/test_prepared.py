"""Prepared statements outlive what a migration does to their tables."""

from collections.abc import Iterator

import pytest
from django.db import DatabaseError, DataError, IntegrityError, connection, transaction

from privacydash.prepared import fetch_row

pytestmark = [
    pytest.mark.skipif(connection.vendor != "postgresql", reason="PostgreSQL only"),
    pytest.mark.django_db(transaction=True),
]
NAMES = "SELECT name FROM prepared_trial WHERE name = %s"


@pytest.fixture(autouse=True)
def trial() -> Iterator[None]:
    run("CREATE TABLE prepared_trial (name varchar(5) UNIQUE)")
    run("INSERT INTO prepared_trial VALUES ('a')")
    yield
    run("DROP TABLE prepared_trial")


def run(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


def prepared() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT statement FROM pg_prepared_statements")
        return [row[0] for row in cursor.fetchall()]


def test_a_statement_is_prepared_once() -> None:
    assert [fetch_row(NAMES, [name]) for name in "aba"] == [("a",), None, ("a",)]
    assert prepared().count(NAMES.replace("%s", "$1")) == 1


def test_a_changed_type_is_taken_in() -> None:
    assert fetch_row(NAMES, ["a"]) == ("a",)
    run("ALTER TABLE prepared_trial ALTER name TYPE varchar(9)")
    # As another process sees it: what psycopg forgets after its own ALTER is still prepared here.
    assert fetch_row(NAMES, ["a"]) == ("a",)
    run("DO $$ BEGIN ALTER TABLE prepared_trial ALTER name TYPE text; END $$")
    assert fetch_row(NAMES, ["a"]) == ("a",)
    assert fetch_row(NAMES, ["a"]) == ("a",)


def test_errors_are_djangos_and_leave_the_connection_usable() -> None:
    with pytest.raises(DataError):
        fetch_row(NAMES, ["\0"])
    with pytest.raises(IntegrityError):
        fetch_row("INSERT INTO prepared_trial VALUES (%s) RETURNING name", ["a"])
    with pytest.raises(DatabaseError), transaction.atomic():
        fetch_row("SELECT 1 / %s::int", [0])
    assert fetch_row(NAMES, ["a"]) == ("a",)
