"""The desk's pages in Django admin; each module registers its own."""

from desk import correction_admin, dashboard_admin, member_admin, pack_admin, request_admin

__all__ = [
    "correction_admin", "dashboard_admin", "member_admin", "pack_admin", "request_admin",
]  # fmt: skip
