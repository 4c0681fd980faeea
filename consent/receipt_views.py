"""Receipts of one's own choices, and the check of a receipt, for everybody."""

import json

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.cache import cache_control, never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_http_methods

from accounts.models import Member
from consent.receipt_check import check_receipt
from consent.receipt_pdf import receipt_as_pdf
from consent.receipt_words import words_of
from consent.receipts import Receipt, address, issue_receipt
from consent.signing import public_keys
from ledger.models import Entry

CHECK_LIMIT = 256 * 1024
"""Bytes that may be sent to be checked. A receipt has less than a tenth of it."""


@require_GET
@never_cache
@login_required
def receipt(request: HttpRequest, revision: int) -> HttpResponse:
    issued = _issued(request, revision)
    context = {
        "receipt": issued,
        "revision": revision,
        "words": words_of(issued.payload),
        "check_at": address("verify"),
    }
    return render(request, "consent/receipt.html", context)


@require_GET
@never_cache
@login_required
def receipt_pdf(request: HttpRequest, revision: int) -> HttpResponse:
    return _file(receipt_as_pdf(_issued(request, revision)), "application/pdf", revision, "pdf")


@require_GET
@never_cache
@login_required
def receipt_json(request: HttpRequest, revision: int) -> HttpResponse:
    return _file(_issued(request, revision).as_json(), "application/json", revision, "json")


def _issued(request: HttpRequest, revision: int) -> Receipt:
    """A receipt for the member's own choice with this revision; 404 for any other."""
    member = request.user
    assert isinstance(member, Member)  # noqa: S101 — login_required
    own = Entry.objects.of(member.member_ref, settings.PURPOSE)
    issued = issue_receipt(member, get_object_or_404(own, revision=revision))
    if issued is None:
        raise Http404
    return issued


def _file(content: bytes, content_type: str, revision: int, extension: str) -> HttpResponse:
    disposition = f'attachment; filename="receipt-{revision}.{extension}"'
    return HttpResponse(
        content, content_type=content_type, headers={"Content-Disposition": disposition}
    )


# Exempt: nothing is changed here and the sender is nobody to us, so there is nothing to forge; and
# the body is not read before its size is known.
@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def verify(request: HttpRequest) -> HttpResponse:
    """Check a receipt within this request: what is sent is neither kept nor logged."""
    if request.method != "POST":
        return render(request, "consent/verify.html")
    if int(request.META.get("CONTENT_LENGTH") or 0) > CHECK_LIMIT:
        return render(request, "consent/verify.html", {"outcome": "too_large"}, status=413)
    checked = check_receipt(_sent(request))
    words = words_of(checked.payload) if checked.payload else None
    context = {"outcome": checked.outcome, "words": words}
    return render(request, "consent/verify.html", context)


def _sent(request: HttpRequest) -> str:
    uploaded = request.FILES.get("file")
    if uploaded:
        content: bytes = uploaded.read()
        return content.decode("utf-8-sig", errors="replace")
    return request.POST.get("receipt", "")


@require_GET
@cache_control(public=True, max_age=3600)
def jwks(request: HttpRequest) -> HttpResponse:
    """The public keys of receipts, for any verifier, those in other sites' pages included."""
    return HttpResponse(
        json.dumps(public_keys()),
        content_type="application/jwk-set+json",
        headers={"Access-Control-Allow-Origin": "*"},
    )
