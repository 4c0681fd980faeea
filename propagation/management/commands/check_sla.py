"""``manage.py check_sla``: for cron, as it also works when no worker and no beat runs."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from propagation.alarms import watch


class Command(BaseCommand):
    help = "Exit with 1 and name the data stores that are later than their SLA; mail staff once."
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        late = watch()
        if late:
            lines = (
                f"{wait.store} is late: a choice waits since {wait.since:%Y-%m-%d %H:%M:%S} UTC, "
                f"its SLA is {wait.sla}"
                for wait in late
            )
            raise CommandError("\n".join(lines))
        self.stdout.write(f"All {len(settings.DATA_STORES)} data stores are within their SLA.")
