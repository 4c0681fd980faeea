"""Corrections that wait for a second person, and those that were decided."""

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.views.decorators.http import require_safe

from accounts.admin import CappedPaginator
from desk.actions import CORRECTION
from desk.models import Correction, StaffAction
from desk.pages import act_page, permitted, render, require, staff_ref
from ledger.models import Entry
from propagation.admin import ReadOnlyAdmin


@admin.register(Correction)
class CorrectionAdmin(ReadOnlyAdmin):
    list_display = ("asked_at", "state", "member_ref", "meant_ref", "asked_by", "decided_by")
    list_filter = ("state",)
    search_fields = ("=member_ref",)
    search_help_text = "The whole reference of a member"
    ordering = ("-pk",)
    list_per_page = 50
    paginator = CappedPaginator

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("<int:pk>/change/", view(self.correction_view), name="desk_correction_change"),
            path("<int:pk>/do/<slug:action>/", view(self.act_view), name="desk_correction_act"),
            *super().get_urls(),
        ]

    @method_decorator(require_safe)
    def correction_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        require(request, "desk.view_correction")
        found = get_object_or_404(Correction, pk=pk)
        mine = found.asked_by == staff_ref(request)
        waits = found.state == Correction.State.ASKED
        entry = Entry.objects.of(found.member_ref, found.purpose).get(revision=found.revision)
        context = {
            "title": f"Correction {pk}",
            "found": found,
            "entry": entry,
            "mine": mine and waits,
            "actions": permitted(request, CORRECTION) if waits and not mine else {},
            "opts": self.opts,
        }
        return render(request, "correction", context)

    def act_view(self, request: HttpRequest, pk: int, action: str) -> HttpResponse:
        require(request, "desk.view_correction")
        found = get_object_or_404(Correction, pk=pk)
        back = reverse("admin:desk_correction_change", args=[pk])
        return act_page(request, CORRECTION, action, found, back)


@admin.register(StaffAction)
class StaffActionAdmin(ReadOnlyAdmin):
    list_display = ("at", "by", "kind", "member_ref", "outcome")
    search_fields = ("=by", "=member_ref")
    search_help_text = "The whole reference of a member, or of a member of staff"
    ordering = ("-pk",)
    list_per_page = 50
    list_select_related = ("request",)
    paginator = CappedPaginator

    fields = ("at", "by", "kind", "member_ref", "reason", "outcome", "evidence_sha256", "request")
