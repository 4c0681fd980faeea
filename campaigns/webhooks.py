"""What mail services report by webhook, in the words of django-anymail, for mails of campaigns."""

from datetime import datetime
from typing import Any

from anymail.signals import AnymailTrackingEvent, EventType, RejectReason, tracking
from anymail.urls import urlpatterns as all_services
from django.dispatch import receiver
from django.urls import URLPattern
from django.utils import timezone

from campaigns.carriers import without_addresses
from campaigns.message_ids import recipient_of
from campaigns.models import Recipient
from campaigns.outcomes import Outcome, What
from campaigns.returned import failed_as

_NOT_DELIVERED = {EventType.BOUNCED, EventType.REJECTED, EventType.FAILED}
_PATHS = {pattern.name: pattern for pattern in all_services}


def name_of(service: str) -> str:
    """Anymail's name of the service's address, such as "mailgun_tracking_webhook"."""
    return "mandrill_webhook" if service == "mandrill" else f"{service}_tracking_webhook"


def known(service: str) -> bool:
    return name_of(service) in _PATHS


def paths(services: list[str]) -> list[URLPattern]:
    """Where these services report to; Anymail checks the secret. Names not `known` have none."""
    return [_PATHS[name_of(service)] for service in services if known(service)]


# An exception is answered by 500, and the service reports again.
@receiver(tracking)
def reported(event: AnymailTrackingEvent, **kwargs: Any) -> None:
    """Write down what became of a mail of ours; anything else is passed over."""
    what = _what(event)
    recipient = _recipient(event) if what is not What.NOTHING else None
    if recipient is None:
        return
    reply = without_addresses(str(event.mta_response or event.description or ""))
    Outcome(what, recipient, _time(event), reply, event.recipient or None).write()


def _what(event: AnymailTrackingEvent) -> What:
    if event.event_type == EventType.DELIVERED:
        return What.DELIVERED
    if event.event_type == EventType.COMPLAINED:
        return What.COMPLAINT
    if event.event_type not in _NOT_DELIVERED:
        return What.NOTHING
    if event.reject_reason == RejectReason.INVALID:
        return What.NO_SUCH_ADDRESS
    if event.reject_reason != RejectReason.BOUNCED:
        return What.NOT_DELIVERED
    # Some services call a full mailbox so too: the server's own words decide, if there are any.
    return failed_as(str(event.mta_response)) if event.mta_response else What.NO_SUCH_ADDRESS


def _recipient(event: AnymailTrackingEvent) -> Recipient | None:
    """By our Message-ID, which was sent along, or which the service took for its own."""
    metadata = event.metadata if isinstance(event.metadata, dict) else {}
    ids = (metadata.get("message_id"), event.message_id)
    return next((found for text in ids if text and (found := recipient_of(str(text)))), None)


def _time(event: AnymailTrackingEvent) -> datetime:
    """Never in the future, whatever the service's clock says."""
    now, at = timezone.now(), event.timestamp
    return min(at, now) if at is not None and at.tzinfo else now
