"""The embedded mode's mail: each message is a file in a folder, and can be read in a browser.

Neither the backend nor the pages are used in production (`privacydash.urls`).
"""

import email
import email.policy
import re
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from email.message import EmailMessage as ParsedMessage
from pathlib import Path

from django.conf import settings
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.csp import CSP
from django.views.decorators.cache import never_cache
from django.views.decorators.csp import csp_override
from django.views.decorators.http import require_GET

from accounts.demo_codes import demo_codes, seconds_left

NAME = re.compile(r"\A[0-9]{13}-[0-9a-f]{32}\Z")
SHOWN = 200


class EmailBackend(BaseEmailBackend):
    """Writes each message to MAIL_FOLDER, in the order in which they were sent."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        settings.MAIL_FOLDER.mkdir(parents=True, exist_ok=True)
        for message in email_messages:
            name = f"{time.time_ns() // 1_000_000:013d}-{uuid.uuid4().hex}.eml"
            draft = settings.MAIL_FOLDER / f".{name}"
            draft.write_bytes(message.message().as_bytes())
            draft.rename(settings.MAIL_FOLDER / name)
        return len(email_messages)


@dataclass(frozen=True, slots=True)
class Mail:
    """A message as the viewer shows it."""

    name: str
    subject: str
    sender: str
    to: str
    sent_at: str
    text: str
    html: str

    @property
    def html_url(self) -> str:
        return reverse("mailbox_html", args=[self.name]) if self.html else ""


@require_GET
def mailbox(request: HttpRequest) -> HttpResponse:
    paths = sorted(settings.MAIL_FOLDER.glob("[0-9]*.eml"), reverse=True)[:SHOWN]
    return render(request, "privacydash/mailbox.html", {"messages": [_read(p) for p in paths]})


@require_GET
@never_cache
def codes(request: HttpRequest) -> HttpResponse:
    """Second factors of the demo's staff, whose phones nobody has."""
    context = {"codes": demo_codes(), "seconds_left": seconds_left()}
    return render(request, "privacydash/mailbox_codes.html", context)


@require_GET
def message(request: HttpRequest, name: str) -> HttpResponse:
    return render(request, "privacydash/mailbox_message.html", {"message": _find(name)})


# As a mail program shows it: with the styles in it, without any script.
MAIL_CSP = {
    "default-src": [CSP.NONE],
    "style-src": [CSP.UNSAFE_INLINE],
    "frame-ancestors": [CSP.NONE],
}


@require_GET
@csp_override(MAIL_CSP)
def message_html(request: HttpRequest, name: str) -> HttpResponse:
    return HttpResponse(_find(name).html)


def _find(name: str) -> Mail:
    path = settings.MAIL_FOLDER / f"{name}.eml"
    if not NAME.match(name) or not path.exists():
        raise Http404
    return _read(path)


def _read(path: Path) -> Mail:
    parsed = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
    assert isinstance(parsed, ParsedMessage)  # noqa: S101 — what the default policy makes
    return Mail(
        name=path.stem,
        subject=str(parsed["Subject"]),
        sender=str(parsed["From"]),
        to=str(parsed["To"]),
        sent_at=str(parsed["Date"]),
        text=_part(parsed, "plain"),
        html=_part(parsed, "html"),
    )


def _part(parsed: ParsedMessage, kind: str) -> str:
    part = parsed.get_body((kind,))
    return str(part.get_content()) if part else ""
