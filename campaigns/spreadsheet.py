"""CSV that a spreadsheet shows and never runs."""

import csv
import io
from collections.abc import Iterable, Iterator

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def cell(value: object) -> str:
    """With an apostrophe before what a spreadsheet would take for a formula (OWASP)."""
    text = str(value)
    return f"'{text}" if text.lstrip(" ").startswith(_FORMULA) else text


def lines(rows: Iterable[Iterable[object]]) -> Iterator[bytes]:
    """The rows as lines of CSV in UTF-8; all values quoted, which some programs need."""
    for row in rows:
        line = io.StringIO()
        csv.writer(line, quoting=csv.QUOTE_ALL).writerow([cell(value) for value in row])
        yield line.getvalue().encode()
