"""The operator that the site speaks for, as every template sees it."""

from django.conf import settings
from django.http import HttpRequest


def context(request: HttpRequest) -> dict[str, object]:
    return {
        "operator_name": settings.OPERATOR_NAME,
        "operator_email": settings.OPERATOR_PRIVACY_EMAIL,
        "embedded": settings.EMBEDDED,
    }
