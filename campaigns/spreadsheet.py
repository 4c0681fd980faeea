"""CSV as a stream, its cells safe in a spreadsheet."""

import csv
import io
from collections.abc import Iterable, Iterator

from accounts.csv_safe import safe_row


def lines(rows: Iterable[Iterable[object]]) -> Iterator[bytes]:
    """The rows as lines of CSV in UTF-8; all values quoted, which some programs need."""
    for row in rows:
        line = io.StringIO()
        csv.writer(line, quoting=csv.QUOTE_ALL).writerow(safe_row(row))
        yield line.getvalue().encode()
