import sys
from argparse import ArgumentParser, ArgumentTypeError
from pathlib import Path
from typing import Any, BinaryIO

from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from accounts.import_lines import BadHeader, Format, Problem, read_members
from accounts.importing import Summary, import_members
from accounts.suppression import KeyMissing

MAX_BATCH = 2_000
"""Rows of one statement; SQLite takes 32,766 values, and a row has thirteen."""


class Command(BaseCommand):
    help = (
        "Load members of the host platform from CSV (with a header row) or JSON Lines. Columns: "
        "member_ref, email, name, country, language, is_minor. Good lines are loaded and bad ones "
        "reported; the exit code is 1 when there were bad ones. It can be run again."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--format", choices=["csv", "jsonl"], help="Default: by file name.")
        parser.add_argument("--batch-size", type=_batch_size, default=1_000, metavar="N")
        parser.add_argument("--no-progress", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        path: Path = options["file"]
        try:
            with path.open("rb") as file:
                summary = self._load(file, path, options)
        except OSError as problem:
            raise CommandError(f"{path} cannot be read: {problem.strerror}") from problem
        except BadHeader as problem:
            raise CommandError(f"line 1: {problem}. Nothing was loaded.") from problem
        except KeyMissing as problem:
            raise CommandError(f"{problem} Nothing was loaded.") from problem
        self.stdout.write(
            f"{summary.created} new, {summary.changed} changed, "
            f"{summary.unchanged} unchanged, {summary.bad} bad"
            + (f", {summary.erased} erased and left out" if summary.erased else "")
        )
        if summary.bad:
            raise CommandError(
                f"{summary.bad} bad lines were not loaded; all others were. "
                "Correct them and run the import again."
            )

    def _load(self, file: BinaryIO, path: Path, options: dict[str, Any]) -> Summary:
        by_name: Format = "jsonl" if path.suffix in {".jsonl", ".ndjson"} else "csv"
        form: Format = options["format"] or by_name
        bar = tqdm(
            total=path.stat().st_size,
            unit="B",
            unit_scale=True,
            leave=False,
            # None: quiet when stderr is not a terminal.
            disable=True if options["no_progress"] else None,
        )

        def report(problem: Problem) -> None:
            with tqdm.external_write_mode(file=sys.stderr):
                self.stderr.write(f"line {problem.number}: {problem.reason}")

        with bar:
            return import_members(
                read_members(file, form, bar.update),
                batch_size=options["batch_size"],
                report=report,
            )


def _batch_size(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= MAX_BATCH:
        raise ArgumentTypeError(f"a number from 1 to {MAX_BATCH}")
    return int(text)
