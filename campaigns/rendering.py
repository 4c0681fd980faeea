"""Mails as bytes: built once for each group of a campaign's recipients, then filled in.

What is filled in comes from fixed alphabets (`Personal`), so that it needs no escaping in HTML, no
encoding in quoted-printable, and cannot break a header.
"""

import re
from binascii import b2a_qp
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from django.conf import settings
from django.utils.encoding import punycode

from campaigns.mailing import reminders_url
from campaigns.message_ids import local_part, sender_domain
from campaigns.models import Message, Recipient
from campaigns.wording import OBJECT_SLOT, REMINDERS_SLOT
from consent.links import REMINDERS, Link, make_token

BOUNDARY = "=_privacydash_notice"
"""Quoted-printable text never has "=_" in it (RFC 2045, section 6.7)."""
_ASCII = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+")
_UNICODE = re.compile(r"[^\s\x00-\x20\x7f-\x9f()<>\[\]:;@\\,\"\ud800-\udfff\u2028\u2029]+")
_DOMAIN = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?")


@dataclass(frozen=True, slots=True)
class Address:
    """``utf8``: only a server with SMTPUTF8 (RFC 6531) can take mails to it."""

    text: str
    utf8: bool


def address_of(email: str) -> Address | None:
    """The address as it can stand in a header and an envelope; None if it cannot."""
    local, at, domain = email.rpartition("@")
    try:
        domain = punycode(domain)
    except UnicodeError:
        return None
    if not at or len(email) > 254 or not _DOMAIN.fullmatch(domain) or ".." in domain:
        return None
    if not _UNICODE.fullmatch(local) or local.startswith(".") or local.endswith("."):
        return None
    return Address(f"{local}@{domain}", utf8=not _ASCII.fullmatch(local))


@dataclass(frozen=True, slots=True)
class Personal:
    """The parts of a mail that are one recipient's own."""

    to: bytes
    date: bytes
    message_id: bytes
    object_token: bytes
    reminders_token: bytes


def personal(recipient: Recipient, notice_id: int, address: Address, now: datetime) -> Personal:
    """Raises ValueError for a recipient whose member is gone."""
    if recipient.member_id is None:
        raise ValueError("the member is gone")
    link = Link(recipient.member_id, notice_id, recipient.campaign_id)
    return Personal(
        to=address.text.encode(),
        date=format_datetime(now).encode(),
        message_id=local_part(recipient.campaign_id, recipient.pk).encode(),
        object_token=make_token(link).encode(),
        reminders_token=make_token(link, REMINDERS).encode(),
    )


type Fill = Callable[[Personal], bytes]

_SLOTS: dict[bytes, str] = {
    b"\0to\0": "to",
    b"\0date\0": "date",
    b"\0id\0": "message_id",
    OBJECT_SLOT.encode(): "object_token",
    REMINDERS_SLOT.encode(): "reminders_token",
}
_SLOT = re.compile(b"(" + b"|".join(map(re.escape, _SLOTS)) + b")")


def build(message: Message) -> Fill:
    """The mail as a function that fills in the personal parts; lines end with CR LF."""
    parts = _SLOT.split(_headers(message) + _body(message))
    slots = [(index, _SLOTS[parts[index]]) for index in range(1, len(parts), 2)]

    def fill(own: Personal) -> bytes:
        filled = parts.copy()
        for index, name in slots:
            filled[index] = getattr(own, name)
        return b"".join(filled)

    return fill


def headers_of(message: Message, own: Personal) -> dict[str, str]:
    """The headers beside From, To and Subject, for mail backends that build the mail themselves."""
    lines = filled_in("".join(_fixed(message)), own).splitlines()
    return dict(line.split(": ", 1) for line in lines)


def filled_in(text: str, own: Personal) -> str:
    """A text of the message with the recipient's parts in it."""
    return _SLOT.sub(lambda slot: getattr(own, _SLOTS[slot[0]]), text.encode()).decode()


def _headers(message: Message) -> bytes:
    # What may hold any character is left to the standard library, which folds and encodes it. The
    # rest is ASCII and stays in one line each: an encoded List-Unsubscribe is none (RFC 8058).
    named = EmailMessage(policy=SMTP)
    named["From"] = settings.DEFAULT_FROM_EMAIL
    named["Subject"] = message.subject
    words = named.as_bytes().removesuffix(b"\r\n")
    fixed = [
        "To: \0to\0\r\n",
        *_fixed(message),
        "MIME-Version: 1.0\r\n",
        f'Content-Type: multipart/alternative; boundary="{BOUNDARY}"\r\n',
        "\r\n",
    ]
    return words + "".join(fixed).encode()


def _fixed(message: Message) -> list[str]:
    notice = f"{message.campaign.notice.purpose_id}-{message.campaign.notice.version}"
    return [
        "Date: \0date\0\r\n",
        f"Message-ID: <\0id\0@{sender_domain()}>\r\n",
        f"Content-Language: {message.language}\r\n",
        "Auto-Submitted: auto-generated\r\n",  # RFC 3834: no out-of-office replies
        "Precedence: bulk\r\n",  # for those who do not know RFC 3834
        f"List-Unsubscribe: <{reminders_url(REMINDERS_SLOT)}>\r\n",
        "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n",
        f"Feedback-ID: {message.campaign_id}:{notice}:notice:{sender_domain()}\r\n",
    ]


def _body(message: Message) -> bytes:
    return (
        _part("plain", message.text) + _part("html", message.html) + f"--{BOUNDARY}--\r\n".encode()
    )


def _part(kind: str, text: str) -> bytes:
    return (
        f"--{BOUNDARY}\r\n"
        f'Content-Type: text/{kind}; charset="utf-8"\r\n'
        "Content-Transfer-Encoding: quoted-printable\r\n"
        "\r\n"
        f"{_quoted(text)}\r\n"
    ).encode()


def _quoted(text: str) -> str:
    """As quoted-printable, each slot in a line of its own, which soft line breaks undo."""
    pieces = re.split(f"({OBJECT_SLOT}|{REMINDERS_SLOT})", text)
    encoded = [
        piece if index % 2 else b2a_qp(piece.encode()).decode()
        for index, piece in enumerate(pieces)
    ]
    return "=\n".join(encoded).replace("\n", "\r\n")
