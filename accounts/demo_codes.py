"""The codes of the demo's staff. For the embedded mode only, where nobody has their phone."""

import time
from dataclasses import dataclass

from allauth.mfa import app_settings
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from allauth.mfa.utils import decrypt

DOMAIN = "@demo.example"


@dataclass(frozen=True, slots=True)
class Code:
    email: str
    roles: str
    now: str


def demo_codes() -> list[Code]:
    """Those of now, one for each of the demo's staff; nobody else's are shown."""
    factors = Authenticator.objects.filter(
        type=Authenticator.Type.TOTP, user__is_staff=True, user__email__endswith=DOMAIN
    )
    return [
        Code(
            factor.user.email,
            ", ".join(group.name for group in factor.user.groups.all()) or "Superuser",
            _code(decrypt(factor.data["secret"])),
        )
        for factor in factors.select_related("user").prefetch_related("user__groups").order_by("pk")
    ]


def seconds_left() -> int:
    """For which these codes work."""
    period: int = app_settings.TOTP_PERIOD
    return period - int(time.time()) % period


def _code(secret: str) -> str:
    return str(format_hotp_value(hotp_value(secret, int(time.time()) // app_settings.TOTP_PERIOD)))
