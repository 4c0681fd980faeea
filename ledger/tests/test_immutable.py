import pytest
from django.db import IntegrityError, InternalError, connection, transaction

from ledger.models import Entry
from ledger.triggers import ENTRIES
from tests.people import choose

pytestmark = pytest.mark.django_db

REFUSED = (IntegrityError, InternalError)


@pytest.fixture
def entry():
    choose("anna", notice_version=1)
    return Entry.objects.get()


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("member_ref", "ben"),
        ("purpose", "ads"),
        ("decision", "allowed"),
        ("revision", 9),
        ("channel", "support"),
        ("notice_version", None),
        ("notice_language", "fr"),
        ("request_id", "5f0c2f3f-0000-4000-8000-000000000000"),
        ("recorded_at", "2020-01-01T00:00:00Z"),
        ("partition", 3),
        ("evidence_sha256", "0" * 64),
    ],
)
def test_content_cannot_be_changed_not_even_while_sealing(entry, column, value):
    for also in ({}, {"position": 1}):
        with pytest.raises(REFUSED, match="cannot be changed"), transaction.atomic():
            Entry.objects.filter(pk=entry.pk).update(**{column: value, **also})


def test_sealing_is_permitted_once(entry):
    Entry.objects.filter(pk=entry.pk).update(position=1)
    for position in (2, None):
        with pytest.raises(REFUSED, match="cannot be changed"), transaction.atomic():
            Entry.objects.filter(pk=entry.pk).update(position=position)


def test_rows_cannot_be_deleted(entry):
    with pytest.raises(REFUSED, match="cannot be changed"), transaction.atomic():
        Entry.objects.all().delete()


def test_the_table_cannot_be_emptied(entry):
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has no TRUNCATE")
    with pytest.raises(REFUSED, match="cannot be changed"), transaction.atomic():
        connection.cursor().execute("TRUNCATE ledger_entry CASCADE")


def test_replacing_a_row_is_refused(entry):
    if connection.vendor != "sqlite":
        pytest.skip("only SQLite has INSERT OR REPLACE")
    columns = [field.column for field in Entry._meta.fields]
    for changed in ("id", "revision"):
        values = ", ".join("999" if column == changed else column for column in columns)
        with pytest.raises(REFUSED, match="cannot be changed"), transaction.atomic():
            connection.cursor().execute(
                f"INSERT OR REPLACE INTO ledger_entry ({', '.join(columns)}) "
                f"SELECT {values} FROM ledger_entry"
            )
    assert Entry.objects.get() == entry


def test_missing_triggers_are_noticed():
    assert ENTRIES.missing(connection) == []
    ENTRIES.remove(connection)
    assert len(ENTRIES.missing(connection)) >= 2
    ENTRIES.install(connection)


def test_a_disabled_trigger_is_noticed():
    if connection.vendor != "postgresql":
        pytest.skip("SQLite cannot disable a trigger")
    connection.cursor().execute("ALTER TABLE ledger_entry DISABLE TRIGGER ledger_entry_immutable")
    assert ENTRIES.missing(connection) == ["ledger_entry_immutable"]
