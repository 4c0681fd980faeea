"""Delivery events that another system reports, as JSON lines, with an answer to each line."""

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import batched
from typing import Any

from django.utils import timezone
from django.utils.dateparse import parse_datetime

from campaigns import elsewhere
from campaigns.carriers import without_addresses
from campaigns.message_ids import keys_in
from campaigns.models import Campaign, ReceivedEvent, Recipient
from campaigns.outcomes import Outcome, What

KINDS = {
    "sent": None,
    "delivered": What.DELIVERED,
    "bounced": What.NO_SUCH_ADDRESS,
    "failed": What.NOT_DELIVERED,
    "complained": What.COMPLAINT,
}
MAX_LINE = 10_000
BATCH = 1_000
KEPT = timedelta(days=400)
"""For how long a repeat is known by its id. Later it would be taken again, which does no harm."""
_EVENT_ID = re.compile(r"[!-~]{1,100}")


class BadEvent(ValueError):
    """The message says what is wrong with the line."""


@dataclass(frozen=True, slots=True)
class Event:
    event_id: str
    campaign_id: int
    recipient_id: int
    kind: str
    at: datetime
    reply: str


@dataclass(slots=True)
class Answer:
    """About one line: ``taken``, ``repeated``, ``unknown`` (no such mail) or ``bad``."""

    line: int
    result: str
    event_id: str = ""
    problem: str = ""

    def as_json(self) -> dict[str, Any]:
        named = {"line": self.line, "event_id": self.event_id, "result": self.result}
        return {**named, "problem": self.problem} if self.problem else named


def parse(line: bytes) -> Event:
    """Raises BadEvent."""
    if len(line) > MAX_LINE:
        raise BadEvent(f"It has more than {MAX_LINE:,} bytes.")
    try:
        given = json.loads(line)
    except (ValueError, RecursionError):
        raise BadEvent("It is not JSON.") from None
    if not isinstance(given, dict):
        raise BadEvent("It is no JSON object.")
    if not _EVENT_ID.fullmatch(_text(given, "event_id")):
        raise BadEvent("event_id: 1 to 100 printable ASCII characters without blanks.")
    if _text(given, "event") not in KINDS:
        raise BadEvent(f"event: one of {', '.join(KINDS)}.")
    keys = keys_in(_text(given, "id"))
    if keys is None:
        raise BadEvent("id: not the id of a link that was handed out here.")
    return Event(given["event_id"], *keys, given["event"], _time(given), _reply(given))


def _text(given: dict[str, Any], name: str) -> str:
    value = given.get(name)
    return value if isinstance(value, str) else ""


def _time(given: dict[str, Any]) -> datetime:
    """Never in the future, whatever the other system's clock says."""
    try:
        at = parse_datetime(_text(given, "at"))
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise BadEvent("at: a time by ISO 8601 with its offset, such as 2026-03-01T12:00:00Z.")
    return min(at, timezone.now())


def _reply(given: dict[str, Any]) -> str:
    return without_addresses(_text(given, "reply").encode(errors="replace").decode())


def take(lines: Iterable[bytes], source: str) -> Iterator[Answer]:
    """Write down what the lines report; empty ones are passed over. Safe to repeat, even after a
    crash in between: an event is noted as received after it is written down."""
    numbered = ((number, line) for number, line in enumerate(lines, 1) if line.strip())
    for batch in batched(numbered, BATCH):
        answers: list[Answer] = []
        events: dict[str, Event] = {}
        for number, line in batch:
            try:
                event = parse(line)
            except BadEvent as problem:
                answers.append(Answer(number, "bad", problem=str(problem)))
                continue
            repeated = event.event_id in events
            answers.append(Answer(number, "repeated" if repeated else "", event.event_id))
            events.setdefault(event.event_id, event)
        results = _take(events, source)
        for answer in answers:
            answer.result = answer.result or results[answer.event_id]
            yield answer


def _take(events: dict[str, Event], source: str) -> dict[str, str]:
    """Results by event id."""
    received = ReceivedEvent.objects.filter(source=source)
    known = set(received.filter(event_id__in=events).values_list("event_id", flat=True))
    fresh = [event for event_id, event in events.items() if event_id not in known]
    recipients = {
        (recipient.campaign_id, recipient.pk): recipient
        for recipient in Recipient.objects.filter(
            pk__in=[event.recipient_id for event in fresh]
        ).select_related("campaign__notice")
    }
    found = [event for event in fresh if _is_known(event, recipients)]
    _write(found, recipients)
    ReceivedEvent.objects.bulk_create(
        [ReceivedEvent(source=source, event_id=event.event_id) for event in found],
        ignore_conflicts=True,
    )
    results = dict.fromkeys(events, "unknown")
    results |= dict.fromkeys(known, "repeated")
    return results | {event.event_id: "taken" for event in found}


def _is_known(event: Event, recipients: Mapping[tuple[int, int], Recipient]) -> bool:
    """Of a campaign that this site sends itself, it knows itself what was sent."""
    recipient = recipients.get((event.campaign_id, event.recipient_id))
    if recipient is None:
        return False
    return event.kind != "sent" or recipient.campaign.sent_elsewhere


def _write(events: Sequence[Event], recipients: Mapping[tuple[int, int], Recipient]) -> None:
    """What was sent comes first, many at a time; a mail that came back stays that."""
    at_once: dict[Campaign, dict[int, datetime]] = defaultdict(dict)
    for event in events:
        campaign = recipients[event.campaign_id, event.recipient_id].campaign
        if campaign.sent_elsewhere and event.kind in {"sent", "delivered"}:
            at_once[campaign].setdefault(event.recipient_id, event.at)
    for campaign, times in at_once.items():
        elsewhere.sent(campaign, times)
    for event in events:
        if what := KINDS[event.kind]:
            recipient = recipients[event.campaign_id, event.recipient_id]
            elsewhere.tried(recipient)
            Outcome(what, recipient, event.at, event.reply).write()


def forget(now: datetime) -> None:
    """Drop the ids of events of long ago, so that they do not grow without end."""
    ReceivedEvent.objects.filter(received_at__lt=now - KEPT).delete()
