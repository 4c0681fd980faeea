"""Personal links as text: CSV or JSON lines."""

import csv
import io
import json
from collections.abc import Callable
from typing import Any

from campaigns.elsewhere import PersonalLink

type Format = Callable[[list[PersonalLink]], str]
"""The text of a page of links."""


class JsonLines:
    def __init__(self, *, heading: bool) -> None: ...

    def __call__(self, page: list[PersonalLink]) -> str:
        return "".join(json.dumps(link._asdict()) + "\n" for link in page)


class Csv:
    def __init__(self, *, heading: bool) -> None:
        self._heading = heading

    def __call__(self, page: list[PersonalLink]) -> str:
        text = io.StringIO()
        rows: Any = csv.writer(text)
        if self._heading:
            rows.writerow(PersonalLink._fields)
            self._heading = False
        rows.writerows(page)
        return text.getvalue()


FORMATS: dict[str, Callable[..., Callable[[list[PersonalLink]], str]]] = {
    "jsonl": JsonLines,
    "csv": Csv,
}
