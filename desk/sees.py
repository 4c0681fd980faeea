"""What a member sees right now, as a picture of their page: nothing in it works."""

import re
import uuid

from django.conf import settings
from django.template.loader import render_to_string
from django.utils import translation

from accounts.languages import language_of
from accounts.models import Member
from consent.dashboard import current_notice, page_for

_WORKS = re.compile(r"<form\b[^>]*>|</form>|<input\b[^>]*>|<script\b.*?</script>", re.DOTALL)
_LINK = re.compile(r'(<a\b[^>]*?)\shref="[^"]*"')
_BUTTON = re.compile(r"<button\b")
_LIVE = re.compile(r'\sdata-hx-[a-z-]+="[^"]*"')


def as_seen(member: Member) -> str:
    """The HTML of the member's page, in their language, without anything that can be pressed.

    The answer that carries it also forbids forms and scripts (CSP ``sandbox``), so that a mistake
    here cannot press a button.
    """
    with translation.override(language_of(member)):
        notice = current_notice()
        if notice is None:
            return _still(render_to_string("consent/no_notice.html", _common(member)))
        context = page_for(member, notice).context(member)
        context["form"] = {"request_id": uuid.UUID(int=0), "seen": ""}
        return _still(render_to_string("consent/dashboard.html", {**_common(member), **context}))


def _common(member: Member) -> dict[str, object]:
    """What the context processors give to the member; without a request they do not run."""
    return {
        "user": member,
        "operator_name": settings.OPERATOR_NAME,
        "operator_email": settings.OPERATOR_PRIVACY_EMAIL,
        "operator_accent": settings.OPERATOR_ACCENT,
        "operator_logo": settings.OPERATOR_LOGO,
    }


def _still(html: str) -> str:
    for pattern, instead in ((_WORKS, ""), (_LINK, r"\1"), (_LIVE, ""),
                             (_BUTTON, "<button disabled")):  # fmt: skip
        html = pattern.sub(instead, html)
    return html
