"""Every address of the site, as the resolver knows it: a new page is found by itself."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.contrib import admin
from django.urls import URLPattern, URLResolver, get_resolver

STANDARD = ("changelist", "add", "history", "delete", "change")
SITE = {
    "index", "login", "logout", "password_change", "password_change_done", "autocomplete",
    "jsi18n", "view_on_site", "app_list",
}  # fmt: skip


@dataclass(frozen=True)
class Page:
    name: str
    route: str
    is_admin: bool


def pages() -> list[Page]:
    return list(_below(get_resolver(), "", False))


def _below(resolver: URLResolver, prefix: str, is_admin: bool) -> Iterator[Page]:
    for found in resolver.url_patterns:
        route = prefix + str(found.pattern)
        inside = is_admin or getattr(found, "app_name", None) == "admin"
        if isinstance(found, URLPattern):
            yield Page(found.name or "", route, inside)
        else:
            yield from _below(found, route, inside)


def models() -> dict[str, type[Any]]:
    """Those in admin, by label."""
    return {model._meta.label_lower: model for model in admin.site._registry}


def custom_admin_pages() -> set[str]:
    """Names of pages in admin that are neither Django's own nor the usual ones of a model."""
    usual = {
        f"{label.replace('.', '_')}_{page}" for label in models() for page in STANDARD
    }  # fmt: skip
    return {page.name for page in pages() if page.is_admin and page.name} - usual - SITE


def other_pages() -> set[str]:
    """Names, or routes where there is no name, of all that is not admin."""
    return {page.name or page.route for page in pages() if not page.is_admin}
