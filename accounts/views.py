# allauth is not typed:
# mypy: disallow-subclassing-any=False

from typing import Any

from allauth.account import views as allauth
from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from accounts.cldr import country_name
from accounts.forms import CountryForm, ReauthenticateForm
from accounts.sso import way_in


class SignInView(allauth.LoginView):
    """allauth's; on the way to admin it also shows the operator's own sign-in, if there is one."""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context_data(**kwargs)
        return {**context, "sso": way_in(self.request.GET.get("next", ""))}


_reauthenticate = allauth.ReauthenticateView.as_view(form_class=ReauthenticateForm)


def reauthenticate(request: HttpRequest) -> HttpResponseBase:
    """Asks for the password once more; a member who has none is sent on instead of refused."""
    if request.user.is_authenticated and not request.user.has_usable_password():
        return redirect("dashboard")
    response: HttpResponseBase = _reauthenticate(request)
    return response


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def country(request: HttpRequest) -> HttpResponse:
    """The member corrects where they live. The choice is not touched by it."""
    member = request.user
    if not member.is_authenticated:
        return redirect_to_login(request.path)
    form = CountryForm(request.POST or None, initial={"country": member.residence.code})
    if request.method == "POST" and form.is_valid():
        member.state_country(form.cleaned_data["country"])
        messages.success(request, _("Saved. Your choice has stayed as it was."))
        return redirect("dashboard")
    context = {"form": form, "account_country": country_name(member.residence.by_account)}
    status = 400 if form.errors else 200
    return render(request, "accounts/country.html", context, status=status)
