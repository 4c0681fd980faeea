"""Campaigns in Django admin: the list, and the form for a draft. `admin_pages` has the rest."""

from typing import Any, ClassVar

from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.html import format_html

from accounts.admin import CappedPaginator
from campaigns.acting import STOP
from campaigns.admin_reports import CampaignReports
from campaigns.figures import figures_of
from campaigns.form_fields import TEXTS, TextKey, limit_field
from campaigns.forms import CampaignForm
from campaigns.models import Campaign, MailStop
from campaigns.names import site_languages
from campaigns.providers import PROVIDERS
from campaigns.rule import moment
from consent.models import Notice
from propagation.admin import ReadOnlyAdmin

WORDS_HELP = (
    "What you leave empty follows from the notice: its title is the subject, and there is no "
    "introduction. {title}, {operator} and {email} stand for the notice's title and the operator's "
    "name and address. A reminder says by itself that it is one."
)


@admin.register(Campaign)
class CampaignAdmin(CampaignReports):
    form = CampaignForm
    change_list_template = "admin/campaigns/list.html"
    list_display = ("page", "state", "notice", "starts", "progress")
    list_display_links = None
    list_select_related = ("notice",)
    list_per_page = 50
    search_fields = ("name",)
    ordering = ("-pk",)
    paginator = CappedPaginator
    show_full_result_count = False
    actions = None

    class Media:
        css: ClassVar = {"all": ["campaigns-admin.css"]}

    @admin.display(description="campaign", ordering="name")
    def page(self, campaign: Campaign) -> str:
        url = reverse("admin:campaigns_standing", args=[campaign.pk])
        return format_html('<a href="{}">{}</a>', url, campaign.name)

    @admin.display(description="start", ordering="starts_at")
    def starts(self, campaign: Campaign) -> str:
        return moment(campaign.starts_at)

    @admin.display(description="mailed")
    def progress(self, campaign: Campaign) -> str:
        figures = figures_of(campaign)
        if not figures.total:
            return "not yet"
        return f"{figures.total - figures.left:,} of {figures.total:,}"

    def get_fieldsets(self, request: HttpRequest, obj: Campaign | None = None) -> Any:
        return [
            (None, {"fields": ("name", "notice", "opened")}),
            (
                "Who gets it",
                {
                    "fields": (
                        "regions", "countries", "languages", "joined_before", "told", "told_days",
                        "objected", "minors",
                    ),
                    "description": "All of it is asked again just before each mail is sent.",
                },
            ),
            ("Test addresses", {"fields": ("seeds",)}),
            ("When (UTC)", {"fields": ("starts_at", "stops_at", "quiet_from", "quiet_until")}),
            ("How fast", {"fields": ("per_minute", "ramp_from", "ramp_hours", "sent_elsewhere")}),
            (
                "Limits for single mailbox providers, in mails a minute",
                {"fields": tuple(map(limit_field, PROVIDERS)), "classes": ("collapse",)},
            ),
            *_text_fieldsets(obj),
        ]  # fmt: skip

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        notice = Notice.objects.current(settings.PURPOSE)
        return {"notice": notice.pk} if notice else {}

    def has_delete_permission(self, request: HttpRequest, obj: Campaign | None = None) -> bool:
        """What was prepared or sent is evidence; a draft that nobody wants does no harm."""
        return False

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Whoever cannot change it, now or at all, sees where it stands."""
        campaign = self.get_object(request, object_id)
        if campaign and request.method == "GET" and not self._open_to(request, campaign):
            return redirect("admin:campaigns_standing", campaign.pk)
        return super().change_view(request, object_id, form_url, extra_context)

    def _open_to(self, request: HttpRequest, campaign: Campaign) -> bool:
        draft = campaign.state == Campaign.State.DRAFT
        return draft and self.has_change_permission(request, campaign)

    def save_model(
        self, request: HttpRequest, obj: Campaign, form: CampaignForm, change: bool
    ) -> None:
        """Only what the form has: the rest is for `lifecycle`. The form holds the row."""
        fields = [*CampaignForm.Meta.fields, "texts", "limits"] if change else None
        obj.save(update_fields=fields)

    def response_add(
        self, request: HttpRequest, obj: Campaign, post_url_continue: str | None = None
    ) -> HttpResponse:
        return self._after(request, obj) or super().response_add(request, obj, post_url_continue)

    def response_change(self, request: HttpRequest, obj: Campaign) -> HttpResponse:
        return self._after(request, obj) or super().response_change(request, obj)

    def _after(self, request: HttpRequest, campaign: Campaign) -> HttpResponse | None:
        """Saved: on to its page, where it is previewed, counted and prepared."""
        if {"_continue", "_addanother", "_popup"} & set(request.POST):
            return None
        self.message_user(request, f"{campaign.name} is saved.")
        return redirect("admin:campaigns_standing", campaign.pk)

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        more = {
            "stop": MailStop.objects.open().first(),
            "may_stop": request.user.has_perm(STOP),
            "title": "Campaigns",
        }
        return super().changelist_view(request, {**more, **(extra_context or {})})


def _text_fieldsets(campaign: Campaign | None) -> list[Any]:
    """One for each language, those first that the notice has a text in."""
    notice = campaign.notice if campaign else Notice.objects.current(settings.PURPOSE)
    written = set(notice.translations.values_list("language", flat=True)) if notice else set()
    return [
        (
            f"Words in {name}{_note(campaign, code, written)}",
            {
                "fields": tuple(TextKey(code, key).field for key in TEXTS),
                "classes": ("collapse",),
                "description": WORDS_HELP,
            },
        )
        for code, name in sorted(site_languages(), key=lambda pair: pair[0] not in written)
    ]


def _note(campaign: Campaign | None, language: str, written: set[str]) -> str:
    if language not in written:
        return " (the notice has no text in it)"
    return " (own words)" if campaign and language in campaign.texts else ""


@admin.register(MailStop)
class MailStopAdmin(ReadOnlyAdmin):
    """When all campaigns were stopped, by whom and why."""

    list_display = ("stopped_at", "by", "reason", "lifted_at", "lifted_by")
    ordering = ("-pk",)
