from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from ledger.models import CurrentChoice
from propagation.reconcile import AlreadyRunning, Report, reconcile


class Command(BaseCommand):
    help = (
        "Compare a store with the ledger and repair what differs; exit 1 if a difference is left."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("store", help="its name in DATA_STORES")
        parser.add_argument("--full", action="store_true", help="all of it, not only a sample")
        parser.add_argument("--dry-run", action="store_true", help="compare only")
        parser.add_argument(
            "--remove-unknown",
            action="store_true",
            help="also take away more than a thousand objections that the ledger does not know",
        )
        parser.add_argument("--no-progress", action="store_true", help="show no progress bar")

    def handle(
        self,
        *,
        store: str,
        full: bool,
        dry_run: bool,
        remove_unknown: bool,
        no_progress: bool,
        **options: Any,
    ) -> None:
        if store not in settings.DATA_STORES:
            names = ", ".join(settings.DATA_STORES) or "none"
            raise CommandError(f"There is no store {store!r}. Configured: {names}.")
        total = None if no_progress else CurrentChoice.objects.count()
        with tqdm(total=total, unit=" choices", disable=no_progress) as bar:
            try:
                report = reconcile(
                    store,
                    full=full,
                    dry_run=dry_run,
                    remove_unknown=remove_unknown,
                    progress=bar.update,
                )
            except AlreadyRunning as error:
                raise CommandError(str(error)) from None
        if not report.readable:
            self.stdout.write(f"{store} cannot be read back: there is nothing to compare.")
            return
        self._say(report)
        if not report.right:
            raise CommandError(f"{store} does not equal the ledger. {report.error}".rstrip())

    def _say(self, report: Report) -> None:
        assert report.finished_at  # noqa: S101
        seconds = (report.finished_at - report.started_at).total_seconds()
        what = "all choices" if report.kind == "full" else "a sample of choices"
        self.stdout.write(
            f"{report.store}: compared {what}, {report.checked:,} in {seconds:.1f} s."
        )
        if report.drift:
            counts = ", ".join(f"{count:,} {drift}" for drift, count in report.found.items())
            since = f"{report.equal_at:%Y-%m-%d %H:%M} UTC" if report.equal_at else "never"
            self.stdout.write(f"{report.drift:,} differ from the ledger: {counts}.")
            self.stdout.write(f"{report.repaired:,} repaired. Last known to be equal: {since}.")
        elif not report.error:
            self.stdout.write(self.style.SUCCESS("What was compared equals the ledger."))
