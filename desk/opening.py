"""A member's page is masked until the member of staff says why they look. That opens it for them,
in this browser, for a while; each look is in the access log with that reason."""

import time

from django.http import HttpRequest

from accounts.access_log import note
from accounts.models import MemberAccess
from desk.acting import CannotAct

OPEN_FOR = 15 * 60
"""Seconds for which a page stays open."""
SHORTEST_REASON = 4
MOST_OPEN = 50
"""Pages that one session keeps open."""
_KEY = "desk.opened"


def open_page(request: HttpRequest, member_ref: str, *, by: str, reason: str) -> None:
    """Raises CannotAct for a reason that is none."""
    reason = " ".join(reason.replace("\0", "").split())[:500]
    if len(reason) < SHORTEST_REASON:
        raise CannotAct("Give a ticket number, or in a few words why you look.")
    note(by=by, member_ref=member_ref, what=MemberAccess.What.SHOWN, reason=reason)
    opened = _opened(request)
    opened[member_ref] = [time.time() + OPEN_FOR, reason]
    request.session[_KEY] = dict(list(opened.items())[-MOST_OPEN:])


def reason_given(request: HttpRequest, member_ref: str) -> str:
    """Why this page is open in this session, or "" if it is not (any more)."""
    return str(_opened(request).get(member_ref, [0, ""])[1])


def _opened(request: HttpRequest) -> dict[str, list[float | str]]:
    kept: dict[str, list[float | str]] = request.session.get(_KEY, {})
    return {ref: value for ref, value in kept.items() if float(value[0]) > time.time()}
