"""Reads a file of members line by line: CSV with a header row, or JSON Lines.

Columns: ``member_ref`` and ``email`` must be there. ``name``, ``country`` (ISO 3166-1; empty:
unknown), ``language`` (language tag) and ``is_minor`` (also called ``minor``, ``under_18`` or
``under18``; true or false, yes or no, 1 or 0) may be left out of the file: what is known then
stays. A column with any other name is refused, since it may be one of these with a typing mistake
in it.

A line that cannot be used is a Problem with its number and the reason. The reason never repeats
an address or an id: it ends up in logs.
"""

import codecs
import csv
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import BinaryIO, Literal

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from accounts.models import MEMBER_REF, Member
from accounts.regions import country_for

type Format = Literal["csv", "jsonl"]

REQUIRED = ("member_ref", "email")
COLUMNS = (*REQUIRED, "name", "country", "language", "is_minor")
SYNONYMS = dict.fromkeys(("minor", "under_18", "under18"), "is_minor")
YES = frozenset({"true", "t", "yes", "y", "1"})
NO = frozenset({"false", "f", "no", "n", "0"})
MAX_BYTES = 64 * 1024
"""Of one line: a file without line ends must not fill the memory."""
MAX_LINES = 20
"""Of one CSV record: an opened quote must not swallow the rest of the file."""
_LANGUAGE = re.compile(r"\A[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8})*\Z")
_EMAIL_LENGTH: int = Member._meta.get_field("email").max_length or 254
_NAME_LENGTH: int = Member._meta.get_field("name").max_length or 150
_LANGUAGE_LENGTH: int = Member._meta.get_field("language").max_length or 12


@dataclass(frozen=True, slots=True)
class MemberLine:
    """One good line. None: the file does not say, so what is known stays."""

    number: int
    member_ref: str
    email: str
    name: str | None = None
    country: str | None = None
    language: str | None = None
    is_minor: bool | None = None


@dataclass(frozen=True, slots=True)
class Problem:
    """A line that was not loaded, and why."""

    number: int
    reason: str


class BadLine(ValueError):
    """The line cannot be used; the message says why."""


class BadHeader(ValueError):
    """The file cannot be used at all; the message says why."""


def read_members(
    file: BinaryIO, form: Format, on_bytes: Callable[[int], object]
) -> Iterator[MemberLine | Problem]:
    """The members of a file in its order, in constant memory; ``on_bytes`` is told what was read.

    Raises BadHeader where the header row of a CSV file names other columns.
    """
    lines = _Lines(file, on_bytes)
    records = _csv_records(lines) if form == "csv" else _json_records(lines)
    for number, record in records:
        try:
            yield _member(number, record())
        except BadLine as problem:
            yield Problem(number, str(problem))


type _Record = Callable[[], Mapping[str, object]]


class _Lines:
    """Text lines of a binary file. Bytes that are not UTF-8 become lone surrogates."""

    def __init__(self, file: BinaryIO, on_bytes: Callable[[int], object]) -> None:
        self._file = file
        self._on_bytes = on_bytes
        self.number = 0
        self.last_allowed: int | None = None

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        if self.number == self.last_allowed:
            raise BadLine(
                f"a quote that is opened here is not closed; read on after line {self.number}"
            )
        line = self._read()
        if not line:
            raise StopIteration
        self.number += 1
        if len(line) > MAX_BYTES:
            while line and not line.endswith(b"\n"):
                line = self._read()
            raise BadLine(f"longer than {MAX_BYTES // 1024} kB")
        if self.number == 1:
            line = line.removeprefix(codecs.BOM_UTF8)
        return line.decode("utf-8", "surrogateescape")

    def _read(self) -> bytes:
        line = self._file.readline(MAX_BYTES + 1)
        self._on_bytes(len(line))
        return line


def _csv_records(lines: _Lines) -> Iterator[tuple[int, _Record]]:
    """Each record with the number of its first line."""
    reader = csv.reader(lines, strict=True)
    header = _header(reader)
    while True:
        number = lines.number + 1
        lines.last_allowed = lines.number + MAX_LINES
        try:
            cells = next(reader)
        except StopIteration:
            return
        except (csv.Error, BadLine) as problem:
            yield number, _raising(str(problem))
            continue
        if cells:
            yield number, lambda cells=cells: _named(header, cells)  # type: ignore[misc]


def _header(reader: Iterator[list[str]]) -> list[str]:
    try:
        names = [_column(name) for name in next(reader, [])]
    except (csv.Error, BadLine) as problem:
        raise BadHeader(str(problem)) from problem
    for name in names:
        if name not in COLUMNS:
            raise BadHeader(
                f"column {name[:40]!a} is not known; columns are {', '.join(COLUMNS)}, "
                "separated by commas"
            )
        if names.count(name) > 1:
            raise BadHeader(f"column {name} is there twice")
    for name in REQUIRED:
        if name not in names:
            raise BadHeader(f"column {name} is missing; columns are {', '.join(COLUMNS)}")
    return names


def _named(header: list[str], cells: list[str]) -> Mapping[str, object]:
    if len(cells) < len(header):
        raise BadLine(f"column {header[len(cells)]} is missing")
    if len(cells) > len(header):
        raise BadLine(f"{len(cells)} cells, but the header has {len(header)} columns")
    return dict(zip(header, cells, strict=True))


def _json_records(lines: _Lines) -> Iterator[tuple[int, _Record]]:
    while True:
        try:
            line = next(lines)
        except StopIteration:
            return
        except BadLine as problem:
            yield lines.number, _raising(str(problem))
            continue
        if line.strip():
            yield lines.number, lambda line=line: _parsed(line)  # type: ignore[misc]


def _parsed(line: str) -> Mapping[str, object]:
    _check_text(line, "the line")
    try:
        pairs = json.loads(line, object_pairs_hook=_Pairs)
    except (ValueError, RecursionError) as problem:
        raise BadLine("not valid JSON") from problem
    if not isinstance(pairs, _Pairs):
        raise BadLine("not a JSON object")
    values = {_column(name): value for name, value in pairs}
    if len(values) < len(pairs):
        raise BadLine("a name is there twice")
    for name in values:
        if name not in COLUMNS:
            raise BadLine(f"column {name[:40]!a} is not known")
    return values


class _Pairs(list[tuple[str, object]]):
    """A JSON object with its names as written, so that one that is there twice is seen."""


def _raising(reason: str) -> _Record:
    def record() -> Mapping[str, object]:
        raise BadLine(reason)

    return record


def _column(name: str) -> str:
    name = name.strip().lower()
    return SYNONYMS.get(name, name)


def _member(number: int, values: Mapping[str, object]) -> MemberLine:
    for name in REQUIRED:
        if values.get(name) in (None, ""):
            raise BadLine(f"{name} is missing")
    return MemberLine(
        number=number,
        member_ref=_member_ref(values["member_ref"]),
        email=_email(_text(values, "email")),
        name=_name(_text(values, "name")) if "name" in values else None,
        country=_country(_text(values, "country")) if "country" in values else None,
        language=_language(_text(values, "language")) if "language" in values else None,
        is_minor=_yes_or_no(values["is_minor"]) if "is_minor" in values else None,
    )


def _text(values: Mapping[str, object], name: str) -> str:
    value = values[name]
    if value is None:
        return ""
    if not isinstance(value, str):
        raise BadLine(f"{name} is not a text")
    _check_text(value, name)
    return value.strip()


def _check_text(value: str, name: str) -> None:
    if "\x00" in value:
        raise BadLine(f"{name} contains a NUL character")
    try:
        value.encode()
    except UnicodeEncodeError as problem:
        raise BadLine(f"{name} is not UTF-8") from problem


def _member_ref(value: object) -> str:
    # Hosts that number their members write 17, not "17", into JSON. True is an int to Python.
    ref = str(value) if type(value) is int else _text({"member_ref": value}, "member_ref")
    if not MEMBER_REF.match(ref):
        raise BadLine("member_ref is not valid: up to 64 letters, digits and . _ : -")
    return ref


def _email(value: str) -> str:
    if len(value) > _EMAIL_LENGTH:
        raise BadLine(f"email is longer than {_EMAIL_LENGTH} characters")
    try:
        validate_email(value)
    except ValidationError as problem:
        raise BadLine("email is not an e-mail address") from problem
    return value.lower()


def _name(value: str) -> str:
    name = " ".join(value.split())
    if len(name) > _NAME_LENGTH:
        raise BadLine(f"name is longer than {_NAME_LENGTH} characters")
    return name


def _country(value: str) -> str:
    if not value:
        return ""
    country = country_for(value)
    if country is None:
        hint = {"UK": " (the United Kingdom is GB)", "EL": " (Greece is GR)"}.get(value.upper(), "")
        raise BadLine(f"country {value[:8]!a} does not exist in ISO 3166-1{hint}")
    return country.code


def _language(value: str) -> str:
    """The tag as BCP 47 writes it: language-REGION."""
    tag = value.replace("_", "-")
    if not tag:
        return ""
    if len(tag) > _LANGUAGE_LENGTH:
        raise BadLine(f"language is longer than {_LANGUAGE_LENGTH} characters")
    if not _LANGUAGE.match(tag):
        raise BadLine("language is not a language tag such as de or pt-BR")
    first, *rest = tag.split("-")
    return "-".join([first.lower(), *(p.upper() if len(p) == 2 else p.title() for p in rest)])


def _yes_or_no(value: object) -> bool:
    if isinstance(value, bool):
        return value
    word = str(value).strip().lower() if isinstance(value, str | int) else ""
    if word in YES:
        return True
    if word in NO:
        return False
    # Not "no" when it is empty: data of minors is never used, so we must know.
    raise BadLine("is_minor is neither true nor false")
