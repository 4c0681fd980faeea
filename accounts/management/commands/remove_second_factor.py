"""For the day when the last superuser has lost theirs; else it is done in admin."""

from argparse import ArgumentParser
from typing import Any

from allauth.mfa.models import Authenticator
from django.core.management.base import BaseCommand, CommandError

from accounts.models import Member
from accounts.staff_sessions import end_sessions


class Command(BaseCommand):
    help = "Take the second factor of somebody of staff away, and sign them out everywhere."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("email")

    def handle(self, *args: Any, email: str, **options: Any) -> None:
        member = Member.objects.with_email(email.lower()).filter(is_staff=True).first()
        if member is None:
            raise CommandError("nobody of staff has this address; nothing was done")
        removed, _by_model = Authenticator.objects.filter(user=member).delete()
        end_sessions(member.pk)
        self.stdout.write(f"{removed} removed; a new one is set up at the next sign-in.")
