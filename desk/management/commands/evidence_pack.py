from argparse import ArgumentParser
from datetime import date
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.regions import Region
from desk.pack_scope import PackError, scope_of
from desk.packing import make_now


class Command(BaseCommand):
    help = (
        "Write an evidence pack: a ZIP for an authority, or with --member for the request of one "
        "member. Each pack is written down, with its hash."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        regions = ", ".join(region.value for region in Region)
        parser.add_argument("--region", default="", help=f"{regions}; all without it")
        parser.add_argument("--from", dest="since", required=True, help="first day, as 2026-01-31")
        parser.add_argument("--to", dest="until", required=True, help="last day")
        parser.add_argument("--member", default="", help="reference: about this member only")
        parser.add_argument("--out", type=Path, required=True, help="the file, a new one")

    def handle(self, *args: Any, **options: Any) -> None:
        out: Path = options["out"]
        if out.exists():
            raise CommandError(f"{out} is there already, and was left as it is.")
        try:
            scope = scope_of(
                region=options["region"],
                since=_day("--from", options["since"]),
                until=_day("--to", options["until"]),
                member_ref=options["member"],
            )
            pack = make_now(scope, out, on_step=self.stdout.write)
        except (PackError, OSError) as error:
            raise CommandError(str(error)) from None
        self.stdout.write(self.style.SUCCESS(f"{out}: {pack.size} bytes, SHA-256 {pack.sha256}"))


def _day(name: str, written: str) -> date:
    try:
        return date.fromisoformat(written)
    except ValueError:
        raise CommandError(f"{name} is a day such as 2026-01-31, not {written!r}.") from None
