"""Message-IDs: the same for a recipient's mail whenever it is sent, and nobody else can make one.

A mail that comes twice after a crash has one id, by which mail programs and we can tell. It says
nothing about the member. Its check value keeps a forged bounce from marking members as not reached.
"""

import hashlib
import hmac
import re
from email.utils import parseaddr

from django.conf import settings

from campaigns.models import Recipient

_KIND = b"privacydash.message-id.1"
_ID = re.compile(r"<?([0-9]{1,18})\.([0-9]{1,18})\.([0-9a-f]{20})@[^\s@<>]+>?")


def sender_domain() -> str:
    return parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition("@")[2]


def local_part(campaign_id: int, recipient_id: int) -> str:
    """What stands before the @."""
    check = _check(settings.LINK_KEYS[0], campaign_id, recipient_id)
    return f"{campaign_id}.{recipient_id}.{check}"


def message_id(recipient: Recipient) -> str:
    """In angle brackets, as in the header."""
    return f"<{local_part(recipient.campaign_id, recipient.pk)}@{sender_domain()}>"


def recipient_of(text: str) -> Recipient | None:
    """Whose mail has the Message-ID; None for one that we did not make."""
    found = _ID.fullmatch(text.strip())
    if not found:
        return None
    campaign_id, recipient_id, check = int(found[1]), int(found[2]), found[3]
    if not any(
        hmac.compare_digest(check, _check(key, campaign_id, recipient_id))
        for key in settings.LINK_KEYS
    ):
        return None
    return Recipient.objects.filter(pk=recipient_id, campaign=campaign_id).first()


def _check(key: str, campaign_id: int, recipient_id: int) -> str:
    what = _KIND + f".{campaign_id}.{recipient_id}".encode()
    return hmac.digest(key.encode(), what, hashlib.sha256).hex()[:20]
