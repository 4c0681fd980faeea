"""The member's pages. A GET changes nothing, ever."""

import logging
from functools import wraps
from typing import Any, Protocol

from django.conf import settings
from django.contrib import messages
from django.db import DatabaseError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import translation
from django.utils.cache import patch_cache_control, patch_vary_headers
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import (
    require_GET,
    require_http_methods,
    require_POST,
    require_safe,
)
from django_htmx.middleware import HtmxDetails

from accounts.languages import language_for
from accounts.models import Member
from accounts.regions import lead_authority
from consent.choosing import record
from consent.dashboard import current_notice, page_for
from consent.forms import read_choice
from consent.links import BadToken, read_token
from consent.models import Notice
from consent.pressing import page_value, read_press
from consent.services import Outcome, record_choice
from consent.situation import basis_for, region_name, situation_of
from ledger.models import Channel, CurrentChoice, Decision

logger = logging.getLogger(__name__)


class Request(HttpRequest):
    """A request as the middleware leaves it."""

    htmx: HtmxDetails


class View(Protocol):
    def __call__(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse: ...


@require_GET
@never_cache
def dashboard(request: Request) -> HttpResponse:
    if not request.user.is_authenticated:
        return redirect("notice", translation.get_language())
    return _dashboard(request, request.user)


def _dashboard(
    request: Request, member: Member, problem: str | None = None, status: int = 200
) -> HttpResponse:
    notice = current_notice()
    if notice is None:
        return render(request, "consent/no_notice.html")
    part = "#choice" if request.htmx and request.method == "POST" else ""
    context = page_for(member, notice).context(member, problem)
    return render(request, f"consent/dashboard.html{part}", context, status=status)


@require_POST
def choose(request: Request) -> HttpResponse:
    member = request.user
    if not member.is_authenticated:
        return _sign_in_again(request)
    sent = read_choice(request.POST)
    if sent is None:
        return _dashboard(request, member, "invalid", 400)
    try:
        recorded = record(member, sent)
    except DatabaseError:
        logger.exception("A choice could not be saved")
        return _dashboard(request, member, "failed", 503)
    if not recorded:
        return _dashboard(request, member, "stale", 409)
    return _dashboard(request, member) if request.htmx else redirect("dashboard")


def _sign_in_again(request: Request) -> HttpResponse:
    messages.error(
        request,
        _("You were signed out, so nothing was saved. Sign in, then press the button again."),
    )
    answer = redirect("account_login")
    if request.htmx:
        return HttpResponse(headers={"HX-Redirect": answer.url})
    return answer


@require_GET
@never_cache
def confirmations(request: HttpRequest) -> HttpResponse:
    """The fragment that the page asks for until all stores have confirmed."""
    notice = current_notice()
    if not request.user.is_authenticated or notice is None:
        return HttpResponse(status=286)  # htmx stops polling
    context = page_for(request.user, notice).context(request.user)
    return render(request, "consent/dashboard.html#confirmations", context)


@require_safe
def to_notice(request: HttpRequest) -> HttpResponse:
    """To the address of the notice in the reader's language."""
    return redirect("notice", translation.get_language())


@require_safe
def notice_page(request: HttpRequest, language: str) -> HttpResponse:
    """What changes, for everybody, in the language that the address says."""
    if language not in dict(settings.LANGUAGES):
        raise Http404
    with translation.override(language):
        notice = current_notice()
        response = _notice(request, notice) if notice else render(request, "consent/no_notice.html")
        response["Content-Language"] = language
        return response


@require_safe
def notice_version(request: HttpRequest, language: str, version: int) -> HttpResponse:
    """A published text as members saw it, for as long as there are choices that rest on it."""
    notice = get_object_or_404(
        Notice.objects.published(),
        purpose=settings.PURPOSE,
        version=version,
        translations__language=language,
    )
    with translation.override(language):
        response = _notice(request, notice, kept=True)
        response["Content-Language"] = language
        return response


def _notice(request: HttpRequest, notice: Notice, *, kept: bool = False) -> HttpResponse:
    text = notice.text()
    rollouts = [
        {
            "region_name": region_name(rollout.region),
            "announced_on": rollout.announced_on,
            "starts_on": rollout.starts_on,
            "phase": rollout.phase(),
            "paused_since": rollout.paused_at,
            "basis": basis_for(text, rollout.region),
        }
        for rollout in notice.rollouts.all()
    ]
    context = {
        "text": text,
        "rollouts": rollouts,
        "lead_authority": lead_authority(settings.OPERATOR_LEAD_COUNTRY),
        "kept": kept,
        "site_url": settings.SITE_URL,
    }
    response = render(request, "consent/notice.html", context)
    patch_vary_headers(response, ["Sec-GPC"])
    return response


def opened_by_link(view: View) -> View:
    """Find the member and the notice that the token stands for, and speak their language.

    Whatever is wrong with a token, the answer is the same page, so that it tells nothing about
    who exists.
    """

    @wraps(view)
    def wrapper(request: HttpRequest, token: str) -> HttpResponse:
        try:
            link = read_token(token)
        except BadToken:
            return keep_private(render(request, "consent/link_invalid.html", status=404))
        member = Member.objects.filter(pk=link.member_id, is_active=True).first()
        notice = current_notice()
        if member is None or notice is None or notice.pk != link.notice_id:
            return keep_private(render(request, "consent/link_invalid.html", status=404))
        language, _tag = language_for(request, member)
        with translation.override(language):
            response = view(request, member=member, notice=notice)
            response["Content-Language"] = language
            return keep_private(response)

    return wrapper


def keep_private(response: HttpResponse) -> HttpResponse:
    """Nothing about the address or the page is kept by a cache or told to another page."""
    patch_cache_control(response, no_store=True, private=True)
    # Not no-referrer: with it browsers send "Origin: null", and the language form is refused.
    response["Referrer-Policy"] = "strict-origin"
    response["X-Robots-Tag"] = "noindex"
    return response


# The token is what allows the POST. A cookie check on top would lose objections of people whose
# mail program blocks cookies, and adds nothing: who cannot guess the token cannot forge the form.
@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
@opened_by_link
def object_by_link(request: HttpRequest, *, member: Member, notice: Notice) -> HttpResponse:
    """Object without signing in. Nothing here can allow."""
    if request.method != "POST":
        return _link_page(request, member, notice)
    request_id = read_press(request)
    if request_id is None:
        return _link_page(request, member, notice, problem="doubted", status=409)
    try:
        recorded = record_choice(
            member_ref=member.member_ref,
            purpose=notice.purpose_id,
            decision=Decision.OBJECTED,
            channel=Channel.MAIL_LINK,
            request_id=request_id,
            notice_version=notice.version,
            notice_language=notice.text().language,
        )
    except DatabaseError:
        logger.exception("An objection by mail link could not be saved")
        return _link_page(request, member, notice, problem="failed", status=503)
    if recorded.outcome is Outcome.STALE:
        return _link_page(request, member, notice, problem="stale", status=409)
    return redirect(request.path)


def _link_page(
    request: HttpRequest,
    member: Member,
    notice: Notice,
    problem: str | None = None,
    status: int = 200,
) -> HttpResponse:
    """Tells whoever holds the link no more than that the member has objected, or has not."""
    text = notice.text()
    context = {
        "text": text,
        "situation": situation_of(member, notice, text),
        "already": CurrentChoice.objects.objects_to(member.member_ref, notice.purpose_id),
        "page": page_value(),
        "problem": problem,
    }
    return render(request, "consent/link.html", context, status=status)
