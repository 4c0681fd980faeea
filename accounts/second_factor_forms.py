"""allauth's forms of the second factor with plain labels. For staff: in English."""

# allauth is not typed:
# mypy: disallow-subclassing-any=False

from typing import ClassVar

from allauth.mfa.base import forms as base
from allauth.mfa.totp import forms as totp
from allauth.mfa.webauthn import forms as webauthn

from accounts.forms import Plain, PlainForm

_DIGITS = {"autocomplete": "one-time-code", "inputmode": "numeric", "spellcheck": "false"}
CODE = Plain("Code", "6 digits from your authenticator app, or a recovery code.", _DIGITS)


class AuthenticateForm(PlainForm, base.AuthenticateForm):
    plain: ClassVar = {"code": CODE}


class ReauthenticateForm(PlainForm, base.ReauthenticateForm):
    plain: ClassVar = {"code": CODE}


class ActivateForm(PlainForm, totp.ActivateTOTPForm):
    plain: ClassVar = {"code": Plain("Code", "The 6 digits that the app shows now.", _DIGITS)}


class AddKeyForm(PlainForm, webauthn.AddWebAuthnForm):
    plain: ClassVar = {"name": Plain("Name", "So that you know it again, such as “blue key”.")}
