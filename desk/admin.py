"""The desk's pages in Django admin; each module registers its own."""

from desk import dashboard_admin, pack_admin

__all__ = ["dashboard_admin", "pack_admin"]
