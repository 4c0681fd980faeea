"""The dashboard's page in Django admin."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone

from desk import unusual
from desk.counters import Dashboard
from desk.dashboard import SPANS, overview, requests_near
from propagation.admin import ReadOnlyAdmin

SHOWN = 20


@admin.register(Dashboard)
class DashboardAdmin(ReadOnlyAdmin):
    """In the place of a list of rows: drawn on the server, without a script."""

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if not self.has_view_permission(request) or request.method != "GET":
            raise PermissionDenied
        asked = request.GET.get("days", "")
        days = int(asked) if asked in map(str, SPANS) else 30
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": "Dashboard",
            "overview": overview(days),
            "spans": SPANS,
            "requests": requests_near(timezone.localdate())[:SHOWN],
            "reads_requests": request.user.has_perm("desk.view_memberrequest"),
            "unusual": unusual.recent()[:SHOWN] if _reads_the_log(request) else [],
            "reads_the_log": _reads_the_log(request),
            "may_make_packs": request.user.has_perm("desk.make_evidencepack"),
        }
        return TemplateResponse(request, "admin/desk/dashboard.html", context)

    def change_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """There are no rows to look at."""
        return self.changelist_view(request)


def _reads_the_log(request: HttpRequest) -> bool:
    return request.user.has_perm("accounts.view_unusualaccess")
