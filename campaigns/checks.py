"""Finds mistakes in the settings that mails of campaigns depend on."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register  # noqa: A004

from campaigns import webhooks


@register()
def check_signing(**kwargs: Any) -> list[CheckMessage]:
    if not settings.DKIM_DOMAIN or Path(settings.DKIM_KEY_FILE).is_file():
        return []
    return [
        Error(
            "DKIM_KEY_FILE is not a file.",
            hint="Give the path of the private key in PEM.",
            id="campaigns.E001",
        )
    ]


@register()
def check_webhooks(**kwargs: Any) -> list[CheckMessage]:
    return [
        Error(
            f"ANYMAIL_WEBHOOKS: django-anymail knows no mail service {service!r}.",
            hint="Names are those of its modules, such as mailgun, postmark or amazon_ses.",
            id="campaigns.E002",
        )
        for service in settings.ANYMAIL_WEBHOOKS
        if not webhooks.known(service)
    ]


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
