from allauth.account import views as allauth
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect

from accounts.forms import ReauthenticateForm

_reauthenticate = allauth.ReauthenticateView.as_view(form_class=ReauthenticateForm)


def reauthenticate(request: HttpRequest) -> HttpResponseBase:
    """Asks for the password once more; a member who has none is sent on instead of refused."""
    if request.user.is_authenticated and not request.user.has_usable_password():
        return redirect("dashboard")
    response: HttpResponseBase = _reauthenticate(request)
    return response
