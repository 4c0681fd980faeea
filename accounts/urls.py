"""allauth's pages that make sense here, by the names that allauth knows them by.

Listed one by one, so that a new version of allauth cannot open another page. Sign-up answers that
it is closed, and addresses are changed on the host platform.
"""

from allauth.account import views as allauth
from django.urls import include, path, re_path
from django.views.generic import RedirectView

from accounts import forms, sso, views

to_dashboard = RedirectView.as_view(pattern_name="dashboard")

urlpatterns = [
    path(
        "login/",
        views.SignInView.as_view(
            form_class=forms.SignInForm, extra_context={"code_form": forms.CodeRequestForm}
        ),
        name="account_login",
    ),
    path(
        "login/code/",
        allauth.RequestLoginCodeView.as_view(form_class=forms.CodeRequestForm),
        name="account_request_login_code",
    ),
    path(
        "login/code/confirm/",
        allauth.ConfirmLoginCodeView.as_view(form_class=forms.CodeForm),
        name="account_confirm_login_code",
    ),
    path("logout/", allauth.logout, name="account_logout"),
    path("inactive/", allauth.account_inactive, name="account_inactive"),
    path("signup/", allauth.signup, name="account_signup"),
    path("reauthenticate/", views.reauthenticate, name="account_reauthenticate"),
    path(
        "password/change/",
        allauth.PasswordChangeView.as_view(form_class=forms.ChangePasswordForm),
        name="account_change_password",
    ),
    path(
        "password/set/",
        allauth.PasswordSetView.as_view(form_class=forms.SetPasswordForm),
        name="account_set_password",
    ),
    path(
        "password/reset/",
        allauth.PasswordResetView.as_view(form_class=forms.ResetForm),
        name="account_reset_password",
    ),
    path("password/reset/done/", allauth.password_reset_done, name="account_reset_password_done"),
    re_path(
        r"^password/reset/key/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$",
        allauth.PasswordResetFromKeyView.as_view(form_class=forms.ResetKeyForm),
        name="account_reset_password_from_key",
    ),
    path(
        "password/reset/key/done/",
        allauth.password_reset_from_key_done,
        name="account_reset_password_from_key_done",
    ),
    path("sso/<slug:provider_id>/", sso.login, name="openid_connect_login"),
    path("sso/<slug:provider_id>/callback/", sso.callback, name="openid_connect_callback"),
    path("second-factor/", include("accounts.second_factor_urls")),
    path("country/", views.country, name="country"),
    path("email/", to_dashboard, name="account_email"),
    path("confirm-email/", to_dashboard, name="account_email_verification_sent"),
    path("confirm-email/<path:key>/", RedirectView.as_view(url="/"), name="account_confirm_email"),
]
