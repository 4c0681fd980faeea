from argparse import ArgumentParser
from itertools import batched
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from kombu.exceptions import OperationalError
from tqdm import tqdm

from accounts.models import Member, MemberQuerySet
from accounts.regions import REGIONS, Region
from campaigns.tasks import send_notice_mails
from consent.dashboard import current_notice

BATCH = 100


class Command(BaseCommand):
    help = "Hand the current notice to Celery to be mailed to one member or to a region."

    def add_arguments(self, parser: ArgumentParser) -> None:
        audience = parser.add_mutually_exclusive_group(required=True)
        audience.add_argument("--to", metavar="EMAIL", help="One member, by e-mail address.")
        audience.add_argument("--region", choices=[str(region) for region in REGIONS])
        parser.add_argument("--no-progress", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        notice = current_notice()
        if notice is None:
            raise CommandError("no notice is published: see `manage.py load_notice`")
        members = self._audience(options["to"], options["region"])
        ids = members.order_by("pk").values_list("pk", flat=True)
        bar = tqdm(
            total=ids.count(), unit="mail", disable=options["no_progress"] or None, leave=False
        )
        handed = 0
        with bar:
            for batch in batched(ids.iterator(chunk_size=BATCH), BATCH):
                try:
                    send_notice_mails.delay(list(batch), notice.pk)
                except (OperationalError, OSError) as error:
                    raise CommandError(
                        f"{handed} mails handed over, then the broker was not reachable: {error}"
                    ) from None
                handed += len(batch)
                bar.update(len(batch))
        self.stdout.write(f"{handed} notice mails handed to Celery")

    def _audience(self, email: str | None, region: str | None) -> MemberQuerySet:
        members: MemberQuerySet = Member.objects.filter(is_active=True)
        if region is not None:
            members = members.filter(is_staff=False).living_in(Region(region))
        else:
            members = members.with_email(str(email))
        if not members.exists():
            raise CommandError(f"no member to mail to: {email or region}")
        return members
