"""The dashboard's charts; their shapes have classes of static/desk.css."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from campaigns.charts import (
    BAR,
    COLUMNS_HEIGHT,
    FOOT,
    LABELS,
    ROW,
    WIDTH,
    Chart,
    Label,
    Shape,
)
from propagation.words import length


def by_day(name: str, title: str, days: Mapping[date, int]) -> Chart:
    """A column for each day, in order; days without any are there with 0."""
    most = max(days.values())
    step = WIDTH / len(days)
    shapes = [
        Shape(
            number * step, COLUMNS_HEIGHT * (1 - value / most), max(step - 2, 1.0),
            COLUMNS_HEIGHT * value / most, "main", f"{day}: {value:,}",
        )
        for number, (day, value) in enumerate(days.items()) if value
    ]  # fmt: skip
    foot = COLUMNS_HEIGHT + FOOT - 6
    ends = [Label(0, foot, str(min(days))), Label(WIDTH, foot, str(max(days)), "end")]
    together = sum(days.values())
    return Chart(
        name=name, title=title, height=COLUMNS_HEIGHT + FOOT, shapes=shapes, labels=ends,
        summary=f"{together:,} in {len(days)} days; the most on one day were {most:,}.",
        columns=["Day (UTC)", "Number"],
        rows=[[str(day), f"{value:,}"] for day, value in reversed(list(days.items()))],
    )  # fmt: skip


def bars(name: str, title: str, first: str, numbers: Mapping[str, int]) -> Chart:
    """A bar for each of what is compared, the longest first."""
    found = sorted(numbers.items(), key=lambda pair: (-pair[1], pair[0]))
    longest = max(numbers.values(), default=0) or 1
    shapes, labels = [], []
    for number, (label, value) in enumerate(found):
        y = number * ROW
        labels.append(Label(LABELS - 8, y + BAR, label, "end"))
        width = max((WIDTH - LABELS) * value / longest, 1.0)
        shapes.append(Shape(LABELS, y + 4, width, BAR, "main", f"{label}: {value:,}"))
    summary = f"The most are {found[0][0]}: {found[0][1]:,}." if found else "None yet."
    return Chart(
        name=name, title=title, summary=summary, height=ROW * len(found), shapes=shapes,
        labels=labels, columns=[first, "Number"],
        rows=[[label, f"{value:,}"] for label, value in found],
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Times:
    """How long a store took for choices: ``number`` of them, and seconds. No number, no times."""

    store: str
    number: int
    p50: float
    p99: float
    worst: float
    sla: timedelta | None

    @property
    def within(self) -> bool:
        return self.sla is None or self.p99 <= self.sla.total_seconds()


def against_limits(name: str, title: str, times: Sequence[Times]) -> Chart:
    """A store's name above three bars on a logarithmic scale, those over its limit marked."""
    seconds = [max(t.worst, t.sla.total_seconds() if t.sla else 1) for t in times]
    scale = (WIDTH - LABELS) / math.log10(max([*seconds, 10.0]))
    shapes, labels = [], []
    row = 0
    for time in times:
        labels.append(Label(0, row * ROW + BAR, time.store))
        row += 1
        for what, value in (("p50", time.p50), ("p99", time.p99), ("worst", time.worst)):
            y = row * ROW
            over = time.sla is not None and value > time.sla.total_seconds()
            labels.append(Label(LABELS - 8, y + BAR, what, "end"))
            width = max(scale * math.log10(max(value, 1.0)), 1.0)
            words = f"{time.store} {what}: {seconds_in_words(value)}"
            shapes.append(Shape(LABELS, y + 4, width, BAR, "over" if over else "within", words))
            row += 1
    return Chart(
        name=name, title=title, height=ROW * row, shapes=shapes, labels=labels,
        summary=_limits_in_words(times),
        columns=["Store", "Choices", "p50", "p99", "Worst", "Limit (SLA)", "p99 within it"],
        rows=[
            [
                time.store, f"{time.number:,}", seconds_in_words(time.p50),
                seconds_in_words(time.p99), seconds_in_words(time.worst),
                length(time.sla) if time.sla else "none", "yes" if time.within else "no",
            ]
            for time in times
        ],
        legend=(("within", "within the limit"), ("over", "longer than the limit")),
    )  # fmt: skip


def _limits_in_words(times: Sequence[Times]) -> str:
    late = [time.store for time in times if not time.within]
    if not late:
        return "99 of 100 choices were confirmed within the limit of each store."
    return f"Over their limit for more than 1 of 100 choices: {', '.join(late)}."


def seconds_in_words(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 60 else length(timedelta(seconds=seconds))
