from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.utils import translation
from django.utils.cache import patch_vary_headers

from accounts.languages import language_for, wants_romansh


class Request(HttpRequest):
    """A request as the middleware leaves it. ``wants_romansh``: gets German instead."""

    wants_romansh: bool


class LanguageMiddleware:
    """Answers in the language that suits the reader (`accounts.languages.language_for`).

    Django's LocaleMiddleware does not know the member's. It stands after AuthenticationMiddleware.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: Request) -> HttpResponse:
        language, tag = language_for(request)
        request.wants_romansh = wants_romansh(tag)
        with translation.override(language):
            request.LANGUAGE_CODE = language
            response = self.get_response(request)
            response.headers.setdefault("Content-Language", language)
        patch_vary_headers(response, ("Accept-Language", "Cookie"))
        return response
