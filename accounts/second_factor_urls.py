"""allauth's pages of the second factor, for staff alone, by the names that allauth knows."""

from allauth.mfa.base import views as base
from allauth.mfa.recovery_codes import views as recovery_codes
from allauth.mfa.totp import views as totp
from allauth.mfa.webauthn import views as webauthn
from django.urls import path

from accounts.second_factor import for_staff, managing

urlpatterns = [
    # In the middle of a sign-in: nobody is signed in yet, and without one allauth leads away.
    path("sign-in/", base.authenticate, name="mfa_authenticate"),
    path("", managing(base.index), name="mfa_index"),
    path("confirm/", for_staff(base.reauthenticate), name="mfa_reauthenticate"),
    path(
        "confirm/key/",
        for_staff(webauthn.reauthenticate_webauthn),
        name="mfa_reauthenticate_webauthn",
    ),
    path("app/add/", managing(totp.activate_totp), name="mfa_activate_totp"),
    path("app/remove/", managing(totp.deactivate_totp), name="mfa_deactivate_totp"),
    path("keys/", managing(webauthn.list_webauthn), name="mfa_list_webauthn"),
    path("keys/add/", managing(webauthn.add_webauthn), name="mfa_add_webauthn"),
    path("keys/<int:pk>/", managing(webauthn.edit_webauthn), name="mfa_edit_webauthn"),
    path("keys/<int:pk>/remove/", managing(webauthn.remove_webauthn), name="mfa_remove_webauthn"),
    path("codes/", managing(recovery_codes.view_recovery_codes), name="mfa_view_recovery_codes"),
    path(
        "codes/new/",
        managing(recovery_codes.generate_recovery_codes),
        name="mfa_generate_recovery_codes",
    ),
    path(
        "codes/codes.txt",
        managing(recovery_codes.download_recovery_codes),
        name="mfa_download_recovery_codes",
    ),
]
