"""The inbox of requests, and a page for each."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.utils import timezone, translation
from django.utils.decorators import method_decorator
from django.views.decorators.http import require_safe

from accounts.access_log import note
from accounts.admin import CappedPaginator
from accounts.languages import language_of
from accounts.models import Member, MemberAccess
from consent.my_data_views import as_html, as_json
from desk.actions import REQUEST
from desk.models import MemberRequest
from desk.pages import act_page, permitted, render, require, staff_ref
from propagation.admin import ReadOnlyAdmin

FILES = {"json": as_json, "html": as_html}


class StateFilter(admin.SimpleListFilter):
    """Each is a range of an index; those that wait are shown unless something else is asked for."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [
            ("overdue", "overdue"),
            ("near", "near the deadline"),
            ("mine", "mine, open"),
            ("nobody", "nobody's, open"),
            ("closed", "answered"),
        ]

    def choices(self, changelist: Any) -> Any:
        for choice in super().choices(changelist):
            yield {**choice, "display": "open"} if choice["display"] == "All" else choice

    def queryset(self, request: HttpRequest, queryset: Any) -> QuerySet[MemberRequest]:
        today = timezone.localdate()
        asked = {
            "overdue": queryset.overdue(today),
            "near": queryset.near(today),
            "mine": queryset.open().filter(owner=staff_ref(request)),
            "nobody": queryset.open().filter(owner=""),
            "closed": queryset.closed(),
        }
        found: QuerySet[MemberRequest] = asked.get(self.value() or "", queryset.open())
        return found


@admin.register(MemberRequest)
class RequestAdmin(ReadOnlyAdmin):
    list_display = ("due_on", "state", "kind", "member_ref", "owner", "received_on")
    list_filter = (StateFilter, "kind")
    search_fields = ("=member_ref",)
    search_help_text = "The whole reference of a member"
    ordering = ("due_on", "pk")
    sortable_by = ("due_on",)
    list_per_page = 50
    paginator = CappedPaginator

    def get_urls(self) -> list[URLPattern]:
        def page(route: str, view: Any, name: str) -> URLPattern:
            wrapped = self.admin_site.admin_view(view)
            url: URLPattern = path(f"<int:pk>/{route}", wrapped, name=f"desk_memberrequest_{name}")
            return url

        return [
            page("change/", self.request_view, "change"),
            page("do/<slug:action>/", self.act_view, "act"),
            page("my-data.<slug:kind>", self.my_data_view, "my_data"),
            *super().get_urls(),
        ]

    @method_decorator(require_safe)
    def request_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        require(request, "desk.view_memberrequest")
        found = get_object_or_404(MemberRequest, pk=pk)
        note(
            by=staff_ref(request),
            member_ref=found.member_ref,
            what=MemberAccess.What.VIEWED,
            reason=f"request {pk}",
        )
        may_export = request.user.has_perm("desk.export_member")
        context = {
            "title": f"Request {pk}",
            "found": found,
            "actions": {} if found.closed_at else _fitting(request, found),
            "may_export": may_export and found.kind == MemberRequest.Kind.ACCESS,
            "opts": self.opts,
        }
        return render(request, "request", context)

    def act_view(self, request: HttpRequest, pk: int, action: str) -> HttpResponse:
        require(request, "desk.view_memberrequest")
        found = get_object_or_404(MemberRequest, pk=pk)
        return act_page(request, REQUEST, action, found, _address(pk))

    @method_decorator(require_safe)
    def my_data_view(self, request: HttpRequest, pk: int, kind: str) -> HttpResponse:
        """All that is held about who asked for it, to be sent on to them."""
        require(request, "desk.export_member")
        found = get_object_or_404(MemberRequest.objects.open(), pk=pk)
        if found.kind != MemberRequest.Kind.ACCESS:
            raise PermissionDenied
        if kind not in FILES:
            raise Http404
        member = get_object_or_404(Member, member_ref=found.member_ref)
        note(
            by=staff_ref(request),
            member_ref=member.member_ref,
            what=MemberAccess.What.EXPORTED,
            reason=f"request {pk}",
        )
        with translation.override(language_of(member)):
            return FILES[kind](request, member)


def _fitting(request: HttpRequest, found: MemberRequest) -> dict[str, Any]:
    left_out = set() if found.kind == MemberRequest.Kind.ERASURE else {"erase"}
    left_out |= {"extend"} if found.extended_at or found.overdue else set()
    return {n: a for n, a in permitted(request, REQUEST).items() if n not in left_out}


def _address(pk: int) -> str:
    return reverse("admin:desk_memberrequest_change", args=[pk])
