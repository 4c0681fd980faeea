"""Data stores and what is parked, for operators. Rows are read-only; services do the actions."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from kombu.exceptions import OperationalError

from propagation.models import Cursor, Parked, StorePause
from propagation.pausing import PauseError, pause, resume
from propagation.report import Standing, last_comparison, standing_of
from propagation.retrying import retry_now
from propagation.store_page import StorePage, exists
from propagation.tasks import reconcile_now


class ReadOnlyAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Shows rows; nobody can add, change or delete one here."""

    show_full_result_count = False
    actions = None

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class PauseForm(forms.Form):
    reason = forms.CharField(
        widget=forms.Textarea(attrs={"rows": 3, "cols": 60}),
        max_length=1_000,
        help_text="Kept in the log, and shown to everybody who wonders why the store waits.",
    )


def _standing(cursor: Cursor) -> Standing:
    """Looked up once for all columns of a row."""
    kept = vars(cursor)
    if "standing" not in kept:
        kept["standing"] = standing_of(cursor)
    standing: Standing = kept["standing"]
    return standing


def _resume(alias: str, by: str) -> str:
    resume(alias, by=by)
    return "The store is no longer paused. It goes on within seconds."


def _retry(alias: str, by: str) -> str:
    return f"The store and {retry_now(alias)} choices that it refused are tried within seconds."


def _reconcile(alias: str, by: str) -> str:
    reconcile_now.delay(alias, full=True)
    return "The store is compared with the whole ledger. The outcome will be shown below."


def _sample(alias: str, by: str) -> str:
    reconcile_now.delay(alias, full=False)
    return "A sample of the store is compared with the ledger. The outcome will be shown below."


ACTIONS: dict[str, Callable[[str, str], str]] = {
    "resume": _resume,
    "retry": _retry,
    "reconcile": _reconcile,
    "sample": _sample,
}


@admin.register(Cursor)
class CursorAdmin(ReadOnlyAdmin):
    """One row for each store and partition, and one page for each store.

    Who may see cursors sees both; "can change store" is needed for the actions.
    """

    explained = (
        "The systems that must know who objects. Position: how far along the ledger a store has"
        " confirmed. Behind: choices after it. Drift: rows that differed from the ledger when "
        "last compared."
    )
    list_display = (
        "page", "partition", "state", "position", "behind", "oldest_waiting", "limit", "parked",
        "drift", "last_error", "confirmed_at",
    )  # fmt: skip
    list_display_links = None
    ordering = ("store", "partition")

    @admin.display(description="store", ordering="store")
    def page(self, cursor: Cursor) -> str:
        url = reverse("admin:propagation_store", args=[cursor.store])
        return format_html('<a href="{}">{}</a>', url, cursor.store)

    @admin.display
    def state(self, cursor: Cursor) -> str:
        return _standing(cursor).state

    @admin.display(description="choices behind")
    def behind(self, cursor: Cursor) -> int:
        return _standing(cursor).behind

    @admin.display(description="oldest waiting since", empty_value="none")
    def oldest_waiting(self, cursor: Cursor) -> Any:
        return _standing(cursor).waiting_since

    @admin.display(description="time limit (SLA)", empty_value="none")
    def limit(self, cursor: Cursor) -> str:
        return _standing(cursor).limit

    @admin.display
    def parked(self, cursor: Cursor) -> int:
        return _standing(cursor).parked

    @admin.display(empty_value="not compared yet")
    def drift(self, cursor: Cursor) -> int | None:
        compared = last_comparison(cursor.store)
        return compared.drift if compared else None

    @admin.display(description="trouble", empty_value="none")
    def last_error(self, cursor: Cursor) -> str | None:
        return _standing(cursor).trouble or None

    def get_urls(self) -> list[URLPattern]:
        def page(route: str, view: Any, name: str) -> URLPattern:
            url: URLPattern = path(
                f"store/<slug:alias>/{route}", self.admin_site.admin_view(view), name=name
            )
            return url

        return [
            page("", self.store_view, "propagation_store"),
            page("pause/", self.pause_view, "propagation_store_pause"),
            page("do/<slug:action>/", self.act_view, "propagation_store_act"),
            *super().get_urls(),
        ]

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """The log of actions and bookmarks lead here."""
        known = object_id if object_id.isdecimal() else None
        return _to_page(get_object_or_404(Cursor, pk=known).store)

    def store_view(self, request: HttpRequest, alias: str) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        context = {"page": _page(alias), "may_act": _may_act(request), "title": alias}
        return self._render(request, "admin/propagation/store.html", context)

    def pause_view(self, request: HttpRequest, alias: str) -> HttpResponse:
        """Asks for the reason, and pauses with it."""
        _require_right(request)
        form = PauseForm(request.POST if request.method == "POST" else None)
        if request.method == "POST" and form.is_valid():
            reason = form.cleaned_data["reason"]

            def pause_with_reason(alias: str, by: str) -> str:
                pause(alias, by=by, reason=reason)
                return "The store is paused. Its time limit keeps running."

            return _act(request, alias, pause_with_reason)
        context = {"page": _page(alias), "form": form, "title": f"Pause {alias}"}
        return self._render(request, "admin/propagation/pause.html", context)

    def act_view(self, request: HttpRequest, alias: str, action: str) -> HttpResponse:
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        _require_right(request)
        if action not in ACTIONS:
            raise Http404
        return _act(request, alias, ACTIONS[action])

    def _render(self, request: HttpRequest, name: str, context: dict[str, Any]) -> HttpResponse:
        common = {**self.admin_site.each_context(request), "opts": self.opts}
        return TemplateResponse(request, name, {**common, **context})


def _page(alias: str) -> StorePage:
    if not exists(alias):
        raise Http404
    return StorePage(alias)


def _may_act(request: HttpRequest) -> bool:
    return request.user.has_perm("propagation.change_cursor")


def _require_right(request: HttpRequest) -> None:
    if not _may_act(request):
        raise PermissionDenied


def _act(request: HttpRequest, alias: str, action: Callable[[str, str], str]) -> HttpResponse:
    if not exists(alias):
        raise Http404
    try:
        text = action(alias, request.user.get_username())
    except PauseError as error:
        messages.error(request, str(error))
    except (OperationalError, OSError):
        messages.error(request, "Nothing was started: the message broker cannot be reached.")
    else:
        _log(request, alias, text)
        messages.success(request, text)
    return _to_page(alias)


def _log(request: HttpRequest, alias: str, text: str) -> None:
    cursor = Cursor.objects.filter(store=alias).first()
    assert request.user.pk  # noqa: S101 — whoever has a right is signed in
    LogEntry.objects.create(
        user_id=request.user.pk,
        content_type=ContentType.objects.get_for_model(Cursor),
        object_id=str(cursor.pk) if cursor else "",
        object_repr=alias,
        action_flag=CHANGE,
        change_message=text,
    )


def _to_page(alias: str) -> HttpResponse:
    return redirect("admin:propagation_store", alias)


@admin.register(Parked)
class ParkedAdmin(ReadOnlyAdmin):
    explained = (
        "Choices that one store refuses, with its reason. They are offered again every hour and"
        " hold nobody else up. Confirmed at: when the store took it in the end."
    )
    list_display = (
        "store", "member_ref", "purpose", "revision", "reason", "attempts", "parked_at",
        "retry_at", "confirmed_at",
    )  # fmt: skip
    list_filter = ("store", ("confirmed_at", admin.EmptyFieldListFilter))
    search_fields = ("=member_ref",)


@admin.register(StorePause)
class StorePauseAdmin(ReadOnlyAdmin):
    explained = "When staff paused a store, and why. While paused its time limit keeps running."
    list_display = ("store", "paused_at", "by", "reason", "resumed_at", "resumed_by")
    list_filter = ("store",)
    ordering = ("-pk",)
