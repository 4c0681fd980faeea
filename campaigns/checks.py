"""Finds mistakes in the settings that mails of campaigns depend on."""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register  # noqa: A004


@register()
def check_signing(**kwargs: Any) -> list[CheckMessage]:
    if not settings.DKIM_DOMAIN:
        return []
    errors: list[CheckMessage] = []
    if find_spec("dkim") is None:
        errors.append(
            Error(
                "DKIM_DOMAIN is set, and the package that signs is not installed.",
                hint="pip install dkimpy, or let the mail server sign.",
                id="campaigns.E001",
            )
        )
    if not Path(settings.DKIM_KEY_FILE).is_file():
        errors.append(
            Error(
                "DKIM_KEY_FILE is not a file.",
                hint="Give the path of the private key in PEM.",
                id="campaigns.E002",
            )
        )
    return errors


@register(deploy=True)
def check_address(**kwargs: Any) -> list[CheckMessage]:
    if settings.SITE_URL.startswith("https://"):
        return []
    return [
        Warning(
            "SITE_URL is not https: mail programs offer no one-click for leaving reminders.",
            hint="RFC 8058 asks for an https address.",
            id="campaigns.W001",
        )
    ]
