"""How sign-in by allauth differs here: members come from the host platform."""

# allauth is not typed:
# mypy: disallow-subclassing-any=False

import logging
from typing import Any

from allauth.account import app_settings
from allauth.account.adapter import DefaultAccountAdapter
from allauth.core import context as allauth_context
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest
from django.shortcuts import resolve_url
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext_lazy as _

from accounts.freshness import freshly_signed_in
from accounts.languages import site_language
from accounts.models import Member

logger = logging.getLogger(__name__)


class AccountAdapter(DefaultAccountAdapter):
    """Closed sign-up, mails in the member's language, and errors in plain words.

    An address without an account gets a mail that says so (ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS): the
    pages then answer the same, after the same time, whether or not there is one.
    """

    error_messages = {  # noqa: RUF012 (allauth declares it so)
        **DefaultAccountAdapter.error_messages,
        "account_inactive": _("This account is closed."),
        "email_password_mismatch": _(
            "This e-mail address and password do not belong together. Check both, or ask for a "
            "code by mail."
        ),
        "enter_current_password": _("This is not your current password."),
        "incorrect_code": _("This is not the code from the mail. Please check it."),
        "incorrect_password": _("This is not your password."),
        "invalid_password_reset": _("This link has been used, or it is too old."),
        "rate_limited": _("Too many tries. Please wait a few minutes."),
        "too_many_login_attempts": _("Too many tries. Please wait a few minutes."),
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def is_reauthentication_required(self, *, app: str, **kwargs: Any) -> bool:
        """Only the second factor asks for it; who has just signed in has shown who they are."""
        return not freshly_signed_in(allauth_context.request)

    def get_password_change_redirect_url(self, request: HttpRequest) -> str:
        return resolve_url("dashboard")

    def get_reset_password_from_key_url(self, key: str) -> str:
        """The address in the mail; never from the request's Host header, which anyone can set."""
        path = reverse("account_reset_password_from_key", kwargs={"uidb36": "0", "key": "0"})
        return f"{settings.SITE_URL}{path.replace('0-0', key)}"

    def is_safe_url(self, url: str) -> bool:
        """As allauth's; but a next= that is no address at all leads home, not to an error 500."""
        try:
            return bool(super().is_safe_url(url))
        except ValueError:
            return False

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """In the member's language; a mail that cannot be sent is said on the next page."""
        values = {
            "operator_name": settings.OPERATOR_NAME,
            "operator_email": settings.OPERATOR_PRIVACY_EMAIL,
            "site_url": settings.SITE_URL,
            "minutes": app_settings.LOGIN_BY_CODE_TIMEOUT // 60,
            **context,
        }
        try:
            with translation.override(_language_for(email)):
                super().send_mail(template_prefix, email, values)
        except OSError:  # SMTPException is one
            logger.exception("A sign-in mail could not be sent")
            messages.error(
                allauth_context.request,
                _("The mail could not be sent. Please try again in a few minutes."),
            )


def _language_for(email: str) -> str:
    """The member's own; else that of the page on which the mail was asked for."""
    member = Member.objects.with_email(email).first()
    page = translation.get_language() or settings.LANGUAGE_CODE
    return (site_language(member.language) if member else None) or page
