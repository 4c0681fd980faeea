"""The API for other mail systems: personal links in bulk, and what became of the mails."""

import hmac
import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator
from functools import wraps
from hashlib import sha256

from allauth.account.adapter import get_adapter
from django.conf import settings
from django.core.cache import cache
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_POST

from campaigns import elsewhere, reported
from campaigns.elsewhere import NoLinks, note_export
from campaigns.link_files import FORMATS, Format
from campaigns.models import Campaign

logger = logging.getLogger(__name__)

CALLS_A_MINUTE = 120
WRONG_TOKENS_A_MINUTE = 20
LARGEST = 5_000_000
"""Bytes of one call with events."""

type View = Callable[..., HttpResponseBase]


def for_systems(view: View) -> View:
    """Ask for one of API_TOKENS; the view gets the name that the token has there.

    Without any token configured there is no such page. No cookie counts, so none needs a check.
    """

    @csrf_exempt
    @never_cache
    @wraps(view)
    def wrapper(request: HttpRequest) -> HttpResponseBase:
        if not settings.API_TOKENS:
            raise Http404
        name = _name(request)
        if name is None:
            address = get_adapter().get_client_ip(request)
            if _too_many(f"wrong:{address}", WRONG_TOKENS_A_MINUTE):
                return problem(429, "Too many wrong tokens. Try again in a minute.")
            logger.warning("API: a call to %s without a valid token", request.path)
            return problem(401, "Send a valid token: Authorization: Bearer …")
        if _too_many(name, CALLS_A_MINUTE):
            return problem(429, f"More than {CALLS_A_MINUTE} calls a minute.")
        return view(request, name)

    return wrapper


def _name(request: HttpRequest) -> str | None:
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    given = sha256(token.strip().encode(errors="replace")).digest()
    found = None
    # All of them are compared, so that the time tells nothing.
    for name, right in settings.API_TOKENS.items():
        if hmac.compare_digest(given, sha256(right.encode()).digest()):
            found = name
    return found if kind.lower() == "bearer" else None


def _too_many(who: str, limit: int) -> bool:
    key = f"api:{sha256(who.encode()).hexdigest()}:{int(time.time() // 60)}"
    cache.add(key, 0, timeout=120)
    try:
        return cache.incr(key) > limit
    except ValueError:  # dropped from the cache this moment
        return False


def problem(status: int, words: str) -> HttpResponse:
    answer = JsonResponse({"problem": words}, status=status)
    if status == 401:
        answer["WWW-Authenticate"] = "Bearer"
    if status == 429:
        answer["Retry-After"] = "60"
    return answer


@require_GET
@for_systems
def links(request: HttpRequest, client: str) -> HttpResponseBase:
    """Links of ``campaign`` (its name), as JSON lines or ``format=csv``, ``after`` an id."""
    form = request.GET.get("format", "jsonl")
    name = request.GET.get("campaign", "")
    campaign = None if "\0" in name else Campaign.objects.filter(name=name).first()
    if form not in FORMATS:
        return problem(400, f"format: {' or '.join(FORMATS)}.")
    if campaign is None:
        return problem(404, "campaign: there is none of this name.")
    try:
        elsewhere.check(campaign)
        place = elsewhere.after(campaign, request.GET.get("after", ""))
    except NoLinks as why:
        return problem(409, str(why))
    write = FORMATS[form](heading=not place)
    kind = "text/csv; charset=utf-8" if form == "csv" else "application/x-ndjson"
    return StreamingHttpResponse(_handed_out(campaign, place, write, client), content_type=kind)


def _handed_out(campaign: Campaign, place: int, write: Format, client: str) -> Iterator[str]:
    """The pages as text; when it ends, whatever the reason, it is noted how many there were."""
    count = 0
    try:
        for page in elsewhere.pages(campaign, place):
            count += len(page)
            yield write(page)
    finally:
        note_export(campaign, count, by=f"API: {client}")


@require_POST
@for_systems
def events(request: HttpRequest, client: str) -> HttpResponse:
    """Take events as JSON lines; the answer has a result for each line."""
    if "Content-Length" not in request.headers:  # Django reads nothing then
        return problem(411, "Send the length (no chunked transfer): nothing was taken.")
    data = request.read(LARGEST + 1)
    if len(data) > LARGEST:
        return problem(413, f"More than {LARGEST:,} bytes: nothing was taken. Send them in parts.")
    answers = list(reported.take(data.split(b"\n"), client))
    reported.forget(timezone.now())
    counts = Counter(answer.result for answer in answers)
    logger.info("API: %s sent %d events: %s", client, len(answers), dict(counts))
    results = [answer.as_json() for answer in answers]
    return JsonResponse({"counts": counts, "results": results})
