import os
import secrets
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from campaigns import elsewhere
from campaigns.elsewhere import NoLinks, note_export
from campaigns.link_files import FORMATS
from campaigns.models import Campaign


class Command(BaseCommand):
    help = (
        "Write the personal links of a campaign that another system sends, as CSV or JSON Lines. "
        "Whoever holds a link can object for its member: keep the file safe."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("campaign", help="Its name.")
        parser.add_argument("file", type=Path)
        parser.add_argument("--format", choices=list(FORMATS), help="Default: by file name.")
        parser.add_argument("--no-progress", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        path: Path = options["file"]
        campaign = Campaign.objects.filter(name=options["campaign"]).first()
        if campaign is None:
            raise CommandError(f"there is no campaign {options['campaign']!r}")
        form = options["format"] or ("csv" if path.suffix == ".csv" else "jsonl")
        # Beside its place first: a run that fails leaves no half of a file there.
        draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        try:
            elsewhere.check(campaign)
            count = self._write(campaign, draft, form, options["no_progress"])
            draft.replace(path)
        except NoLinks as why:
            raise CommandError(str(why)) from None
        except OSError as problem:
            raise CommandError(f"{path} cannot be written: {problem.strerror}") from None
        finally:
            draft.unlink(missing_ok=True)
        note_export(campaign, count, by="export_links")
        self.stdout.write(f"{count} links")

    def _write(self, campaign: Campaign, path: Path, form: str, quiet: bool) -> int:
        write, count = FORMATS[form](heading=True), 0
        bar = tqdm(
            total=elsewhere.waiting(campaign), unit="link", disable=quiet or None, leave=False
        )
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with bar, os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            for page in elsewhere.pages(campaign):
                file.write(write(page))
                count += len(page)
                bar.update(len(page))
        return count
