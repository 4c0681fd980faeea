"""A page of allauth without a template of ours is still part of the site."""

from django.template.loader import render_to_string
from django.test import RequestFactory


def test_layouts_extend_ours() -> None:
    for name in ("base", "entrance", "manage"):
        page = render_to_string(f"allauth/layouts/{name}.html", request=RequestFactory().get("/"))
        assert 'id="main"' in page
