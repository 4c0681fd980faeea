"""Mails that come back, read with the standard library: delivery status notifications (RFC 3464,
and 6533 for addresses beyond ASCII) and complaints of mailbox providers (ARF, RFC 5965).

Whose mail it was says our Message-ID in the headers that are returned, which nobody else can make.
A report without any headers counts by its address, for a mail that went there lately.
"""

import re
from collections.abc import Iterator
from datetime import timedelta
from email import message_from_bytes, message_from_string
from email.message import Message
from email.utils import parseaddr

from django.utils import timezone

from campaigns.carriers import without_addresses
from campaigns.message_ids import recipient_of
from campaigns.models import Recipient
from campaigns.outcomes import Outcome, What

LATELY = timedelta(days=30)
LARGEST = 5_000_000
"""Bytes; a report that returns a whole notice has 40 kB."""

_STATUS_TYPES = {"message/delivery-status", "message/global-delivery-status"}
_HEADERS_TYPES = {
    "message/rfc822", "message/rfc822-headers", "text/rfc822-headers", "message/global",
    "message/global-headers",
}  # fmt: skip
_STATUS = re.compile(r"\b([245])\.([0-9]{1,3})\.([0-9]{1,3})\b")
_REPLY = re.compile(r"\b([245])[0-9]{2}\b")
_NOT_THE_ADDRESS = re.compile(r"1\.[78]|2\.[23]|3\..*|4\.[567]|[567]\..*")
"""RFC 3463, after "5.": the sender, a full mailbox, the system, a loop, the protocol, the content,
a policy. The member may well get the next mail."""
_NO_COMPLAINTS = {"not-spam", "auth-failure", "dmarc"}


class NotUnderstood(Exception):
    """No report about a mail of ours; the message says why, in words for staff."""


def read(data: bytes) -> Outcome:
    """What the mail reports. Raises NotUnderstood, and nothing else, whatever the bytes are."""
    if len(data) > LARGEST:
        raise NotUnderstood(f"It has more than {LARGEST:,} bytes.")
    try:
        return _read(message_from_bytes(data))
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise NotUnderstood(f"It is broken ({type(error).__name__}).") from error


def _read(mail: Message) -> Outcome:
    returned = next((_headers(part) for part in _parts(mail, _HEADERS_TYPES)), None)
    for part in _parts(mail, _STATUS_TYPES):
        return _status(part, returned)
    for part in _parts(mail, {"message/feedback-report"}):
        return _feedback(_first(part), returned)
    raise NotUnderstood("It is no report about a mail that came back.")


def _status(part: Message, returned: Message | None) -> Outcome:
    """Our mails have one recipient each: of several blocks the worst counts."""
    blocks = [block for block in _blocks(part) if block["Action"]]
    if not blocks:
        raise NotUnderstood("The report says of no recipient what was done.")
    worst = min(blocks, key=_order)
    address = _address_in(returned, worst["Original-Recipient"], worst["Final-Recipient"])
    diagnostic = _text(worst["Diagnostic-Code"]).partition(";")[2].strip()
    return Outcome(
        _what(worst),
        _recipient(returned, address),
        timezone.now(),
        without_addresses(diagnostic or _text(worst["Status"])),
        address,
    )


def _action(block: Message) -> str:
    return _text(block["Action"]).partition("(")[0].strip().lower()


def _order(block: Message) -> int:
    actions = ["failed", "delivered"]
    return actions.index(_action(block)) if _action(block) in actions else len(actions)


def _what(block: Message) -> What:
    if _action(block) == "delivered":
        return What.DELIVERED
    if _action(block) != "failed":
        return What.NOTHING  # delayed, relayed, expanded
    return failed_as(f"{_text(block['Status'])} {_text(block['Diagnostic-Code'])}")


def failed_as(words: str) -> What:
    """By the status of a mail that failed for good, in words such as "5.1.1 (no such user)"."""
    if status := _STATUS.search(words):
        permanent = status[1] == "5"
        gone = permanent and not _NOT_THE_ADDRESS.fullmatch(f"{status[2]}.{status[3]}")
    else:
        code = _REPLY.search(words)
        gone = code is not None and code[1] == "5"
    return What.NO_SUCH_ADDRESS if gone else What.NOT_DELIVERED


def _feedback(fields: Message, returned: Message | None) -> Outcome:
    kind = _text(fields["Feedback-Type"]).strip().lower()
    if not kind:
        raise NotUnderstood("The complaint does not say of which kind it is.")
    what = What.NOTHING if kind in _NO_COMPLAINTS else What.COMPLAINT
    address = _address_in(returned, fields["Original-Rcpt-To"])
    return Outcome(what, _recipient(returned, address), timezone.now(), address=address)


def _recipient(returned: Message | None, address: str | None) -> Recipient:
    if returned is not None and returned["Message-ID"]:
        found = recipient_of(_text(returned["Message-ID"]))
    else:
        found = _by_address(address)
    if found is None:
        raise NotUnderstood("It is about a mail that no campaign has sent.")
    return found


def _by_address(address: str | None) -> Recipient | None:
    """Who was mailed to at the address, last and lately."""
    if not address or "\0" in address:
        return None
    sent = Recipient.objects.filter(
        member__email=address.lower(),
        state=Recipient.State.SENT,
        sent_at__gte=timezone.now() - LATELY,
    )
    return sent.order_by("-sent_at").first()


def _address_in(returned: Message | None, *fields: object) -> str | None:
    """Where we had sent it; where it was forwarded to after that is the last that counts."""
    if returned is not None and returned["To"]:
        return parseaddr(_text(returned["To"]))[1] or None
    for field in fields:
        kind, _, address = _text(field).partition(";")
        if found := parseaddr(address if _ else kind)[1]:
            return found
    return None


def _parts(mail: Message, types: set[str]) -> list[Message]:
    """Its own parts of one of these types, in their order."""
    return [part for part in _inner(mail) if part.get_content_type() in types]


def _inner(mail: Message) -> list[Message]:
    payload = mail.get_payload()
    return [p for p in payload if isinstance(p, Message)] if isinstance(payload, list) else []


def _headers(part: Message) -> Message:
    """The headers of the mail that is returned, whole or without its body."""
    if part.get_content_maintype() == "message":
        return _first(part)
    payload = part.get_payload(decode=True)
    return message_from_bytes(payload if isinstance(payload, bytes) else b"")


def _first(part: Message) -> Message:
    """What the parser has made of a message within the message."""
    inner = _inner(part)
    return inner[0] if inner else Message()


def _blocks(part: Message) -> Iterator[Message]:
    """The groups of fields of a status, one for each recipient, and one for all of them."""
    if part.get_content_type() == "message/delivery-status":
        yield from _inner(part)
        return
    for block in re.split(r"\n\s*\n", _first(part).as_string()):
        yield message_from_string(block.strip() + "\n")


def _text(field: object) -> str:
    """A header as one line of text; the parser gives what is not ASCII as an object."""
    return " ".join(str(field or "").split())
