"""The table of a run, on the screen and in bench/RESULTS.md."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

RESULTS = Path(__file__).with_name("RESULTS.md")


@dataclass(frozen=True, slots=True)
class Row:
    """Ours against what it is compared with, both per second, one value for each round."""

    what: str
    against: str
    ours: Sequence[float]
    theirs: Sequence[float]
    wanted: float

    @property
    def ratio(self) -> float:
        return median(self.ours) / median(self.theirs)

    @property
    def cells(self) -> tuple[str, ...]:
        each = [ours / theirs for ours, theirs in zip(self.ours, self.theirs, strict=True)]
        return (
            self.what,
            f"{median(self.ours):,.0f}/s",
            self.against,
            f"{median(self.theirs):,.0f}/s",
            f"{self.ratio:.2f}",
            f"{min(each):.2f} to {max(each):.2f}",
            f"{self.wanted:.2f}",
        )


HEADINGS = ("what", "a second", "against", "a second", "ratio", "of rounds", "wanted")


def lines(rows: Sequence[Row]) -> list[str]:
    """A Markdown table that also reads well on a screen."""
    cells = [HEADINGS, *(row.cells for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    text = [
        "| "
        + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        + " |"
        for line in cells
    ]
    return [text[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *text[1:]]


def keep(rows: Sequence[Row], arrival: str, machine: str, durability: str, shape: str) -> None:
    today = datetime.now(UTC).date()
    RESULTS.write_text(
        "\n".join(
            [
                "# Speed, as ratios",
                "",
                "Written by `make bench`: medians of rounds in which both sides take turns on the "
                "same server.",
                "What each row measures is told in `bench/choices.py`, `bench/relaying.py`, "
                "`bench/mailing.py`, `bench/links.py` and `bench/arriving.py`.",
                "",
                *lines(rows),
                "",
                arrival,
                f"- Date: {today}",
                f"- Machine: {machine}",
                f"- PostgreSQL settings: {durability}",
                f"- Web server: {shape}",
                "",
            ]
        )
    )
