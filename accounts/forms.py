"""allauth's forms with labels in plain words, and what password managers need to fill them."""

# allauth is not typed:
# mypy: disallow-subclassing-any=False

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from allauth.account import forms as allauth
from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.cldr import country_choices

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise


@dataclass(frozen=True, slots=True)
class Plain:
    """How a field is shown."""

    label: "StrOrPromise"
    help_text: "StrOrPromise" = ""
    attributes: dict[str, str] = field(default_factory=dict)


EMAIL = Plain(_("E-mail address"), attributes={"autocomplete": "email", "inputmode": "email"})
NEW_PASSWORD = Plain(
    _("New password"),
    _(
        "At least 8 characters, and not only digits. "
        "Three words that do not belong together are good."
    ),
    {"autocomplete": "new-password"},
)
NEW_PASSWORD_AGAIN = Plain(
    _("New password, once more"), attributes={"autocomplete": "new-password"}
)
PASSWORD = Plain(_("Password"), attributes={"autocomplete": "current-password"})


class PlainForm(forms.Form):
    plain: ClassVar[dict[str, Plain]]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, plain in self.plain.items():
            shown = self.fields[name]
            # A placeholder vanishes when one types, and is read out beside the label.
            shown.widget.attrs.pop("placeholder", None)
            shown.widget.attrs.update(plain.attributes)
            shown.label = plain.label
            shown.help_text = plain.help_text


class SignInForm(PlainForm, allauth.LoginForm):
    plain: ClassVar = {
        # "username" is what password managers look for beside a password.
        "login": Plain(_("E-mail address"), attributes={"autocomplete": "username"}),
        "password": PASSWORD,
    }


class CodeRequestForm(PlainForm, allauth.RequestLoginCodeForm):
    plain: ClassVar = {"email": EMAIL}


class CodeForm(PlainForm, allauth.ConfirmLoginCodeForm):
    plain: ClassVar = {
        "code": Plain(
            _("Code from the mail"),
            attributes={
                "autocomplete": "one-time-code",
                "autocapitalize": "characters",
                "spellcheck": "false",
            },
        )
    }


class ResetForm(PlainForm, allauth.ResetPasswordForm):
    plain: ClassVar = {"email": EMAIL}


class ResetKeyForm(PlainForm, allauth.ResetPasswordKeyForm):
    plain: ClassVar = {"password1": NEW_PASSWORD, "password2": NEW_PASSWORD_AGAIN}


class SetPasswordForm(PlainForm, allauth.SetPasswordForm):
    plain: ClassVar = {"password1": NEW_PASSWORD, "password2": NEW_PASSWORD_AGAIN}


class ChangePasswordForm(PlainForm, allauth.ChangePasswordForm):
    plain: ClassVar = {
        "oldpassword": Plain(
            _("Current password"), attributes={"autocomplete": "current-password"}
        ),
        "password1": NEW_PASSWORD,
        "password2": NEW_PASSWORD_AGAIN,
    }


class ReauthenticateForm(PlainForm, allauth.ReauthenticateForm):
    plain: ClassVar = {"password": PASSWORD}


class CountryForm(forms.Form):
    """Where the member says they live; the choices are in the order of the active language."""

    country = forms.ChoiceField(
        label=_("Country"),
        choices=lambda: [("", _("Please choose")), *country_choices()],
        widget=forms.Select(attrs={"autocomplete": "country"}),
    )
