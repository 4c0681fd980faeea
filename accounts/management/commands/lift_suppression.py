from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.suppression import lift


class Command(BaseCommand):
    help = (
        "Let an import take in somebody again who had their data here deleted. Only when they "
        "ask for it."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("member_ref")
        parser.add_argument("email")

    def handle(self, *args: Any, **options: Any) -> None:
        lifted = lift((options["member_ref"], options["email"].strip().lower()))
        if not lifted:
            raise CommandError("Neither the reference nor the address belongs to an erased member.")
        self.stdout.write(
            f"{lifted} suppressions lifted; the reference and the address have one each"
        )
