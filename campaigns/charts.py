"""Charts as numbers to draw: the template makes SVG of them, with a table beside it.

All lengths are in the units of the chart's ``viewBox``. Nothing here is a style: shapes have
attributes and the classes of static/campaigns-admin.css.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

WIDTH, LABELS, ROW, BAR = 480, 140, 26, 16
COLUMNS_HEIGHT, FOOT = 140, 24
LONGEST_BY_HOUR = 72


@dataclass(frozen=True, slots=True)
class Shape:
    """A rectangle; ``kind`` is its class, ``words`` what it stands for."""

    x: float
    y: float
    width: float
    height: float
    kind: str
    words: str


@dataclass(frozen=True, slots=True)
class Label:
    x: float
    y: float
    text: str
    anchor: str = "start"


@dataclass(frozen=True, slots=True)
class Chart:
    """``columns`` and ``rows`` are the same as a table; the first of each row is its name."""

    name: str
    title: str
    summary: str
    height: float
    shapes: list[Shape]
    labels: list[Label]
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    legend: Sequence[tuple[str, str]] = field(default=())
    width: int = WIDTH


OUTCOMES = {
    "reached": "reached", "failed": "not reached", "skipped": "left out", "waiting": "waits",
}  # fmt: skip
"""Classes of the parts of a bar, and their names."""


def outcomes(states: Mapping[str, int]) -> dict[str, int]:
    """Numbers by `OUTCOMES` from those by the states of recipients."""
    return {
        "reached": states.get("sent", 0),
        "failed": states.get("bounced", 0) + states.get("failed", 0),
        "skipped": states.get("skipped", 0),
        "waiting": states.get("pending", 0) + states.get("sending", 0),
    }


def bars(
    name: str, title: str, splits: Mapping[str, Mapping[str, int]], first: str, shown: int = 12
) -> Chart:
    """Stacked bars, the longest first; ``splits``: numbers by state for each thing compared.

    The chart has the first ``shown``, the table all.
    """
    found = sorted(
        ((label, outcomes(states)) for label, states in splits.items()),
        key=lambda pair: (-sum(pair[1].values()), pair[0]),
    )
    longest = max((sum(parts.values()) for _label, parts in found), default=0) or 1
    shapes, labels = [], []
    for number, (label, parts) in enumerate(found[:shown]):
        y = number * ROW
        labels.append(Label(LABELS - 8, y + BAR, label, "end"))
        x = float(LABELS)
        for kind, value in parts.items():
            width = (WIDTH - LABELS) * value / longest
            if value:
                words = f"{label}, {OUTCOMES[kind]}: {value:,}"
                shapes.append(Shape(x, y + 4, max(width, 1.0), BAR, kind, words))
            x += width
    return Chart(
        name=name, title=title, summary=_bars_in_words(found), shapes=shapes, labels=labels,
        height=ROW * min(len(found), shown), legend=list(OUTCOMES.items()),
        columns=[first, *(words.capitalize() for words in OUTCOMES.values()), "Together"],
        rows=[
            [label, *(f"{value:,}" for value in parts.values()), f"{sum(parts.values()):,}"]
            for label, parts in found
        ],
    )  # fmt: skip


def _bars_in_words(found: Sequence[tuple[str, Mapping[str, int]]]) -> str:
    if not found:
        return "Nothing to show yet."
    label, parts = found[0]
    return (
        f"{len(found)} compared. The largest is {label}: {parts['reached']:,} of "
        f"{sum(parts.values()):,} reached."
    )


def over_time(name: str, title: str, hours: Mapping[str, int]) -> Chart:
    """Columns by hour (ISO, as in `figures.Figures`), or by day when it has taken long."""
    counted, unit = _by_time(hours)
    most = max(counted.values(), default=0) or 1
    step = WIDTH / max(len(counted), 1)
    shapes = [
        Shape(
            number * step, COLUMNS_HEIGHT * (1 - value / most), max(step - 2, 1.0),
            COLUMNS_HEIGHT * value / most, "reached", f"{time}: {value:,}",
        )
        for number, (time, value) in enumerate(counted.items())
    ]  # fmt: skip
    times = list(counted)
    labels = [Label(0, COLUMNS_HEIGHT + FOOT - 6, times[0])] if times else []
    if len(times) > 1:
        labels.append(Label(WIDTH, COLUMNS_HEIGHT + FOOT - 6, times[-1], "end"))
    summary = (
        f"By {unit}, UTC. The most in one {unit} were {most:,} mails." if counted else "None yet."
    )
    return Chart(
        name=name, title=title, summary=summary, height=COLUMNS_HEIGHT + FOOT, shapes=shapes,
        labels=labels, columns=[f"{unit.capitalize()} (UTC)", "Mails"],
        rows=[[time, f"{value:,}"] for time, value in counted.items()],
    )  # fmt: skip


def _by_time(hours: Mapping[str, int]) -> tuple[dict[str, int], str]:
    if len(hours) <= LONGEST_BY_HOUR:
        return {
            f"{datetime.fromisoformat(hour):%Y-%m-%d %H:%M}": value
            for hour, value in sorted(hours.items())
        }, "hour"
    days: dict[str, int] = {}
    for hour, value in sorted(hours.items()):
        day = hour[:10]
        days[day] = days.get(day, 0) + value
    return days, "day"
