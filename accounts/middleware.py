from collections.abc import Callable
from functools import partial

from django.contrib import auth
from django.contrib.auth import middleware
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse
from django.utils import translation
from django.utils.cache import patch_vary_headers
from django.utils.functional import SimpleLazyObject

from accounts.languages import language_for, wants_romansh
from accounts.models import Member
from accounts.sessions import SessionStore


class Request(HttpRequest):
    """A request as the middleware leaves it. ``wants_romansh``: gets German instead."""

    wants_romansh: bool


class AuthenticationMiddleware(middleware.AuthenticationMiddleware):
    """Takes the member from the query that found the session; else it is Django's."""

    def process_request(self, request: HttpRequest) -> None:
        super().process_request(request)
        request.user = SimpleLazyObject(partial(_user, request))  # type: ignore[assignment]


def _user(request: HttpRequest) -> Member | AnonymousUser:
    assert isinstance(request.session, SessionStore)  # noqa: S101 (for mypy)
    return request.session.signed_in() or auth.get_user(request)


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
