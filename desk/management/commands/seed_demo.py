"""Demo members and demo staff for the embedded mode."""

import hashlib
from argparse import ArgumentParser
from collections.abc import Iterator
from typing import Any

from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Group
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.urls import reverse

from accounts.models import LOCAL, Member
from accounts.second_factor import has_second_factor
from desk.demo import support_work
from desk.roles import Role
from privacydash.embedded import kept_secret

# e-mail, name, country, language, minor, what can be seen
MEMBERS = [
    ("anna@demo.example", "Anna Berg", "DE", "de", False, "lives in Germany, reads German"),
    ("claire@demo.example", "Claire Petit", "FR", "fr", False, "lives in France, reads French"),
    ("sam@demo.example", "Sam Hill", "GB", "en", False, "lives in the United Kingdom"),
    ("urs@demo.example", "Urs Keller", "CH", "de", False, "lives in Switzerland"),
    ("mary@demo.example", "Mary Byrne", "IE", "en", False, "lives in Ireland"),
    ("joe@demo.example", "Joe Young", "US", "en", False, "lives where the change does not apply"),
    ("noor@demo.example", "Noor", "", "en", False, "country not known"),
    ("mia@demo.example", "Mia Byrne", "IE", "en", True, "under 18"),
    ("otto@demo.example", "Otto Lang", "AT", "de", False, "support has worked for him"),
    ("olga@demo.example", "Olga Lang", "AT", "de", False, "has asked for something"),
]
STAFF = {
    "agent@demo.example": Role.SUPPORT_AGENT,
    "lead@demo.example": Role.SUPPORT_LEAD,
    "campaigns@demo.example": Role.CAMPAIGN_MANAGER,
    "officer@demo.example": Role.PRIVACY_OFFICER,
    "auditor@demo.example": Role.AUDITOR,
    "operator@demo.example": Role.OPERATOR,
}
SUPERUSER = "staff@demo.example"


def demo_password() -> str:
    """One for all demo accounts; made for this data folder, so that no two sites share it."""
    secret = kept_secret(settings.DATA / "demo_password")
    return hashlib.sha256(secret.encode()).hexdigest()[:12]


class Command(BaseCommand):
    help = "Make the demo members and demo staff, once (embedded mode only)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--show", action="store_true", help="Only show how to sign in.")

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.EMBEDDED:
            raise CommandError("demo members are for the embedded mode only; nothing was made")
        if options["show"]:
            self._show()
        else:
            self._seed()

    @transaction.atomic
    def _seed(self) -> None:
        """Members in the first run only: who was erased since does not come back."""
        made = [*self._staff()]
        if not Member.objects.with_email(SUPERUSER).exists():
            made += [*self._members(), Member.objects.create_superuser(SUPERUSER, language="en")]
            support_work(agent="demo-agent", lead="demo-lead", helped="demo-9", asks="demo-10")
        if made:
            # One hash for all: each takes a third of a second, on purpose.
            password = make_password(demo_password())
            Member.objects.filter(pk__in=[one.pk for one in made]).update(password=password)
        for person in Member.objects.filter(email__in=[*STAFF, SUPERUSER]):
            if not has_second_factor(person):
                TOTP.activate(person, generate_totp_secret())

    def _members(self) -> Iterator[Member]:
        for number, (email, name, country, language, is_minor, _what) in enumerate(MEMBERS, 1):
            if not Member.objects.with_email(email).exists():
                yield Member.objects.create_user(
                    email,
                    member_ref=f"demo-{number}",
                    name=name,
                    country=country,
                    language=language,
                    is_minor=is_minor,
                )

    def _staff(self) -> Iterator[Member]:
        for email, role in STAFF.items():
            if not Member.objects.with_email(email).exists():
                ref = f"{LOCAL}{email.partition('@')[0]}"
                person = Member.objects.create_user(
                    email, member_ref=ref, language="en", is_staff=True
                )
                person.groups.add(Group.objects.get(name=role))
                yield person

    def _show(self) -> None:
        self.stdout.write(f"\n  Demo sign-ins, all with the password  {demo_password()}")
        for email, *_rest, what in MEMBERS:
            self.stdout.write(f"    {email:22} {what}")
        self.stdout.write("  or by a mailed code, which you find under Mail.")
        self.stdout.write("\n  Demo staff for Django admin, with the same password")
        for email, role in STAFF.items():
            self.stdout.write(f"    {email:22} {role.value.lower()}")
        self.stdout.write(f"    {SUPERUSER:22} superuser, for setting up")
        self.stdout.write(
            f"  and a second factor: the codes of now are at  {settings.SITE_URL}"
            f"{reverse('mailbox_codes')}"
        )
