from typing import Any

from django.core.management.base import BaseCommand, CommandError

from ledger.models import Entry, Head
from ledger.verify import findings


class Command(BaseCommand):
    help = "Check that the ledger is gapless, ordered, complete and guarded; exit 1 if it is not."

    def handle(self, *args: Any, **options: Any) -> None:
        bad = list(findings())
        for line in bad:
            self.stderr.write(self.style.ERROR(line))
        sealed = sum(Head.objects.values_list("position", flat=True))
        waiting = Entry.objects.filter(position=None).count()
        self.stdout.write(f"{sealed} choices sealed, {waiting} waiting to be sealed")
        if bad:
            raise CommandError(f"the ledger is not sound: {len(bad)} finding(s)")
        self.stdout.write(self.style.SUCCESS("the ledger is sound"))
