"""The purge jobs by hand; beat runs them each hour."""

from typing import Any

from django.core.management.base import BaseCommand

from desk.purging import purge


class Command(BaseCommand):
    help = "Remove what was kept for long enough (docs/security.md); never a choice."

    def handle(self, *args: Any, **options: Any) -> None:
        for name, removed in purge().items():
            self.stdout.write(f"{removed:8} {name}")
