"""The table of what was broken and what held, on the screen and in docs/reliability.md."""

import os
import platform
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

BEGIN, END = "<!-- fault suite -->", "<!-- /fault suite -->"
HEADINGS = ("fault", "how often", "must hold", "result", "details")


@dataclass(slots=True)
class Result:
    """One row of the table; it held if there are no findings."""

    fault: str
    times: str
    must_hold: str
    details: str = ""
    findings: list[str] = field(default_factory=list)

    @property
    def word(self) -> str:
        return "**did not hold**" if self.findings else "held"

    def cells(self) -> tuple[str, ...]:
        details = "; ".join([self.details, *self.findings[:3]]).strip("; ")
        return (self.fault, self.times, self.must_hold, self.word, details)


@dataclass(frozen=True, slots=True)
class Run:
    """What is said of the whole run."""

    plan: str
    seed: int
    seconds: float
    postgres: str
    notes: tuple[str, ...] = ()
    load: float = 0.0
    """How much else the machine had to do when the run began."""

    def line(self) -> str:
        machine = f"{platform.machine()}, {len(os.sched_getaffinity(0))} cores"
        return (
            f"Run of {datetime.now(UTC):%d %B %Y}: `FAULTS={self.plan} SEED={self.seed}`, "
            f"{self.seconds:.0f} seconds on {machine} (load average {self.load:.1f} before it "
            f"began); Python {platform.python_version()}, PostgreSQL {self.postgres}."
        )


def say(*lines: str) -> None:
    print(*lines, sep="\n", flush=True)  # noqa: T201


def table(results: list[Result]) -> str:
    rows = [HEADINGS, tuple("---" for _ in HEADINGS), *(result.cells() for result in results)]
    return "\n".join(f"| {' | '.join(_cell(cell) for cell in row)} |" for row in rows)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


INTRODUCTION = """\
`make test-faults` starts the site on servers of its own, drives members over HTTP, and breaks
things. A checker then compares what every member was told with the ledger and with every store.
The full run takes about ten minutes on two cores that have nothing else to do, is given up after
twenty, and writes this table. `FAULTS=short` takes two minutes and runs in CI. `SEED=` repeats the
dice of a run, though not the machine's timing. Nothing is left running afterwards, even if the
suite is killed."""

SHORTENED = """\
The waits are shorter than in production, so that a run is not mostly waiting: a killed relay's
lease lasts 3 s (60 s), a store that fails is left alone for up to 2 s (5 min), a refused choice is
offered again after 2 s (1 h). Everything is killed with SIGKILL; the power was not cut."""


def write(path: Path, results: list[Result], run: Run) -> None:
    """Replace the section between the markers, or add it at the end."""
    parts = [INTRODUCTION, SHORTENED, run.line(), table(results), *run.notes]
    section = f"{BEGIN}\n" + "\n\n".join(parts) + f"\n{END}"
    text = path.read_text() if path.exists() else "# Reliability\n"
    if BEGIN in text and END in text:
        text = re.sub(f"{BEGIN}.*?{END}", lambda _: section, text, flags=re.DOTALL)
    else:
        text = f"{text.rstrip()}\n\n## The fault suite\n\n{section}\n"
    path.write_text(text)
