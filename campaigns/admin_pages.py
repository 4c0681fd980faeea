"""The pages of a campaign in Django admin beside its form: where it stands, its mails, its report.

Views are thin: `standing` and `report` gather, `acting` does.
"""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.csp import CSP
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.csp import csp_override

from campaigns import lifecycle
from campaigns.acting import ACTIONS, STOP, Offer, act, offers
from campaigns.forms import ReasonForm
from campaigns.lifecycle import CampaignError
from campaigns.models import Campaign
from campaigns.preview_forms import PreviewForm
from campaigns.previewing import (
    SCHEMES,
    WIDTHS,
    default_language,
    described,
    falls_back,
    html_for,
    languages_of,
)
from campaigns.standing import Standing
from campaigns.wording import preview

FRAMED_CSP = {
    # As a mail program shows it: with the styles in it, and nothing else; sandboxed even when
    # somebody opens the address by itself.
    "default-src": [CSP.NONE],
    "style-src": [CSP.UNSAFE_INLINE],
    "frame-ancestors": [CSP.SELF],
    "sandbox": "",
}
FRAMES_CSP = {**settings.SECURE_CSP, "frame-src": [CSP.SELF]}
STAYS = 422
"""The status of a page that says why nothing was done."""


class CampaignPages(admin.ModelAdmin):  # type: ignore[type-arg]
    def get_urls(self) -> list[URLPattern]:
        def page(route: str, view: Callable[..., HttpResponseBase], name: str) -> URLPattern:
            url: URLPattern = path(route, self.admin_site.admin_view(view), name=name)
            return url

        return [
            page("<int:pk>/page/", self.standing_view, "campaigns_standing"),
            page("<int:pk>/do/<slug:name>/", self.act_view, "campaigns_act"),
            page("<int:pk>/preview/", self.preview_view, "campaigns_preview"),
            page("<int:pk>/preview/html/", self.preview_html_view, "campaigns_preview_html"),
            page("stop/", self.stop_view, "campaigns_stop"),
            page("lift/", self.lift_view, "campaigns_lift"),
            *super().get_urls(),
        ]

    def campaign_for(self, request: HttpRequest, pk: int) -> Campaign:
        campaign: Campaign = get_object_or_404(
            Campaign.objects.select_related("notice").prefetch_related("walks"), pk=pk
        )
        if not self.has_view_permission(request, campaign):
            raise PermissionDenied
        return campaign

    def standing_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """With htmx: the part of it that changes by itself."""
        return self.standing(request, self.campaign_for(request, pk))

    def standing(
        self, request: HttpRequest, campaign: Campaign, failed: Offer | None = None
    ) -> HttpResponse:
        shown = [
            failed if failed and failed.action == offer.action else offer
            for offer in offers(campaign, request.user)
        ]
        if failed and failed not in shown:  # the campaign has moved on: what was typed stays
            shown.append(failed)
        context = {
            "standing": Standing(campaign),
            "campaign": campaign,
            "offers": shown,
            "failed": failed,
            "seen_state": request.GET.get("state", campaign.state),
            "may_stop": request.user.has_perm(STOP),
            "may_edit": self.has_change_permission(request, campaign),
        }
        part = "#live" if getattr(request, "htmx", False) else ""
        return self.render(
            request, f"admin/campaigns/standing.html{part}", context, campaign.name,
            status=STAYS if failed else 200,
        )  # fmt: skip

    def act_view(self, request: HttpRequest, pk: int, name: str) -> HttpResponse:
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        campaign = self.campaign_for(request, pk)
        if name not in ACTIONS:
            raise Http404
        action = ACTIONS[name]
        if not action.allowed(request.user):
            raise PermissionDenied
        done, failed = act(action, campaign, by=who(request), data=request.POST)
        if failed:
            campaign.refresh_from_db()
            return self.standing(request, campaign, failed)
        messages.success(request, done)
        return redirect("admin:campaigns_standing", pk)

    def preview_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        campaign = self.campaign_for(request, pk)
        form = PreviewForm(campaign, request.GET)
        group = form.group
        context = {
            "campaign": campaign,
            "form": form,
            "languages": languages_of(campaign),
            "group": group,
            "described": described(group),
            "written": preview(campaign, group),
            "falls_back": falls_back(campaign, group.language),
            "default_language": default_language(),
            "schemes": SCHEMES,
            "widths": WIDTHS,
            "query": form.query,
        }
        page = csp_override(FRAMES_CSP)(self.render)
        return page(request, "admin/campaigns/preview.html", context, f"Mails of {campaign.name}")

    def preview_html_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        campaign = self.campaign_for(request, pk)
        scheme = "dark" if request.GET.get("scheme") == "dark" else "light"
        return _framed(
            request, html_for(campaign, PreviewForm(campaign, request.GET).group, scheme)
        )

    def stop_view(self, request: HttpRequest) -> HttpResponse:
        """Asks for the reason, and stops all campaigns with it."""
        self._require(request, STOP)
        form = ReasonForm(request.POST if request.method == "POST" else None)
        if request.method == "POST" and form.is_valid():
            return self._do(
                request,
                lambda: lifecycle.stop_all(by=who(request), reason=form.cleaned_data["reason"]),
                "All campaigns are stopped: within about a second nothing more goes out.",
            )
        context = {"form": form}
        return self.render(request, "admin/campaigns/stop.html", context, "Stop all campaigns")

    def lift_view(self, request: HttpRequest) -> HttpResponse:
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        self._require(request, STOP)
        done = "The stop is lifted. Campaigns that were running go on."
        return self._do(request, lambda: lifecycle.lift_stop(by=who(request)), done)

    def _do(self, request: HttpRequest, service: Callable[[], Any], done: str) -> HttpResponse:
        try:
            service()
        except CampaignError as error:
            messages.error(request, str(error))
        else:
            messages.success(request, done)
        return redirect("admin:campaigns_campaign_changelist")

    def _require(self, request: HttpRequest, permission: str) -> None:
        if not request.user.has_perm(permission):
            raise PermissionDenied

    def render(
        self, request: HttpRequest, name: str, context: dict[str, Any], title: str, **options: Any
    ) -> HttpResponse:
        common = {**self.admin_site.each_context(request), "opts": self.opts, "title": title}
        return TemplateResponse(request, name, {**common, **context}, **options)


@xframe_options_sameorigin
@csp_override(FRAMED_CSP)
def _framed(request: HttpRequest, html: str) -> HttpResponse:
    return HttpResponse(html)


def who(request: HttpRequest) -> str:
    """The reference of the member of staff, as logs keep it."""
    assert request.user.is_authenticated  # noqa: S101 (admin lets nobody else in)
    return request.user.member_ref
