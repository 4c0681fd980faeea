"""Notices, rollouts and choices in Django admin. Choices are read-only."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest

from accounts.admin import CappedPaginator
from consent import access_admin  # noqa: F401 (registers the log of access)
from consent.launch_admin import LaunchPages
from consent.models import Notice, NoticeText, ParkedMail, Purpose, Rollout, RolloutChange
from ledger.models import Entry
from propagation.admin import ReadOnlyAdmin


@admin.register(Entry)
class ChoiceAdmin(ReadOnlyAdmin):
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


class NoticeTextInline(admin.StackedInline):  # type: ignore[type-arg]
    model = NoticeText
    extra = 0

    def has_add_permission(self, request: HttpRequest, obj: Notice | None = None) -> bool:
        return _draft(obj)

    def has_change_permission(self, request: HttpRequest, obj: Notice | None = None) -> bool:
        return _draft(obj)

    def has_delete_permission(self, request: HttpRequest, obj: Notice | None = None) -> bool:
        return _draft(obj)


def _draft(notice: Notice | None) -> bool:
    return notice is None or notice.published_at is None


@admin.register(Notice)
class NoticeAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = (
        "__str__",
        "published_at",
    )
    readonly_fields = ("published_at",)
    inlines = (NoticeTextInline,)
    actions = ("publish",)

    def has_change_permission(self, request: HttpRequest, obj: Notice | None = None) -> bool:
        return super().has_change_permission(request, obj) and _draft(obj)

    def has_delete_permission(self, request: HttpRequest, obj: Notice | None = None) -> bool:
        return obj is not None and super().has_delete_permission(request, obj) and _draft(obj)

    @admin.action(description="Publish: show to members, then immutable", permissions=["change"])
    def publish(self, request: HttpRequest, notices: QuerySet[Notice]) -> None:
        for notice in notices:
            try:
                notice.publish()
            except ValidationError as error:
                text = f"{notice} was not published: {'; '.join(error.messages)}"
                self.message_user(request, text, messages.ERROR)
            else:
                self.message_user(request, f"{notice} is published.", messages.SUCCESS)


class RolloutChangeInline(admin.TabularInline):  # type: ignore[type-arg]
    model = RolloutChange
    extra = 0
    can_delete = False
    readonly_fields = (
        "kind",
        "at",
        "by",
        "reason",
        "starts_on",
    )

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class RolloutForm(forms.ModelForm):  # type: ignore[type-arg]
    paused = forms.BooleanField(required=False, help_text="While paused, no data is used.")
    reason = forms.CharField(widget=forms.Textarea, help_text="Kept in the history.")

    class Meta:
        model = Rollout
        fields = (
            "notice",
            "region",
            "announced_on",
            "starts_on",
        )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["paused"].initial = bool(self.instance.paused_at)

    def clean(self) -> None:
        """The model's own constraint is left out where announced_on is not in the form."""
        super().clean()
        announced = self.cleaned_data.get("announced_on") or self.instance.announced_on
        starts = self.cleaned_data.get("starts_on")
        if announced and starts and starts < announced:
            self.add_error("starts_on", "A change is announced before it starts.")


@admin.register(Rollout)
class RolloutAdmin(LaunchPages):
    form = RolloutForm
    list_display = (
        "notice",
        "region",
        "announced_on",
        "starts_on",
        "paused_at",
        "launch",
    )
    list_filter = ("region",)
    inlines = (RolloutChangeInline,)

    def get_readonly_fields(self, request: HttpRequest, obj: Rollout | None = None) -> list[str]:
        return ["notice", "region", "announced_on"] if obj else []

    def has_delete_permission(self, request: HttpRequest, obj: Rollout | None = None) -> bool:
        return False

    def save_model(
        self, request: HttpRequest, obj: Rollout, form: RolloutForm, change: bool
    ) -> None:
        """Every change goes through the rollout's own methods, which keep the history."""
        who = {"by": request.user.get_username(), "reason": form.cleaned_data["reason"]}
        if not change:
            obj.save()
            obj.record("announced", **who)
        if "starts_on" in form.changed_data and change:
            obj.reschedule(obj.starts_on, **who)
        if form.cleaned_data["paused"] and not obj.paused_at:
            obj.pause(**who)
        elif obj.paused_at and not form.cleaned_data["paused"]:
            obj.resume(**who)
