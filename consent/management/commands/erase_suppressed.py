from itertools import batched
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.models import Member
from accounts.suppression import KeyMissing, require_keys, suppressed
from consent.erasure import IsStaff, erase

BATCH = 1_000


class Command(BaseCommand):
    help = "Erase members again whom a restored backup has brought back."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            require_keys()
        except KeyMissing as problem:
            raise CommandError(f"{problem} Nobody was erased.") from problem
        erased = 0
        members = Member.objects.values_list("member_ref", "email", "pk")
        for batch in batched(members.order_by("pk").iterator(chunk_size=BATCH), BATCH):
            keys = {(ref, email): pk for ref, email, pk in batch}
            for person in suppressed(keys):
                erased += self._erase(keys[person])
        self.stdout.write(f"{erased} members erased")

    def _erase(self, member_id: int) -> int:
        try:
            erase(member_id)
        except IsStaff:
            self.stderr.write(f"member {member_id} is staff, and was left as it is")
            return 0
        return 1
