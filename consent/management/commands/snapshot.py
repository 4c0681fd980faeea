from argparse import ArgumentParser
from functools import partial
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from tqdm import tqdm

from consent.dashboard import current_notice
from consent.signing import SNAPSHOT, sign
from consent.untold import minors, untold


class Command(BaseCommand):
    help = (
        "Write down who may not be trained on, for the data teams: those who object, those who "
        "were not told, and members under 18, as Parquet files with a signed manifest."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=Path)
        parser.add_argument("--keep", type=int, default=3, help="Snapshots that stay; default: 3.")
        parser.add_argument("--no-progress", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["keep"] < 1:
            raise CommandError("--keep: 1 or more")
        try:
            # It needs pyarrow, which is not there without requirements-stores.txt.
            from propagation import snapshots  # noqa: PLC0415
        except ImportError as problem:
            raise CommandError(str(problem)) from None
        notice = current_notice()
        if notice is None:
            raise CommandError("no notice is published: see `manage.py load_notice`")
        bar = tqdm(unit="row", disable=True if options["no_progress"] else None, leave=False)
        try:
            with bar:
                made = snapshots.write(
                    options["folder"],
                    purpose=notice.purpose_id,
                    others={"untold": untold(notice, timezone.now()), "minors": minors()},
                    sign=partial(sign, kind=SNAPSHOT),
                    keep=options["keep"],
                    report=bar.update,
                )
        except OSError as problem:
            raise CommandError(f"{problem}. There is no new snapshot.") from None
        self.stdout.write(str(made))
