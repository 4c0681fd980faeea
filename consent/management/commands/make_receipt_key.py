import secrets
from typing import Any

from django.core.management.base import BaseCommand


class Command(BaseCommand):
    help = "Print a new private key for RECEIPT_KEYS. Nothing is kept here."

    def handle(self, *args: Any, **options: Any) -> None:
        # An Ed25519 private key is any 32 random bytes (RFC 8032, 5.1.5).
        self.stdout.write(secrets.token_urlsafe(32))
