"""What this site holds about the member who asks, to take away or to delete."""

from collections.abc import Callable
from functools import wraps
from urllib.parse import urlencode

from django.conf import settings
from django.contrib.auth import logout
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render, resolve_url
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from accounts.cldr import country_name
from accounts.freshness import freshly_signed_in
from accounts.models import Member
from consent import my_data as collecting
from consent.erasure import erase, is_staff_account
from ledger.models import CurrentChoice

type MemberView = Callable[[HttpRequest, Member], HttpResponse]


def for_the_member(view: MemberView) -> Callable[[HttpRequest], HttpResponse]:
    """Show it to whom it is about, kept by no cache; whoever is not signed in can sign in first."""

    @never_cache
    @wraps(view)
    def wrapper(request: HttpRequest) -> HttpResponse:
        if not request.user.is_authenticated:
            return redirect_to_login(request.path)
        return view(request, request.user)

    return wrapper


@require_safe
@for_the_member
def my_data(request: HttpRequest, member: Member) -> HttpResponse:
    return render(request, "consent/my_data.html")


@require_safe
@for_the_member
def my_data_json(request: HttpRequest, member: Member) -> HttpResponse:
    return as_json(request, member)


@require_safe
@for_the_member
def my_data_html(request: HttpRequest, member: Member) -> HttpResponse:
    return as_html(request, member)


def as_json(request: HttpRequest, member: Member) -> HttpResponse:
    """All that is held about the member, for programs; who may have it is the caller's matter."""
    held = collecting.my_data(member).as_json()
    answer = JsonResponse(held, json_dumps_params={"ensure_ascii": False, "indent": 2})
    return _as_file(answer, "my-data.json")


def as_html(request: HttpRequest, member: Member) -> HttpResponse:
    """The same as one page that is complete in itself, and is read without a style."""
    context = {
        "held": collecting.my_data(member),
        "country_by_account": country_name(member.residence.by_account),
        "country_by_member": country_name(member.residence.by_member),
        "site_url": settings.SITE_URL,
    }
    return _as_file(render(request, "consent/my_data_file.html", context), "my-data.html")


def _as_file(answer: HttpResponse, name: str) -> HttpResponse:
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


@require_http_methods(["GET", "HEAD", "POST"])
@for_the_member
def delete_my_data(request: HttpRequest, member: Member) -> HttpResponse:
    """Says what goes and what stays; deletes on a POST shortly after a sign-in."""
    is_staff, fresh = is_staff_account(member), freshly_signed_in(request)
    asked = request.method == "POST"
    if asked and fresh and not is_staff:
        erase(member.pk)
        logout(request)
        return render(request, "consent/my_data_deleted.html")
    context = {
        "is_staff": is_staff,
        "fresh": fresh,
        "refused": asked,
        "sign_in_again": f"{resolve_url(settings.LOGIN_URL)}?{urlencode({'next': request.path})}",
        "objected": CurrentChoice.objects.objects_to(member.member_ref, settings.PURPOSE),
    }
    return render(request, "consent/my_data_delete.html", context, status=403 if asked else 200)
