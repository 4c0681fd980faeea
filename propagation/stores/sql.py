"""Choices as rows of one table in a team's own database: PostgreSQL, MariaDB or SQLite."""

import os
import re
import socket
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import batched
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ColumnElement,
    DateTime,
    Executable,
    MetaData,
    Row,
    String,
    Table,
    Text,
    and_,
    bindparam,
    cast,
    delete,
    event,
    func,
    inspect,
    literal_column,
    or_,
    select,
    true,
    tuple_,
)
from sqlalchemy.dialects import mysql, postgresql, sqlite
from sqlalchemy.engine import URL, Connection, Engine, create_engine, make_url
from sqlalchemy.exc import (
    ArgumentError,
    DataError,
    DBAPIError,
    IntegrityError,
    NoSuchModuleError,
    SQLAlchemyError,
)
from sqlalchemy.schema import CreateTable
from sqlalchemy.types import TypeDecorator

from propagation.choice import Choice
from propagation.stores.base import (
    ChoiceRefused,
    Digest,
    DigestStore,
    Key,
    Refusal,
    StoreMisconfigured,
    StoreUnavailable,
    row_digest,
)

DRIVERS = {
    "postgres": "postgresql+psycopg",
    "postgresql": "postgresql+psycopg",
    "mariadb": "mysql+pymysql",
    "mysql": "mysql+pymysql",
    "sqlite": "sqlite+pysqlite",
}
MEMBER_REF_LENGTH = 255
PURPOSE_LENGTH = 100
TOO_LONG = f"longer than {MEMBER_REF_LENGTH} (member_ref) or {PURPOSE_LENGTH} (purpose) characters"
READ_AT_ONCE = 500
TRIES = 3
DEADLOCKS = {"40P01", "40001", 1213}
_NEVER = datetime.fromtimestamp(0, UTC)
CHECK_FAILED_IN_MARIADB = 4025  # comes as an OperationalError


class _RefusedForGoodError(Exception):
    """The database, or its driver, will say the same of this row each time."""


class UtcDateTime(TypeDecorator[datetime]):
    """An aware datetime, kept in UTC also where the database knows no time zones."""

    impl = DateTime(timezone=True).with_variant(mysql.DATETIME(fsp=6), "mysql")
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Any) -> datetime | None:
        if value is None:
            return None
        value = value.astimezone(UTC)
        return value if dialect.name == "postgresql" else value.replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Any) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class SqlStore(DigestStore):
    """A table that is created when it is missing, with one row for each member and purpose.

    ``url`` is a SQLAlchemy or Django-style database URL, ``table`` a plain name of up to 63
    letters, digits and underscores. ``connect_timeout`` and ``timeout`` (of a statement, and of
    waiting for a lock) are in seconds. Only `repair` deletes.
    """

    def __init__(
        self,
        url: str,
        table: str = "privacydash_choices",
        *,
        connect_timeout: float = 5.0,
        timeout: float = 10.0,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self._timeout = timeout
        self._url = _database_url(url)
        self._table = _choices_table(table)
        self._engine = _engine(self._url, connect_timeout, timeout)
        dialect = self._engine.dialect.name
        self._upsert = _upsert(self._table, dialect)
        self._replace = _upsert(self._table, dialect, guarded=False)
        self._created = False
        self._creating = threading.Lock()

    def write(self, choices: Sequence[Choice]) -> None:
        self._write(self._upsert, choices)

    def repair(self, choices: Sequence[Choice], extra: Sequence[Key]) -> None:
        # First what needs no right to delete.
        self._write(self._replace, choices)
        for some in batched(extra, READ_AT_ONCE):
            self._delete(some)

    def _write(self, statement: Executable, choices: Sequence[Choice]) -> None:
        too_long = [choice for choice in choices if not _fits(choice)]
        # In key order, so that writers of the same rows wait for each other without deadlock.
        fitting = sorted(filter(_fits, choices), key=lambda choice: choice.key)
        refusals = [Refusal(*choice.key, TOO_LONG) for choice in too_long]
        if refusals := refusals + self._refused(statement, fitting):
            raise ChoiceRefused(refusals)

    def check(self) -> None:
        self._run(select(self._table).limit(1))

    def read(self, keys: Iterable[Key]) -> Mapping[Key, Choice]:
        held: dict[Key, Choice] = {}
        for some in batched(keys, READ_AT_ONCE):
            held |= {choice.key: choice for choice in self._held(some)}
        return held

    def scan(self, after: Key | None, limit: int) -> Iterator[Choice]:
        columns = self._table.c
        query = select(self._table).order_by(columns.member_ref, columns.purpose).limit(limit)
        return map(_choice, self._run(query.where(*_within(self._table, after, None))))

    def digest(self, after: Key | None, until: Key | None) -> Digest:
        within = _within(self._table, after, until)
        query = select(func.count(), _sum_of_digests(self._table, self._engine.dialect.name))
        rows = self._run(query.select_from(self._table).where(*within))
        count, total = tuple(rows[0])
        return Digest(count, int(total or 0) % 2**63)

    def _refused(self, statement: Executable, choices: Sequence[Choice]) -> list[Refusal]:
        """Write all but what the database refuses for good, found by halving the batch."""
        if not choices:
            return []
        try:
            self._run(statement, _parameters(choices, self._engine.dialect.name))
        except _RefusedForGoodError as error:
            if len(choices) == 1:
                return [Refusal(*choices[0].key, str(error))]
            middle = len(choices) // 2
            first, second = choices[:middle], choices[middle:]
            return self._refused(statement, first) + self._refused(statement, second)
        return []

    def _held(self, keys: Sequence[Key]) -> list[Choice]:
        query = select(self._table).where(_among(self._table, keys))
        try:
            return [_choice(row) for row in self._run(query)]
        except _RefusedForGoodError:
            # A key that cannot even be asked for cannot be held.
            if len(keys) == 1:
                return []
            middle = len(keys) // 2
            return self._held(keys[:middle]) + self._held(keys[middle:])

    def _delete(self, keys: Sequence[Key]) -> None:
        try:
            self._run(delete(self._table).where(_among(self._table, keys)))
        except _RefusedForGoodError:
            # Of keys that cannot be asked for there is nothing to delete.
            if len(keys) > 1:
                middle = len(keys) // 2
                self._delete(keys[:middle])
                self._delete(keys[middle:])

    def _run(self, statement: Executable, parameters: Any = None) -> Sequence[Row[Any]]:
        """Run one statement in a transaction of its own and return its rows, if it has any.

        Tried again at once after a deadlock and when the pool's connection turned out to be cut.
        Raises `_RefusedForGoodError` or `StoreUnavailable`.
        """
        for tries_left in reversed(range(TRIES)):
            try:
                self._ensure_table()
                with self._connection() as connection, connection.begin():
                    result = connection.execute(statement, parameters)
                    return result.all() if result.returns_rows else []
            except (SQLAlchemyError, OSError, UnicodeError, OverflowError) as error:
                if _refused_for_good(error):
                    raise _RefusedForGoodError(self._words(error)) from error
                if not (tries_left and _worth_repeating(error)):
                    self._created = False  # the table may be what is missing
                    raise StoreUnavailable(self._words(error)) from error
        raise AssertionError

    @contextmanager
    def _connection(self) -> Iterator[Connection]:
        with self._engine.connect() as connection:
            if self._engine.dialect.name != "postgresql":
                yield connection
                return
            with _cut_after(self._timeout, connection):
                yield connection

    def _ensure_table(self) -> None:
        with self._creating:
            if not self._created:
                with self._connection() as connection:
                    _create_if_missing(connection, self._table)
                self._created = True

    def _words(self, error: BaseException) -> str:
        """What the driver said, in one line, without the URL's password."""
        cause = error.orig if isinstance(error, DBAPIError) and error.orig else error
        said = str(cause.args[-1] if cause.args else cause).strip().partition("\n")[0]
        for secret in _secrets(self._url):
            said = said.replace(secret, "***")
        where = f"{self._url.get_backend_name()} at {self._url.host or self._url.database}"
        return f"{where}: {said or type(cause).__name__}"


def _database_url(url: str) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError:
        # Not the parser's message: it may quote the URL, and with it the password.
        raise StoreMisconfigured("url: cannot be read as a database URL") from None
    driver = DRIVERS.get(parsed.get_backend_name())
    if driver is None:
        raise StoreMisconfigured(f"url: one of {', '.join(DRIVERS)} expected as the scheme")
    if parsed.get_backend_name() == "sqlite" and parsed.database in {None, "", ":memory:"}:
        raise StoreMisconfigured("url: a SQLite store needs a file; memory forgets choices")
    return parsed.set(drivername=driver)


def _secrets(url: URL) -> set[str]:
    rendered = url.render_as_string(hide_password=False).partition("://")[2].rpartition("@")[0]
    quoted = rendered.partition(":")[2]
    in_query = [str(value) for name, value in url.query.items() if "pass" in name.lower()]
    return {secret for secret in (url.password, quoted, *in_query) if secret}


def _choices_table(name: str) -> Table:
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,62}", name):
        raise StoreMisconfigured("table: up to 63 letters, digits and underscores expected")
    return Table(
        name,
        MetaData(),
        Column("member_ref", _exact(MEMBER_REF_LENGTH), primary_key=True),
        Column("purpose", _exact(PURPOSE_LENGTH), primary_key=True),
        Column("decision", String(20), nullable=False),
        Column("revision", BigInteger, nullable=False),
        Column("changed_at", UtcDateTime, nullable=False),
        CheckConstraint("decision IN ('objected', 'allowed')"),
    )


def _exact(length: int) -> String:
    """A text compared and sorted by code points: no case folding, no padding of blanks."""
    in_mariadb = mysql.VARCHAR(length, charset="utf8mb4", collation="utf8mb4_nopad_bin")
    in_postgresql = postgresql.VARCHAR(length, collation="C")
    text = String(length).with_variant(in_mariadb, "mysql")
    return text.with_variant(in_postgresql, "postgresql")


def _engine(url: URL, connect_timeout: float, timeout: float) -> Engine:
    if not (connect_timeout > 0 and timeout > 0):
        raise StoreMisconfigured("timeout and connect_timeout: seconds above zero expected")
    options: dict[str, Any] = {"connect_args": _timeouts(url, connect_timeout, timeout)}
    if url.get_backend_name() != "sqlite":
        # Weaker isolation would not do for a read and a write; it does for one guarded upsert,
        # and spares MariaDB the gap locks on which concurrent batches deadlock.
        options |= {"isolation_level": "READ COMMITTED", "pool_recycle": 300}
    try:
        engine = create_engine(url, hide_parameters=True, pool_timeout=timeout, **options)
    except (ImportError, NoSuchModuleError, ArgumentError, TypeError) as error:
        raise StoreMisconfigured(f"url: no usable driver ({type(error).__name__})") from error
    if url.get_backend_name() == "sqlite":
        event.listen(engine, "connect", _teach_sqlite)
    return engine


def _teach_sqlite(connection: Any, record: Any) -> None:
    connection.create_aggregate("sum_of_digests", 4, _SumOfDigests)


def _timeouts(url: URL, connect_timeout: float, timeout: float) -> dict[str, Any]:
    if url.get_backend_name() == "postgresql":
        milliseconds = int(timeout * 1000)
        settings = f"-c statement_timeout={milliseconds} -c lock_timeout={milliseconds}"
        return {"connect_timeout": max(2, round(connect_timeout)), "options": settings}
    if url.get_backend_name() == "mysql":
        # Without strict mode MariaDB shortens what is too long, and objects for somebody else.
        strict = "SET SESSION sql_mode = CONCAT(@@sql_mode, ',STRICT_ALL_TABLES')"
        return {
            "charset": "utf8mb4",
            "connect_timeout": max(1, round(connect_timeout)),
            "read_timeout": timeout,
            "write_timeout": timeout,
            "init_command": f"{strict}, innodb_lock_wait_timeout = {max(1, round(timeout))}",
        }
    return {"timeout": timeout}


@contextmanager
def _cut_after(seconds: float, connection: Connection) -> Iterator[None]:
    """Shut the connection's socket after ``seconds``.

    The server's own statement_timeout does not help against a server that is frozen, and libpq
    would wait for it for ever.
    """
    driver_connection = connection.connection.driver_connection
    descriptor = driver_connection.fileno()  # type: ignore[union-attr]

    def cut() -> None:
        with socket.socket(fileno=os.dup(descriptor)) as duplicate:
            duplicate.shutdown(socket.SHUT_RDWR)

    # A second later than the server, whose own words are better.
    timer = threading.Timer(seconds + 1, cut)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()  # not a moment later, when the number may belong to another socket


def _create_if_missing(connection: Connection, table: Table) -> None:
    if inspect(connection).has_table(table.name):
        return  # asked first: an account without the right to create tables can do with it
    try:
        connection.execute(CreateTable(table, if_not_exists=True))
        connection.commit()
    except (DBAPIError, IntegrityError):
        # PostgreSQL's IF NOT EXISTS fails when somebody else creates it at the same moment.
        connection.rollback()
        if not inspect(connection).has_table(table.name):
            raise


def _upsert(table: Table, dialect: str, *, guarded: bool = True) -> Executable:
    """One statement that adds rows and replaces older ones; unguarded, it replaces any."""
    if dialect == "mysql":
        return _upsert_mariadb(table, guarded)
    if dialect == "postgresql":
        # Arrays: one statement, compiled and planned alike, whatever the size of the batch.
        rows = func.unnest(*(_array(column) for column in table.c))
        names = [column.name for column in table.c]
        values = rows.table_valued(*names).render_derived()
        into = postgresql.insert(table).from_select(names, select(*values.c))
        return _upsert_on_conflict(into, table, guarded)
    return _upsert_on_conflict(sqlite.insert(table), table, guarded)


def _fits(choice: Choice) -> bool:
    # Not left to the database: SQLite takes any length, and the others cut off blanks at the end,
    # which makes it somebody else's choice.
    return len(choice.member_ref) <= MEMBER_REF_LENGTH and len(choice.purpose) <= PURPOSE_LENGTH


def _array(column: Column[Any]) -> Any:
    plain = Text() if isinstance(column.type, String) else column.type
    return bindparam(column.name, type_=postgresql.ARRAY(plain))


def _upsert_on_conflict(
    into: postgresql.Insert | sqlite.Insert, table: Table, guarded: bool
) -> Executable:
    new = into.excluded
    return into.on_conflict_do_update(
        index_elements=[table.c.member_ref, table.c.purpose],
        set_={name: new[name] for name in ("decision", "changed_at", "revision")},
        where=new.revision > table.c.revision if guarded else None,
    )


def _upsert_mariadb(table: Table, guarded: bool) -> Executable:
    into = mysql.insert(table)
    new = into.inserted
    newer = new.revision > table.c.revision if guarded else true()
    # MariaDB assigns from left to right: the revision comes last, the others compare with it.
    names = ("decision", "changed_at", "revision")
    return into.on_duplicate_key_update([(n, func.IF(newer, new[n], table.c[n])) for n in names])


def _parameters(choices: Sequence[Choice], dialect: str) -> Any:
    if dialect == "postgresql":
        return {
            "member_ref": [choice.member_ref for choice in choices],
            "purpose": [choice.purpose for choice in choices],
            "decision": [choice.decision for choice in choices],
            "revision": [choice.revision for choice in choices],
            "changed_at": [choice.changed_at for choice in choices],
        }
    # PyMySQL makes one statement of many rows from these; SQLite runs in this process anyway.
    return [
        {
            "member_ref": choice.member_ref,
            "purpose": choice.purpose,
            "decision": choice.decision,
            "revision": choice.revision,
            "changed_at": choice.changed_at,
        }
        for choice in choices
    ]


def _within(table: Table, after: Key | None, until: Key | None) -> Iterator[ColumnElement[bool]]:
    """Keys above ``after`` and up to ``until``, written so that MariaDB uses the primary key."""
    ref, purpose = table.c.member_ref, table.c.purpose
    if after is not None:
        yield and_(ref >= after[0], or_(ref > after[0], purpose > after[1]))
    if until is not None:
        yield and_(ref <= until[0], or_(ref < until[0], purpose <= until[1]))


def _among(table: Table, keys: Sequence[Key]) -> ColumnElement[bool]:
    return tuple_(table.c.member_ref, table.c.purpose).in_(keys)


def _sum_of_digests(table: Table, dialect: str) -> ColumnElement[Any]:
    """The sum of `row_digest`, in the database's own words."""
    columns = [table.c[name] for name in ("member_ref", "purpose", "decision", "revision")]
    if dialect == "sqlite":
        return func.sum_of_digests(*columns)  # `_SumOfDigests`
    bar: ColumnElement[str] = literal_column("'|'")
    text = func.concat(columns[0], bar, columns[1], bar, columns[2], bar, columns[3])
    if dialect == "postgresql":
        digits = func.left(func.md5(func.convert_to(text, "UTF8")), 15)
        bits = cast(literal_column("'x'").concat(digits), postgresql.BIT(60))
        return func.sum(cast(bits, BigInteger))
    number = func.conv(func.left(func.md5(text), 15), 16, 10)
    return func.sum(cast(number, mysql.BIGINT(unsigned=True)))


class _SumOfDigests:
    """An aggregate for SQLite, which has no MD5 and no sums beyond 63 bits."""

    def __init__(self) -> None:
        self.total = 0

    def step(self, member_ref: str, purpose: str, decision: str, revision: int) -> None:
        self.total += row_digest(Choice(member_ref, purpose, decision, revision, _NEVER))

    def finalize(self) -> int:
        return self.total % 2**63


def _choice(row: Row[Any]) -> Choice:
    return Choice(row.member_ref, row.purpose, row.decision, row.revision, row.changed_at)


def _refused_for_good(error: Exception) -> bool:
    for_good = (DataError, IntegrityError, UnicodeError, OverflowError)
    return isinstance(error, for_good) or CHECK_FAILED_IN_MARIADB in _codes(error)


def _worth_repeating(error: Exception) -> bool:
    cut = isinstance(error, DBAPIError) and error.connection_invalidated
    return cut or not DEADLOCKS.isdisjoint(_codes(error))


def _codes(error: Exception) -> set[object]:
    """The error's numbers: SQLSTATE of PostgreSQL, first argument of PyMySQL."""
    cause = error.orig if isinstance(error, DBAPIError) else None
    first = cause.args[:1] if cause else ()
    return {getattr(cause, "sqlstate", None), *first} - {None}
