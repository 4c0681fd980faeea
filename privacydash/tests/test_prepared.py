"""Prepared statements outlive what a migration, a pooler or an error does to them."""

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import (
    DatabaseError,
    DataError,
    IntegrityError,
    OperationalError,
    connection,
    transaction,
)
from django.utils import timezone

from privacydash.prepared import Prepared

pytestmark = [
    pytest.mark.skipif(connection.vendor != "postgresql", reason="PostgreSQL only"),
    pytest.mark.django_db(transaction=True),
]
FIND = "SELECT name FROM prepared_trial WHERE name = %(name)s"
ADD = "INSERT INTO prepared_trial VALUES (%(name)s) RETURNING name"


@pytest.fixture(autouse=True)
def trial() -> Iterator[None]:
    run("CREATE TABLE prepared_trial (name varchar(5) UNIQUE)")
    run("INSERT INTO prepared_trial VALUES ('a')")
    yield
    run("DROP TABLE prepared_trial")


@pytest.fixture
def find() -> Prepared:
    return Prepared(FIND, ["name"])


def run(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


def a(find: Prepared) -> Any:
    return find.fetch_row({"name": "a"})


def prepared() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT FROM pg_prepared_statements WHERE statement LIKE '%prepared_trial%'")
        return len(cursor.fetchall())


def test_a_statement_is_prepared_once(find: Prepared) -> None:
    before = prepared()
    assert [find.fetch_row({"name": name}) for name in "aba"] == [("a",), None, ("a",)]
    assert prepared() == before + 1


def test_each_connection_has_its_own(find: Prepared) -> None:
    assert a(find) == ("a",)
    connection.close()
    connection.connect()
    assert a(find) == ("a",)


def test_values_come_back_as_they_went() -> None:
    text = (
        "SELECT %(id)s::uuid, %(at)s::timestamptz, %(number)s::int, %(text)s::varchar, "
        "%(nothing)s::int, %(yes)s::bool"
    )
    values = {
        "id": uuid.uuid4(),
        "at": timezone.now(),
        "number": -7,
        "text": "Ærø ' \\ % $1 \U0001f600",
        "nothing": None,
        "yes": True,
    }
    statement = Prepared(text, list(values))
    assert statement.fetch_row(values) == tuple(values.values())
    with transaction.atomic():
        assert statement.fetch_row(values) == tuple(values.values())


@pytest.mark.parametrize("kind", ["varchar(9)", "text"])
def test_a_changed_type_is_taken_in(find: Prepared, kind: str) -> None:
    assert a(find) == ("a",)
    run(f"ALTER TABLE prepared_trial ALTER name TYPE {kind}")
    assert a(find) == ("a",)
    assert a(find) == ("a",)


def test_a_deallocated_statement_is_prepared_again(find: Prepared) -> None:
    assert a(find) == ("a",)
    run("DEALLOCATE ALL")
    assert a(find) == ("a",)


def test_errors_are_djangos_and_leave_the_connection_usable(find: Prepared) -> None:
    with pytest.raises(DataError):
        find.fetch_row({"name": "a\0"})
    with pytest.raises(IntegrityError):
        Prepared(ADD, ["name"]).fetch_row({"name": "a"})
    with pytest.raises(DataError):
        Prepared(ADD, ["name"]).fetch_row({"name": "too long"})
    with pytest.raises(DatabaseError, match="no_such_table"):
        Prepared("SELECT %(name)s::text FROM no_such_table", ["name"]).fetch_row({"name": "a"})
    assert a(find) == ("a",)


def test_a_lost_connection_is_an_operational_error(find: Prepared) -> None:
    assert a(find) == ("a",)
    process = connection.connection.info.backend_pid
    other = connection.copy()
    with other.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [process])
    other.close()
    with pytest.raises(OperationalError):
        a(find)
    connection.close_if_unusable_or_obsolete()
    assert a(find) == ("a",)


def test_what_a_transaction_takes_back_is_gone(find: Prepared) -> None:
    """Also where it is the first statement of the transaction."""
    add = Prepared(ADD, ["name"])
    assert add.fetch_row({"name": "b"}) == ("b",)
    with transaction.atomic():
        assert add.fetch_row({"name": "c"}) == ("c",)
        transaction.set_rollback(True)
    assert find.fetch_row({"name": "b"}) == ("b",)
    assert find.fetch_row({"name": "c"}) is None
