"""The operator that the site speaks for: name, address, logo and colour, as every page has them."""

import mimetypes

from django.conf import settings
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_GET


def context(request: HttpRequest) -> dict[str, object]:
    return {
        "operator_name": settings.OPERATOR_NAME,
        "operator_email": settings.OPERATOR_PRIVACY_EMAIL,
        "operator_accent": settings.OPERATOR_ACCENT,
        "operator_logo": settings.OPERATOR_LOGO,
        "embedded": settings.EMBEDDED,
    }


@require_GET
@cache_control(max_age=86_400, public=True)
def colours(request: HttpRequest) -> HttpResponse:
    """The operator's colours as a style sheet: the content security policy knows no inline ones."""
    if settings.OPERATOR_ACCENT is None:
        raise Http404
    return render(request, "operator.css", content_type="text/css")


@require_GET
@cache_control(max_age=86_400, public=True)
def logo(request: HttpRequest) -> FileResponse:
    if settings.OPERATOR_LOGO is None:
        raise Http404
    kind, _encoding = mimetypes.guess_type(settings.OPERATOR_LOGO.name)
    return FileResponse(settings.OPERATOR_LOGO.open("rb"), content_type=kind)
