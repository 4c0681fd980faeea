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
_ID = re.compile(r"<?([0-9a-f.]{1,60})@[^\s@<>]+>?")
_LOCAL = re.compile(r"([0-9]{1,18})\.([0-9]{1,18})\.([0-9a-f]{20})")


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
    keys = keys_in(found[1]) if found else None
    return Recipient.objects.filter(campaign=keys[0], pk=keys[1]).first() if keys else None


def keys_in(local: str) -> tuple[int, int] | None:
    """The keys of campaign and recipient in what `local_part` has made; None for anything else."""
    found = _LOCAL.fullmatch(local)
    if not found:
        return None
    keys = int(found[1]), int(found[2])
    if any(hmac.compare_digest(found[3], _check(key, *keys)) for key in settings.LINK_KEYS):
        return keys
    return None


def _check(key: str, campaign_id: int, recipient_id: int) -> str:
    what = _KIND + f".{campaign_id}.{recipient_id}".encode()
    return hmac.digest(key.encode(), what, hashlib.sha256).hex()[:20]
