"""The log of access to members in Django admin: read, searched and exported, never changed."""

import csv
from collections.abc import Iterator
from itertools import batched
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, StreamingHttpResponse
from django.urls import URLPattern, path

from accounts.access_log import note
from accounts.admin import CappedPaginator
from accounts.csv_safe import safe_row
from accounts.models import MemberAccess, UnusualAccess
from propagation.admin import ReadOnlyAdmin

COLUMNS = ("at", "by", "what", "member_ref", "reason")
STEP = 2_000
"""Rows that an export reads at a time."""


@admin.register(MemberAccess)
class MemberAccessAdmin(ReadOnlyAdmin):
    """Not in accounts, which imports nothing of propagation."""

    explained = (
        "Who of staff saw, found or changed which member, when, and for which reason. All by "
        "reference. Nobody can change or delete an entry."
    )
    list_display = COLUMNS
    search_fields = ("=by", "=member_ref")
    search_help_text = "The whole reference of a member, or of a member of staff"
    ordering = ("-pk",)
    list_per_page = 50
    paginator = CappedPaginator
    change_list_template = "admin/accounts/memberaccess/change_list.html"

    def get_urls(self) -> list[URLPattern]:
        export = self.admin_site.admin_view(self.export)
        return [
            path("export.csv", export, name="accounts_memberaccess_export"),
            *super().get_urls(),
        ]

    def export(self, request: HttpRequest) -> StreamingHttpResponse:
        """What the list shows for the same search, all of it, the newest first."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        assert request.user.is_authenticated  # noqa: S101 (who may view is signed in)
        term = request.GET.get("q", "").strip()
        note(
            by=request.user.member_ref,
            member_ref="",
            what=MemberAccess.What.EXPORTED,
            reason=f"the log of access{f' of {term}' if term else ''}",
        )
        found, _many = self.get_search_results(request, MemberAccess.objects.all(), term)
        answer = StreamingHttpResponse(_lines(found), content_type="text/csv; charset=utf-8")
        answer["Content-Disposition"] = 'attachment; filename="access-to-members.csv"'
        return answer


class _Line:
    """What `csv.writer` writes to: gives each line back."""

    def write(self, line: str) -> str:
        return line


def _lines(found: "QuerySet[MemberAccess]") -> Iterator[str]:
    writer = csv.writer(_Line())
    yield writer.writerow(COLUMNS)
    for rows in batched(_by_key(found), 200):
        yield "".join(writer.writerow(safe_row(row)) for row in rows)


def _by_key(found: "QuerySet[MemberAccess]") -> Iterator[tuple[Any, ...]]:
    """By key, so that no step is slower than the first, and no connection waits for a reader."""
    found, last = found.order_by("-pk"), None
    while True:
        rows = found.filter(pk__lt=last) if last else found
        step = list(rows.values_list("pk", *COLUMNS)[:STEP])
        if not step:
            return
        for key, at, *values in step:
            yield (at.isoformat(), *values)
            last = key


@admin.register(UnusualAccess)
class UnusualAccessAdmin(ReadOnlyAdmin):
    explained = (
        "What stood out in the log: one row a day for each kind and each member of staff. It "
        "can be right, on a busy day: ask before you judge."
    )
    list_display = ("day", "kind", "by", "members", "first_at", "last_at")
    list_filter = ("kind",)
    search_fields = ("=by",)
    search_help_text = "The whole reference of a member of staff"
    ordering = ("-day", "-pk")
    list_per_page = 50
    paginator = CappedPaginator
