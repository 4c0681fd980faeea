"""Whether a person pressed the button on the mail page, or a robot sent its form.

Scanners of mail open links, run scripts and submit forms. docs/adr/0008 says what each check here
is for, and what none of them stops. Whoever is not believed is asked once, by a box to tick.
"""

import time
import uuid
from uuid import UUID

from django.core import signing
from django.http import HttpRequest

from ledger.models import Decision

SALT = "consent.mail-page"
QUICK = 1.5
"""Seconds in which nobody has got the page, found the button and pressed it."""
OLD = 24 * 60 * 60
"""Seconds after which a page counts for nothing any more."""
LENGTH = 200


def page_value(shown_at: float | None = None) -> str:
    """A value for the form that says which request it is and when the page was made."""
    milliseconds = int((shown_at or time.time()) * 1000)
    return signing.Signer(salt=SALT).sign(f"{uuid.uuid4()}:{milliseconds}")


def read_press(request: HttpRequest) -> UUID | None:
    """The id of the request, if it was made by a press of the button; else None.

    The box is a person's word, and settles it.
    """
    page = _read_page(request.POST.get("page", ""))
    # A script that submits the form by itself does not send the button.
    if page is None or request.POST.get("decision") != Decision.OBJECTED:
        return None
    request_id, shown_at = page
    ticked = request.POST.get("person") == "yes"
    in_time = QUICK <= time.time() - shown_at <= OLD
    return request_id if ticked or (in_time and not _by_itself(request)) else None


def _read_page(value: str) -> tuple[UUID, float] | None:
    if len(value) > LENGTH:
        return None
    try:
        request_id, milliseconds = signing.Signer(salt=SALT).unsign(value).split(":")
        return UUID(request_id), int(milliseconds) / 1000
    except (signing.BadSignature, ValueError):
        return None


def _by_itself(request: HttpRequest) -> bool:
    """The browser says that nobody pressed anything, or that another site sent the form.

    By our script (`static/mail-page.js`) and by Fetch Metadata (W3C). Where neither says anything,
    as without JavaScript and in old browsers, that is held against nobody. Safari is not sure to
    send Sec-Fetch-User, so that it is missing says nothing there.
    """
    site, agent = request.headers.get("Sec-Fetch-Site"), request.headers.get("User-Agent", "")
    if request.POST.get("press") == "awaited" or site in {"cross-site", "same-site"}:
        return True
    tells = "Sec-CH-UA" in request.headers or "Chrome/" in agent or "Firefox/" in agent
    return site is not None and tells and request.headers.get("Sec-Fetch-User") != "?1"
