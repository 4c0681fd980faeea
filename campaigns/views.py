"""What the links in a campaign's mails do beside objecting: leave reminders, count the visit."""

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone, translation
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST

from accounts.languages import language_of
from accounts.models import Member
from campaigns.models import NoReminders, Recipient
from consent import told
from consent.links import REMINDERS, BadToken, read_token
from consent.models import Notice
from consent.views import keep_private, opened_by_link


# As with objecting, the token is what allows the POST (RFC 8058 asks for one without a cookie).
@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def reminders(request: HttpRequest, token: str) -> HttpResponse:
    """Leave reminders, by the page's button or a mail program's one click. Never an objection."""
    try:
        link = read_token(token, REMINDERS)
    except BadToken:
        return keep_private(render(request, "consent/link_invalid.html", status=404))
    member = Member.objects.filter(pk=link.member_id, is_active=True).first()
    if member is None:
        return keep_private(render(request, "consent/link_invalid.html", status=404))
    if request.method == "POST":
        with transaction.atomic():
            if told.lock_members([member.pk]):
                how = {"how": NoReminders.How.ASKED}
                NoReminders.objects.get_or_create(member=member, defaults=how)
    stopped = NoReminders.objects.filter(member=member).exists()
    with translation.override(language_of(member)):
        page = render(request, "campaigns/reminders.html", {"stopped": stopped})
        page["Content-Language"] = translation.get_language() or ""
    return keep_private(page)


# The page's script sends it once somebody moves on the page: a program that only fetches what is
# behind a link, or draws it, counts nobody as told.
@csrf_exempt
@require_POST
@opened_by_link
def seen(request: HttpRequest, *, member: Member, notice: Notice) -> HttpResponse:
    """The member has seen the page; the first time is kept."""
    now = timezone.now()
    told.page_seen(notice, member.pk, now)
    assert request.resolver_match  # noqa: S101 — the token has just been read from it
    link = read_token(request.resolver_match.kwargs["token"])
    Recipient.objects.filter(campaign=link.campaign_id, member=member, seen_at=None).update(
        seen_at=now
    )
    return HttpResponse(status=204)
