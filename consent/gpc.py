"""Global Privacy Control (W3C): a browser asks not to have data sold or shared.

That is not an objection to what this site is about, unless the operator takes it as one
(GPC_OBJECTS): then the first sign-in with it records an objection where there is no choice yet.
"""

import logging
import uuid
from typing import Any

from allauth.account.signals import user_logged_in
from django.conf import settings
from django.db import Error as DatabaseError
from django.dispatch import receiver
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe

from accounts.languages import language_of
from accounts.models import Member
from consent.dashboard import current_notice
from consent.services import record_choice
from ledger.models import Channel, Decision

logger = logging.getLogger(__name__)


def asks(request: HttpRequest) -> bool:
    return request.headers.get("Sec-GPC") == "1"


def context(request: HttpRequest) -> dict[str, bool]:
    """For all templates: whether the browser asks, and whether that counts at sign-in."""
    return {"gpc_asks": asks(request), "gpc_objects": settings.GPC_OBJECTS}


@require_safe
def support(request: HttpRequest) -> JsonResponse:
    """``/.well-known/gpc.json``: whether this site does as the browser asks, and since when."""
    return JsonResponse({"gpc": settings.GPC_OBJECTS, "lastUpdate": settings.GPC_LAST_UPDATE})


@receiver(user_logged_in)
def object_at_sign_in(request: HttpRequest, user: Member, **kwargs: Any) -> None:
    """Never where there is a choice, whichever it is. A failure does not keep a member out: the
    next sign-in tries again."""
    if not (settings.GPC_OBJECTS and asks(request)):
        return
    notice = current_notice()
    if notice is None:
        return
    try:
        record_choice(
            member_ref=user.member_ref,
            purpose=notice.purpose_id,
            decision=Decision.OBJECTED,
            channel=Channel.GPC,
            request_id=uuid.uuid4(),
            # The notice that the page shows next.
            notice_version=notice.version,
            notice_language=notice.text(language_of(user)).language,
            expected_revision=0,
        )
    except DatabaseError:
        logger.exception("an objection by GPC was not saved")
