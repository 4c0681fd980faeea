"""Cells of CSV files that no spreadsheet takes for a formula.

A name such as ``=HYPERLINK(…)`` would run in the spreadsheet of whoever opens the file (OWASP, CSV
injection).
"""

from collections.abc import Iterable
from typing import Any

_STARTS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def safe_row(values: Iterable[Any]) -> list[str]:
    """The values as text; an apostrophe stands before one that a spreadsheet would calculate.

    None is an empty cell, and numbers stay as they are, negative ones too. Cells are for
    `csv.writer`, which does the quoting.
    """
    return [_safe(value) for value in values]


def _safe(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, int | float):
        return str(value)
    text = str(value).replace("\0", "")
    # Spreadsheets skip blanks before a formula.
    return f"'{text}" if text.lstrip(" \u00a0").startswith(_STARTS_A_FORMULA) else text
