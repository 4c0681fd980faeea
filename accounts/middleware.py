from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import translation
from django.utils.cache import patch_vary_headers

from accounts.languages import site_language


class LanguageMiddleware:
    """Answers in the language chosen on a page, else the member's, else the browser's.

    Django's LocaleMiddleware does not know the member's. It stands after AuthenticationMiddleware.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        with translation.override(language_for(request)):
            request.LANGUAGE_CODE = translation.get_language()
            response = self.get_response(request)
            response.headers.setdefault("Content-Language", translation.get_language() or "")
        patch_vary_headers(response, ("Accept-Language", "Cookie"))
        return response


def language_for(request: HttpRequest) -> str:
    chosen = site_language(request.COOKIES.get(settings.LANGUAGE_COOKIE_NAME, ""))
    return chosen or _members_language(request) or translation.get_language_from_request(request)


def _members_language(request: HttpRequest) -> str | None:
    # Without the cookie nobody is signed in: not even the session is looked at then.
    if settings.SESSION_COOKIE_NAME not in request.COOKIES or not request.user.is_authenticated:
        return None
    return site_language(request.user.language)
