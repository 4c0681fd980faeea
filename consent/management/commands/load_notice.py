from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from consent.loading import DEFAULT, load_notice


class Command(BaseCommand):
    help = "Load a notice, its translations and rollouts from a folder of TOML files."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", nargs="?", type=Path, default=DEFAULT)
        parser.add_argument("--publish", action="store_true", help="Show it to members at once.")
        parser.add_argument("--by", default="command line", help="Who announces it.")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            notice = load_notice(options["folder"], publish=options["publish"], by=options["by"])
        except ValidationError as error:
            raise CommandError("; ".join(error.messages)) from None
        state = "published" if notice.published_at else "not published"
        self.stdout.write(f"notice {notice}: {state}")
