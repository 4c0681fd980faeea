"""Demo members for the embedded mode."""

import hashlib
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from accounts.models import Member
from privacydash.embedded import kept_secret

# e-mail, country, language, minor, what can be seen
MEMBERS = [
    ("anna@demo.example", "DE", "de", False, "lives in Germany, reads German"),
    ("claire@demo.example", "FR", "fr", False, "lives in France, reads French"),
    ("sam@demo.example", "GB", "en", False, "lives in the United Kingdom"),
    ("urs@demo.example", "CH", "de", False, "lives in Switzerland"),
    ("mary@demo.example", "IE", "en", False, "lives in Ireland"),
    ("joe@demo.example", "US", "en", False, "lives where the change does not apply"),
    ("noor@demo.example", "", "en", False, "country not known"),
    ("mia@demo.example", "IE", "en", True, "under 18"),
]
STAFF = "staff@demo.example"


def demo_password() -> str:
    """One for all demo accounts; made for this data folder, so that no two sites share it."""
    secret = kept_secret(settings.DATA / "demo_password")
    return hashlib.sha256(secret.encode()).hexdigest()[:12]


class Command(BaseCommand):
    help = "Make the demo members, once (embedded mode only)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--show", action="store_true", help="Only show how to sign in.")

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.EMBEDDED:
            raise CommandError("demo members are for the embedded mode only; nothing was made")
        if options["show"]:
            self._show()
        elif not Member.objects.with_email(STAFF).exists():
            self._seed()

    @transaction.atomic
    def _seed(self) -> None:
        for number, (email, country, language, is_minor, _what) in enumerate(MEMBERS, start=1):
            if not Member.objects.with_email(email).exists():
                Member.objects.create_user(
                    email,
                    member_ref=f"demo-{number}",
                    country=country,
                    language=language,
                    is_minor=is_minor,
                )
        Member.objects.create_superuser(STAFF, language="en")
        # One hash for all: each takes a third of a second, on purpose.
        emails = [STAFF, *(email for email, *_rest in MEMBERS)]
        Member.objects.filter(email__in=emails).update(password=make_password(demo_password()))

    def _show(self) -> None:
        self.stdout.write(f"\n  Demo sign-ins, all with the password  {demo_password()}")
        for email, *_rest, what in MEMBERS:
            self.stdout.write(f"    {email:22} {what}")
        self.stdout.write(f"    {STAFF:22} Django admin")
        self.stdout.write("  or by a mailed code, which you find under Mail.")
