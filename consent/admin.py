"""Notices, rollouts and choices in Django admin. Choices are read-only."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest

from accounts.admin import CappedPaginator
from consent import access_admin  # noqa: F401 (registers the log of access)
from consent.launch_admin import LaunchPages
from consent.models import Notice, ParkedMail, Purpose, Rollout
from consent.notice_admin import NoticeAdmin, staff
from consent.rollout_actions import RolloutActions
from ledger.models import Entry
from propagation.admin import ReadOnlyAdmin


@admin.register(Entry)
class ChoiceAdmin(ReadOnlyAdmin):
    explained = (
        "The ledger: each choice of each member, in the order in which they were recorded. A "
        "new choice is a new row with the next revision; no row ever changes."
    )
    list_display = (
        "recorded_at", "member_ref", "purpose", "decision", "revision", "channel",
        "notice_version", "position",)  # fmt: skip
    readonly_fields = ("evidence_sha256",)
    search_fields = ("=member_ref",)
    ordering = ("-pk",)
    list_per_page = 50
    paginator = CappedPaginator


@admin.register(ParkedMail)
class ParkedMailAdmin(ReadOnlyAdmin):
    """By the member's reference, as choices are: whose it is, is looked up in members."""

    explained = (
        "Confirmations that the mail server did not take, with its answer. They are tried again"
        " for about a week, and go when the mail is taken."
    )
    fields = list_display = (
        "parked_at", "member_ref", "purpose", "revision", "attempts", "retry_at", "reason",
    )  # fmt: skip
    list_select_related = ("member",)
    ordering = ("-pk",)
    list_per_page = 50
    paginator = CappedPaginator

    @admin.display
    def member_ref(self, mail: ParkedMail) -> str:
        return mail.member.member_ref


admin.site.register(Purpose)
admin.site.register(Notice, NoticeAdmin)


class AnnounceForm(forms.ModelForm):  # type: ignore[type-arg]
    reason = forms.CharField(widget=forms.Textarea, help_text="Kept in the history.")

    class Meta:
        model = Rollout
        fields = ("notice", "region", "announced_on", "starts_on")


@admin.register(Rollout)
class RolloutAdmin(RolloutActions, LaunchPages):
    """Announced by the form; every change after that is an action with a reason."""

    list_display = ("notice", "region", "phase", "announced_on", "starts_on", "paused_at", "launch")
    list_filter = ("region",)
    fields = ("notice", "region", "announced_on", "starts_on", "paused_at", "held")

    @admin.display
    def phase(self, rollout: Rollout) -> str:
        return {"before": "announced", "since": "started"}.get(rollout.phase(), "paused")

    def get_form(
        self, request: HttpRequest, obj: Rollout | None = None, change: bool = False, **kwargs: Any
    ) -> Any:
        return super().get_form(request, obj, change, **kwargs) if change else AnnounceForm

    def get_fields(self, request: HttpRequest, obj: Rollout | None = None) -> Any:
        return self.fields if obj else (*AnnounceForm.Meta.fields, "reason")

    def get_readonly_fields(self, request: HttpRequest, obj: Rollout | None = None) -> Any:
        return self.fields if obj else ()

    def has_delete_permission(self, request: HttpRequest, obj: Rollout | None = None) -> bool:
        return False

    def save_model(
        self, request: HttpRequest, obj: Rollout, form: AnnounceForm, change: bool
    ) -> None:
        if not change:
            obj.save()
            by, reason = staff(request).member_ref, form.cleaned_data["reason"]
            obj.record("announced", by=by, reason=reason)
