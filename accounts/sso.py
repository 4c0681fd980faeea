"""Sign-in of staff by the operator's own identity provider (OpenID Connect), where one is set.

It stands in for the password or the mailed code only: the second factor is asked for here. Nobody
is made a member or a member of staff by it.
"""

# allauth is not typed:
# mypy: disallow-subclassing-any=False

import logging
from typing import Any

import requests
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.providers.base import AuthProcess
from allauth.socialaccount.providers.openid_connect import views as openid_connect
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from accounts.models import Member, MemberQuerySet

logger = logging.getLogger(__name__)

PROVIDER = "staff"


class Adapter(DefaultSocialAccountAdapter):
    def is_open_for_signup(self, request: HttpRequest, sociallogin: Any) -> bool:
        return False

    def pre_social_login(self, request: HttpRequest, sociallogin: Any) -> None:
        """Only somebody who is staff here already, by an address that the provider has verified."""
        claims = sociallogin.account.get_provider_account().get_user_data()
        member = _staff_with(str(claims.get("email", "")), claims.get("email_verified"))
        stranger = sociallogin.is_existing and sociallogin.user != member
        if (
            member is None
            or stranger
            or sociallogin.state.get("process", AuthProcess.LOGIN) != AuthProcess.LOGIN
        ):
            logger.warning("A sign-in by SSO was refused: nobody of staff, or not the same person")
            raise ImmediateHttpResponse(_refused(request, status=403))
        if not sociallogin.is_existing:
            sociallogin.connect(request, member)

    def on_authentication_error(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        raise ImmediateHttpResponse(_refused(request, status=401))


def _staff_with(email: str, verified: object) -> Member | None:
    if verified is not True:
        return None
    staff: MemberQuerySet = Member.objects.filter(is_staff=True, is_active=True)
    return staff.with_email(email.lower()).first()


def _refused(request: HttpRequest, *, status: int) -> HttpResponse:
    return render(request, "account/sso_refused.html", {"name": settings.SSO_NAME}, status=status)


@require_GET
@never_cache
def login(request: HttpRequest, provider_id: str) -> HttpResponse:
    return _asked(openid_connect.login, request, provider_id)


@require_GET
@never_cache
def callback(request: HttpRequest, provider_id: str) -> HttpResponse:
    return _asked(openid_connect.callback, request, provider_id)


def _asked(view: Any, request: HttpRequest, provider_id: str) -> HttpResponse:
    if not settings.SSO_ISSUER or provider_id != PROVIDER:
        raise Http404
    try:
        response: HttpResponse = view(request, provider_id)
    except (requests.RequestException, KeyError, ValueError):
        logger.exception("The identity provider of staff gave no good answer")
        return _refused(request, status=503)
    return response


def way_in(following: str) -> dict[str, str]:
    """Name and address of the way in by SSO, for a sign-in that leads to admin; else nothing."""
    if not settings.SSO_ISSUER or not following.startswith(reverse("admin:index")):
        return {}
    address = reverse("openid_connect_login", args=[PROVIDER])
    return {"name": settings.SSO_NAME, "url": f"{address}?{urlencode({'next': following})}"}
