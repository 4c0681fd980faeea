import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from consent.dashboard import current_notice
from consent.untold import untold


class Command(BaseCommand):
    help = "List the members who were not told of the current notice, as JSON lines."

    def handle(self, *args: Any, **options: Any) -> None:
        notice = current_notice()
        if notice is None:
            raise CommandError("no notice is published: see `manage.py load_notice`")
        for member_ref, why in untold(notice, timezone.now()):
            self.stdout.write(json.dumps({"member_ref": member_ref, "why": why}))
