import getpass
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from propagation.pausing import PauseError, pause, resume
from propagation.removing import RemovalError, remove
from propagation.report import Standing, rate_of, standings
from propagation.retrying import retry_now

HEADINGS = (
    "store", "state", "cursor", "head", "behind", "choices/s", "oldest waiting", "SLA", "parked",
    "last error",
)  # fmt: skip


class Command(BaseCommand):
    help = "Show how far each data store has confirmed the ledger; pause, resume, retry, remove."

    def add_arguments(self, parser: ArgumentParser) -> None:
        what = parser.add_mutually_exclusive_group()
        what.add_argument("--pause", metavar="ALIAS", help="keep the relay away; needs --reason")
        what.add_argument("--resume", metavar="ALIAS", help="end the pause")
        what.add_argument(
            "--retry", metavar="ALIAS", help="try the store, and what it refused, now"
        )
        what.add_argument(
            "--remove",
            metavar="ALIAS",
            help="forget a store that is no longer configured, for good",
        )
        parser.add_argument("--reason", default="", help="why it is paused")
        parser.add_argument(
            "--by", default=getpass.getuser(), help="who does it, for the log (your login name)"
        )
        parser.add_argument("--yes", action="store_true", help="remove without asking")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            self._act(**options)
        except (PauseError, RemovalError) as error:
            raise CommandError(str(error)) from error

    def _act(self, *, by: str, **options: Any) -> None:
        if alias := options["pause"]:
            pause(alias, by=by, reason=options["reason"])
            self.stdout.write(f"{alias} is paused. Its SLA clock keeps running.")
        elif alias := options["resume"]:
            resume(alias, by=by)
            self.stdout.write(f"{alias} goes on with the next sweep.")
        elif alias := options["retry"]:
            parked = retry_now(alias)
            self.stdout.write(f"{alias} and {parked} parked choices are tried with the next sweep.")
        elif alias := options["remove"]:
            self._remove(alias, by, asked=options["yes"])
        else:
            self._show()

    def _remove(self, alias: str, by: str, *, asked: bool) -> None:
        question = f"Forget how far {alias} got, and what it refused, for good? Type yes: "
        if not asked and input(question) != "yes":
            raise CommandError("Nothing was removed.")
        remove(alias, by=by)
        self.stdout.write(f"{alias} is removed.")

    def _show(self) -> None:
        rows = [HEADINGS, *map(_row, standings())]
        widths = [max(len(row[i]) for row in rows) for i in range(len(HEADINGS))]
        for row in rows:
            cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
            self.stdout.write("  ".join(cells).rstrip())


def _row(standing: Standing) -> tuple[str, ...]:
    cursor, waiting = standing.cursor, standing.waiting_since
    since = f"{waiting:%Y-%m-%d %H:%M:%S}{' LATE' if standing.late else ''}" if waiting else "-"
    return (
        cursor.store if not cursor.partition else f"{cursor.store}/{cursor.partition}",
        standing.state,
        str(cursor.position),
        str(standing.head),
        str(standing.behind),
        f"{rate_of(cursor):.1f}",
        since,
        standing.limit or "-",
        str(standing.parked),
        # An error that was followed by a success is history. In full here: for who operates it.
        cursor.last_error if cursor.failures else "-",
    )
