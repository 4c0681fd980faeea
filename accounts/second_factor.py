"""The second factor of staff: whether somebody has one, and has used it in this session.

Members have none and see nothing of it (docs/adr/0015-staff-need-a-second-factor.md).
"""

# allauth is not typed:
# mypy: disallow-subclassing-any=False

import base64
import hashlib
import logging
from collections.abc import Callable
from functools import wraps
from typing import Any

from allauth.account.authentication import get_authentication_records
from allauth.account.internal.flows.login import record_authentication
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from allauth.mfa.signals import (
    authenticator_added,
    authenticator_removed,
    authenticator_reset,
)
from cryptography.fernet import Fernet, MultiFernet
from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.contrib.auth.views import redirect_to_login
from django.core.mail import send_mail
from django.dispatch import receiver
from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import render, resolve_url

from accounts.freshness import freshly_signed_in
from accounts.models import Member

logger = logging.getLogger(__name__)

FACTORS = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)
"""Recovery codes only stand in for one of these."""

type View = Callable[..., HttpResponseBase]


class Adapter(DefaultMFAAdapter):
    """Second factors are for staff, and their secrets are of no use to who reads the database."""

    def is_mfa_enabled(self, user: AbstractBaseUser | AnonymousUser, types: Any = None) -> bool:
        return bool(getattr(user, "is_staff", False) and super().is_mfa_enabled(user, types))

    def encrypt(self, text: str) -> str:
        return _keys().encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        return _keys().decrypt(encrypted_text).decode()

    def build_totp_svg(self, url: str) -> str:
        """As part of the page: the content security policy takes no picture from a data: URL."""
        return str(super().build_totp_svg(url).partition("?>")[2])


def _keys() -> MultiFernet:
    return MultiFernet([_key(key) for key in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)])


def _key(secret: str) -> Fernet:
    digest = hashlib.sha256(b"second factor" + secret.encode()).digest()
    return Fernet(base64.urlsafe_b64encode(digest))


def has_second_factor(member: Member) -> bool:
    return bool(Authenticator.objects.filter(user_id=member.pk, type__in=FACTORS).exists())


def used_second_factor(request: HttpRequest) -> bool:
    """Whether whoever is signed in has shown it since they signed in."""
    records = get_authentication_records(request, request.user)
    return "mfa" in {record.get("method") for record in records}


@receiver(authenticator_added)
def _count_as_used(
    request: HttpRequest, user: Member, authenticator: Authenticator, **_values: Any
) -> None:
    """Who sets it up has just shown it; allauth would ask for the same code again."""
    if authenticator.type in FACTORS:
        record_authentication(
            request, user, "mfa", id=authenticator.pk, type=str(authenticator.type)
        )


@receiver(authenticator_added)
@receiver(authenticator_removed)
@receiver(authenticator_reset)
def _tell(user: Member, authenticator: Authenticator, signal: Any, **_values: Any) -> None:
    """So that its owner notices if it was somebody else."""
    happened = "removed from" if signal is authenticator_removed else "set up for"
    body = (
        f"{authenticator.get_type_display()}: {happened} your account, which is one of staff.\n\n"
        "If this was you, there is nothing to do. If it was not, tell your superuser at once: "
        f"somebody else may be in your account at {settings.SITE_URL}."
    )
    try:
        send_mail("Your second factor has changed", body, None, [user.email])
    except OSError:  # SMTPException is one
        logger.exception("A mail about a second factor could not be sent")


def way_to_second_factor(member: Member) -> str:
    """The page that asks for it, or that sets it up."""
    types = set(Authenticator.objects.filter(user_id=member.pk).values_list("type", flat=True))
    if Authenticator.Type.TOTP in types:
        return resolve_url("mfa_reauthenticate")
    if Authenticator.Type.WEBAUTHN in types:
        return resolve_url("mfa_reauthenticate_webauthn")
    return resolve_url("mfa_index")


def for_staff(view: View) -> View:
    """A page for members of staff alone; for others there is none."""

    @wraps(view)
    def wrapper(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not request.user.is_authenticated:
            return redirect_to_login(request.get_full_path())
        if not request.user.is_staff:
            raise Http404
        return view(request, *args, **kwargs)

    return wrapper


def managing(view: View) -> View:
    """For staff who may set up, change or take away a second factor.

    Whoever has one must have used it in this session. Whoever has none must have signed in just
    now: a browser that was left open is not enough to set one up.
    """

    @for_staff
    @wraps(view)
    def wrapper(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        member = request.user
        assert isinstance(member, Member)  # noqa: S101 (for_staff has looked)
        if has_second_factor(member):
            if not used_second_factor(request):
                return redirect_to_login(request.get_full_path(), way_to_second_factor(member))
        elif not freshly_signed_in(request):
            return render(request, "mfa/sign_in_again.html", {"next": request.get_full_path()})
        return view(request, *args, **kwargs)

    return wrapper
