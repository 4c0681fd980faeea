from typing import Any

from django.core.management.base import BaseCommand

from desk.counting import behind, count_on, recount


class Command(BaseCommand):
    help = (
        "Count the dashboard's numbers anew from the ledger. Regions are then those where members "
        "live today. If it is stopped, the workers go on with it."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        recount()
        while count_on(budget=5.0):
            self.stdout.write(f"{behind().left} choices left")
        left = behind().left
        self.stdout.write(self.style.SUCCESS(f"{behind().counted} choices counted"))
        if left:
            self.stdout.write(f"{left} left to the workers, who are counting too")
