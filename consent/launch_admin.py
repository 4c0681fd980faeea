"""The launch interlock in admin: what keeps a rollout from starting, and overriding it by two."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html

from consent import launch
from consent.launch import LaunchError
from consent.models import Reach, Rollout

SERVICES: dict[str, tuple[Callable[..., None], str]] = {
    "ask": (launch.ask_override, "You have asked for it. Somebody else has to agree."),
    "agree": (launch.agree_to_override, "It is cleared, and starts on its day."),
}


class OverrideForm(forms.Form):
    reason = forms.CharField(
        max_length=1_000,
        widget=forms.Textarea(attrs={"rows": 3, "cols": 60}),
        help_text="Kept in the history, and part of the report of each campaign for the notice.",
    )


class LaunchPages(admin.ModelAdmin):  # type: ignore[type-arg]
    """For the admin of rollouts. ``launch`` is a column for its list."""

    def get_urls(self) -> list[URLPattern]:
        def page(route: str, view: Callable[..., HttpResponseBase], name: str) -> URLPattern:
            url: URLPattern = path(route, self.admin_site.admin_view(view), name=name)
            return url

        return [
            page("<int:pk>/launch/", self.launch_view, "consent_launch"),
            page("<int:pk>/launch/<slug:what>/", self.override_view, "consent_override"),
            *super().get_urls(),
        ]

    @admin.display(description="launch")
    def launch(self, rollout: Rollout) -> str:
        url = reverse("admin:consent_launch", args=[rollout.pk])
        return format_html('<a href="{}">{}</a>', url, "held" if rollout.held else "cleared")

    def launch_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        return self._page(request, self._rollout(request, pk), OverrideForm())

    def override_view(self, request: HttpRequest, pk: int, what: str) -> HttpResponse:
        """``what``: ask for it, or agree to what somebody else has asked for."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        rollout = self._rollout(request, pk)
        if what not in SERVICES or not self.has_change_permission(request, rollout):
            raise PermissionDenied
        service, done = SERVICES[what]
        form = OverrideForm(request.POST)
        if not form.is_valid():
            return self._page(request, rollout, form, status=422)
        try:
            service(rollout, by=_who(request), reason=form.cleaned_data["reason"])
        except (LaunchError, ValidationError) as error:
            form.add_error(None, " ".join(getattr(error, "messages", [str(error)])))
            rollout.refresh_from_db()
            return self._page(request, rollout, form, status=422)
        messages.success(request, done)
        return redirect("admin:consent_launch", pk)

    def _rollout(self, request: HttpRequest, pk: int) -> Rollout:
        rollout = get_object_or_404(Rollout.objects.select_related("notice"), pk=pk)
        if not self.has_view_permission(request, rollout):
            raise PermissionDenied
        return rollout

    def _page(
        self, request: HttpRequest, rollout: Rollout, form: OverrideForm, status: int = 200
    ) -> HttpResponse:
        asked = launch.asked_override(rollout) if rollout.held else None
        context: dict[str, Any] = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": f"Launch of {rollout}",
            "rollout": rollout,
            "missing": launch.missing(rollout, timezone.localdate()),
            "reach": Reach.objects.filter(rollout=rollout).exclude(counted_at=None).first(),
            "asked": asked,
            "own": asked is not None and asked.by == _who(request),
            "form": form,
            "may_override": rollout.held and self.has_change_permission(request, rollout),
            "history": rollout.history.order_by("-at", "-pk")[:100],
        }
        return TemplateResponse(request, "admin/consent/launch.html", context, status=status)


def _who(request: HttpRequest) -> str:
    """The reference of the member of staff, as logs keep it."""
    assert request.user.is_authenticated  # noqa: S101 (admin lets nobody else in)
    return request.user.member_ref
