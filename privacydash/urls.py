from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.templatetags.static import static
from django.urls import include, path

from campaigns import webhooks
from privacydash import health, mailbox, operator, security
from propagation.metrics import metrics

admin.site.site_header = admin.site.site_title = "PrivacyDash"
admin.site.index_title = "What would you like to look at?"

handler500 = "privacydash.errors.server_error"


def favicon(request: HttpRequest) -> HttpResponse:
    return redirect(static("mark.svg"))


urlpatterns = [
    path("", include("consent.urls")),
    path("", include("campaigns.urls")),
    path("accounts/", include("accounts.urls")),
    path("admin/", admin.site.urls),
    path("i18n/", include("django.conf.urls.i18n")),
    # Browsers ask for it on pages that are not ours to change, such as Django admin.
    path("favicon.ico", favicon),
    path("operator.css", operator.colours, name="operator_colours"),
    path("operator-logo", operator.logo, name="operator_logo"),
    path(".well-known/security.txt", security.security_txt, name="security_txt"),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", metrics, name="metrics"),
]

if settings.ANYMAIL_WEBHOOKS:
    services = webhooks.paths(settings.ANYMAIL_WEBHOOKS)
    urlpatterns.append(path("anymail/", include((services, "anymail"))))

if settings.EMBEDDED:
    urlpatterns += [
        path("mailbox/", mailbox.mailbox, name="mailbox"),
        path("mailbox/codes/", mailbox.codes, name="mailbox_codes"),
        path("mailbox/<str:name>/", mailbox.message, name="mailbox_message"),
        path("mailbox/<str:name>/html/", mailbox.message_html, name="mailbox_html"),
    ]
