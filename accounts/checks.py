"""Finds mistakes in the settings that this app reads."""

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, register

from accounts.regions import lead_authority


@register()
def check_lead_country(
    app_configs: Sequence[AppConfig] | None, **_kwargs: Any
) -> list[CheckMessage]:
    """An operator without a main establishment in the EEA has no lead authority: empty is fine."""
    code = settings.OPERATOR_LEAD_COUNTRY
    if not code or lead_authority(code):
        return []
    return [
        Error(
            f"OPERATOR_LEAD_COUNTRY is {code!r}, which has no lead authority under the GDPR",
            hint="Give the code of an EEA country such as IE or DE (GDPR Art. 56).",
            id="accounts.E001",
        )
    ]
