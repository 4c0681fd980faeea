"""Evidence packs in Django admin: asked for, watched, downloaded."""

from contextlib import suppress
from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from kombu.exceptions import OperationalError

from accounts.admin import CappedPaginator
from accounts.regions import Region
from consent.notice_admin import staff
from desk.pack_scope import PackError, Scope, scope_of
from desk.packing import ask, file_of, note_export
from desk.packs import EvidencePack
from desk.tasks import make_packs
from propagation.admin import ReadOnlyAdmin

MONTH = timedelta(days=30)
_DAY = forms.DateInput(attrs={"type": "date"})


class PackForm(forms.Form):
    region = forms.ChoiceField(
        required=False,
        choices=[("", "all regions"), *((region.value, region.value) for region in Region)],
    )
    since = forms.DateField(label="From", widget=_DAY)
    until = forms.DateField(label="To", widget=_DAY, help_text="This day is in it. Days are UTC.")
    member_ref = forms.CharField(
        label="About one member",
        required=False,
        max_length=64,
        help_text="Their reference. The pack then has all that is held about them, and nothing "
        "about others. Empty: about everybody, without naming anybody.",
    )

    def clean(self) -> None:
        super().clean()
        self.scope: Scope | None = None
        if not self.errors:
            try:
                self.scope = scope_of(**self.cleaned_data)
            except PackError as error:
                self.add_error(None, str(error))


@admin.register(EvidencePack)
class EvidencePackAdmin(ReadOnlyAdmin):
    list_display = ("__str__", "asked_by", "asked_at", "step", "size", "file", "purged_at")
    fields = (
        "region", "since", "until", "member_ref", "asked_by", "asked_at", "step", "error",
        "finished_at", "size", "sha256", "purged_at", "file",
    )  # fmt: skip
    readonly_fields = ("file",)
    list_per_page = 50
    ordering = ("-pk",)
    paginator = CappedPaginator
    change_list_template = "admin/desk/packs.html"

    @admin.display(empty_value="none")
    def file(self, pack: EvidencePack) -> str | None:
        if not pack.is_there:
            return None
        url = reverse("admin:desk_evidencepack_file", args=[pack.pk])
        return format_html('<a href="{}">Download</a>', url)

    def get_urls(self) -> list[URLPattern]:
        def page(route: str, view: Any, name: str) -> URLPattern:
            url: URLPattern = path(route, self.admin_site.admin_view(view), name=name)
            return url

        return [
            page("make/", self.make_view, "desk_evidencepack_make"),
            page("<int:pk>/file/", self.file_view, "desk_evidencepack_file"),
            *super().get_urls(),
        ]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        known = {"may_make": _may_make(request)}
        return super().changelist_view(request, (extra_context or {}) | known)

    def make_view(self, request: HttpRequest) -> HttpResponse:
        """Asks what it is to be about, and has it made."""
        if not _may_make(request):
            raise PermissionDenied
        today = timezone.now().date()
        form = PackForm(request.POST or None, initial={"since": today - MONTH, "until": today})
        if request.method == "POST" and form.is_valid() and form.scope:
            ask(form.scope, by=staff(request).member_ref)
            _hint()
            messages.success(request, "It is being made. Load this page again to see how far.")
            return redirect("admin:desk_evidencepack_changelist")
        title = {"opts": self.opts, "title": "Make an evidence pack", "form": form}
        context = {**self.admin_site.each_context(request), **title}
        return TemplateResponse(request, "admin/desk/make_pack.html", context)

    def file_view(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        if not self.has_view_permission(request):
            raise PermissionDenied
        pack = get_object_or_404(EvidencePack, pk=pk)
        if not pack.is_there or not file_of(pack).exists():
            raise Http404
        note_export(pack, by=staff(request).member_ref)
        answer = FileResponse(
            file_of(pack).open("rb"),
            as_attachment=True,
            filename=pack.file_name,
            content_type="application/zip",
        )
        answer["Cache-Control"] = "no-store, private"
        return answer


def _may_make(request: HttpRequest) -> bool:
    return request.user.has_perm("desk.make_evidencepack")


def _hint() -> None:
    with suppress(OperationalError, OSError):  # the next sweep finds it
        make_packs.delay()
