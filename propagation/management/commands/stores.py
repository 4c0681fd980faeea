import getpass
from argparse import ArgumentParser
from collections.abc import Iterator
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from propagation.pausing import PauseError, pause, resume
from propagation.removing import RemovalError, remove
from propagation.report import Standing, last_comparison, rate_of, refusals_of, standings
from propagation.retrying import retry_now

HEADINGS = (
    "store", "state", "cursor", "head", "behind", "choices/s", "oldest waiting", "SLA", "parked",
    "drift", "last error",
)  # fmt: skip
REASONS = 5


class Command(BaseCommand):
    help = (
        "Show how far each data store has confirmed the ledger; pause, resume, retry, reconcile, "
        "remove."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        what = parser.add_mutually_exclusive_group()
        what.add_argument("--pause", metavar="ALIAS", help="keep the relay away; needs --reason")
        what.add_argument("--resume", metavar="ALIAS", help="end the pause")
        what.add_argument(
            "--retry", metavar="ALIAS", help="try the store, and what it refused, now"
        )
        what.add_argument(
            "--reconcile",
            metavar="ALIAS",
            help="compare all of it with the ledger now; `manage.py reconcile` has more options",
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
        elif alias := options["reconcile"]:
            call_command("reconcile", alias, full=True, stdout=self.stdout)
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
        found = list(standings())
        rows = [HEADINGS, *map(_row, found)]
        widths = [max(len(row[i]) for row in rows) for i in range(len(HEADINGS))]
        for row in rows:
            cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
            self.stdout.write("  ".join(cells).rstrip())
        details = [line for standing in found for line in _troubles(standing)]
        details += [
            line
            for store in dict.fromkeys(standing.cursor.store for standing in found)
            for line in (*_refusals(store), *_drift(store))
        ]
        if details:
            self.stdout.write("\n" + "\n".join(details))


def _row(standing: Standing) -> tuple[str, ...]:
    cursor, waiting = standing.cursor, standing.waiting_since
    since = f"{waiting:%Y-%m-%d %H:%M:%S}{' LATE' if standing.late else ''}" if waiting else "-"
    compared = last_comparison(cursor.store)
    return (
        _name(standing),
        standing.state,
        str(cursor.position),
        str(standing.head),
        str(standing.behind),
        f"{rate_of(cursor):.1f}",
        since,
        standing.limit or "-",
        str(standing.parked),
        str(compared.drift) if compared else "-",
        standing.trouble or "-",
    )


def _name(standing: Standing) -> str:
    cursor = standing.cursor
    return f"{cursor.store}/{cursor.partition}" if cursor.partition else cursor.store


def _troubles(standing: Standing) -> Iterator[str]:
    """What the driver said, in full: for who operates it."""
    cursor = standing.cursor
    if standing.trouble:  # an error that was followed by a success is history
        yield f"{_name(standing)}: {cursor.failures} failures in a row, last: {cursor.last_error}"
    if standing.pause:
        yield f"{_name(standing)}: paused, {standing.pause.reason}"


def _refusals(store: str) -> Iterator[str]:
    """Without members' references: the page in admin has those."""
    reasons = refusals_of(store)
    for reason, count in reasons[:REASONS]:
        yield f"{store}: refuses {count}, {reason}"
    if others := sum(count for _, count in reasons[REASONS:]):
        yield f"{store}: refuses {others} for other reasons"


def _drift(store: str) -> Iterator[str]:
    compared = last_comparison(store)
    if compared and (compared.drift or compared.error):
        yield (
            f"{store}: {compared.drift} differed on {compared.started_at:%Y-%m-%d %H:%M} UTC, "
            f"{compared.repaired} repaired. {compared.error}"
        ).rstrip()
