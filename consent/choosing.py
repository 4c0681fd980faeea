"""A choice by the button of the member's page."""

import logging
from collections.abc import Callable
from functools import cache

from django.conf import settings
from django.core.exceptions import SuspiciousOperation
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.middleware.csrf import CsrfViewMiddleware
from django.urls import reverse

from accounts.models import Member
from consent.forms import SentChoice, read_choice, read_seen
from consent.services import Outcome, record_choice
from ledger.models import Channel, Decision

logger = logging.getLogger(__name__)


def record(member: Member, sent: SentChoice) -> bool:
    """Record the choice; False if it builds on a page that no longer tells what holds.

    Raises django.db.Error if the database did not take it.
    """
    seen = read_seen(member.pk, sent.seen)
    allowing = sent.decision == Decision.ALLOWED
    if allowing and not (seen.fresh and seen.revision):
        return False
    recorded = record_choice(
        member_ref=member.member_ref,
        purpose=settings.PURPOSE,
        decision=sent.decision,
        channel=Channel.DASHBOARD,
        request_id=sent.request_id,
        notice_version=seen.notice_version,
        notice_language=seen.language,
        expected_revision=seen.revision if allowing else None,
    )
    return recorded.outcome is not Outcome.STALE


class ChoiceMiddleware:
    """The short way: saves a choice before what is done for pages, where it needs no page.

    Whatever is not as it should be goes on to the view `choose`, which does all of it again and has
    a page for each thing that can be wrong. Twice is safe: one request is one choice.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        self.csrf = _Csrf(get_response)

    def __call__(self, request: HttpRequest) -> HttpResponse:
        button, after = _addresses()
        if request.path_info == button and self._saved(request):
            return HttpResponseRedirect(after, headers={"Content-Length": "0"})
        return self.get_response(request)

    def _saved(self, request: HttpRequest) -> bool:
        if (
            request.method != "POST"
            or request.content_type != "application/x-www-form-urlencoded"
            or "HTTP_HX_REQUEST" in request.META
            or not request.user.is_authenticated
        ):
            return False
        try:
            sent = read_choice(request.POST) if self.csrf.allows(request) else None
            return sent is not None and record(request.user, sent)
        except SuspiciousOperation:
            return False
        except DatabaseError as error:
            logger.warning("A choice is tried a second time: %s", type(error).__name__)
            return False


class _Csrf(CsrfViewMiddleware):
    """Django's check by itself; to refuse, and to log that, is left to Django's middleware."""

    def allows(self, request: HttpRequest) -> bool:
        self.process_request(request)
        # Of the view it asks only whether it is exempt: HttpResponse stands for one that is not.
        return self.process_view(request, HttpResponse, (), {}) is None

    def _reject(self, _request: HttpRequest, _reason: str) -> HttpResponse:
        return HttpResponse(status=403)


@cache
def _addresses() -> tuple[str, str]:
    """Of the button's POST, and of where it leads."""
    return reverse("choose"), reverse("dashboard")
