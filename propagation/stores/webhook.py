"""Choices as signed HTTP requests to a team's own address, after Standard Webhooks.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import base64
import binascii
import hashlib
import hmac
import ipaddress
import json
import socket
import ssl
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import SplitResult, urlsplit

import httpcore

from propagation.choice import Choice
from propagation.stores.base import (
    ChoiceRefused,
    Refusal,
    Store,
    StoreMisconfigured,
    StoreUnavailable,
)

MAX_ANSWER = 64 * 1024  # bytes, and for each choice, so that all of a batch can be refused:
MAX_REFUSAL = 4 * 1024
MAX_REASON = 200  # characters
MAX_RETRY_AFTER = 3600.0  # seconds; beyond that a mistake of theirs would outlive its repair
MIN_SECRET = 24  # bytes, as the specification recommends
SECRET_PREFIX = "whsec_"  # noqa: S105  names the format

NAT64 = ipaddress.IPv6Network("64:ff9b::/96")  # RFC 6052
GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")  # RFC 4291
SPECIAL = [
    ipaddress.ip_network("192.0.0.0/24"),  # RFC 6890
    ipaddress.ip_network("192.88.99.0/24"),  # RFC 7526
    ipaddress.ip_network("2001::/23"),  # RFC 2928, Teredo (RFC 4380) among them
    ipaddress.ip_network("3fff::/20"),  # RFC 9637
]

type Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class WebhookStore(Store):
    """POSTs each batch to ``url``, signed with each of ``secrets``.

    Two secrets are valid at a time while one is being replaced; each is ``whsec_`` and at least 24
    bytes in base64. ``timeout`` is the seconds that a whole request may take, from the look-up's
    answer to the last byte (the look-up itself has the system resolver's limit). ``allow_private``
    permits plain http and addresses that are not on the public internet. ``ca_file`` names a PEM
    file to trust instead of the system's certificates.

    The receiver answers 2xx with no body (all taken), or with
    ``{"refused": [{"member_ref": …, "purpose": …, "reason": …}]}`` (all others taken). Anything
    else confirms nothing, and the batch comes again: also a body that is not understood, since
    a maintenance page with status 200 looks just like that, and a refusal of a choice that was
    not in the batch. Redirects are not followed, for they would carry choices elsewhere.
    """

    def __init__(
        self,
        url: str,
        secrets: Sequence[str] = (),
        allow_private: bool = False,
        timeout: float = 10.0,
        *,
        ca_file: str | None = None,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        if not timeout > 0:
            raise StoreMisconfigured("timeout: seconds above zero expected")
        self._parts = _address_of(url, allow_private)
        self._keys = _signing_keys(secrets)
        self._allow_private = allow_private
        self._timeout = timeout
        self._tls = _trust(ca_file) if self._parts.scheme == "https" else None

    def write(self, choices: Sequence[Choice]) -> None:
        if not choices:
            return
        refusals = self._deliver(choices, max(choice.changed_at for choice in choices))
        if refusals:
            raise ChoiceRefused(refusals)

    def check(self) -> None:
        """Send a signed batch of no choices; a receiver answers it as it would any other."""
        self._deliver([], datetime.now(UTC))

    def _deliver(self, choices: Sequence[Choice], moment: datetime) -> list[Refusal]:
        # Without the time of sending in it a batch that comes again has the same bytes and the
        # same id.
        body = _body(choices, moment)
        headers = signed_headers(self._keys, body, int(time.time()))
        limit = MAX_ANSWER + MAX_REFUSAL * len(choices)
        answer = self._post(body, headers | {"Host": self._parts.netloc}, limit)
        if not 200 <= answer.status < 300:
            raise self._unavailable(_complaint(answer.status), answer.retry_after)
        try:
            return _refusals(answer.body, choices)
        except ValueError as error:
            raise self._unavailable(f"answered {answer.status}, but {error}") from error

    def _post(self, body: bytes, headers: dict[str, str], limit: int) -> "Answer":
        deadline = Deadline(self._timeout)
        try:
            with self._connection(deadline) as connection:
                target, sent = self._parts.geturl(), list(headers.items())
                with connection.stream("POST", target, headers=sent, content=body) as response:
                    return _answer(response, limit)
        except httpcore.TimeoutException as error:
            raise self._unavailable(f"no full answer within {self._timeout:g} s") from error
        except (httpcore.NetworkError, httpcore.ProtocolError, OSError, UnicodeError) as error:
            raise self._unavailable(str(error) or type(error).__name__) from error

    def _connection(self, deadline: "Deadline") -> httpcore.HTTPConnection:
        # One for each request, so that each request's address is checked.
        origin = httpcore.URL(self._parts.geturl()).origin
        backend = CheckedBackend(deadline, self._allow_private)
        return httpcore.HTTPConnection(origin, ssl_context=self._tls, network_backend=backend)

    def _unavailable(self, words: str, retry_after: float | None = None) -> StoreUnavailable:
        # The host alone: a path or query may be a secret of the receiver.
        return StoreUnavailable(f"{self._parts.hostname}: {words}", retry_after)


# --- what is sent ---


def signing_key(secret: str) -> bytes:
    """The bytes of a ``whsec_…`` secret. Raises `ValueError`, which does not quote it."""
    if not isinstance(secret, str) or not secret.startswith(SECRET_PREFIX):
        raise ValueError(f"a secret starts with {SECRET_PREFIX}")
    try:
        key = base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    except binascii.Error:
        raise ValueError("a secret is base64 after its prefix") from None
    if len(key) < MIN_SECRET:
        raise ValueError(f"a secret has at least {MIN_SECRET} bytes")
    return key


def signature(key: bytes, message_id: str, timestamp: int | str, body: bytes) -> str:
    """The ``v1`` signature of a message, as in the header ``webhook-signature``."""
    digest = hmac.digest(key, f"{message_id}.{timestamp}.".encode() + body, "sha256")
    return f"v1,{base64.b64encode(digest).decode()}"


def signed_headers(keys: Sequence[bytes], body: bytes, timestamp: int) -> dict[str, str]:
    """The headers of a message; its id follows from its content alone."""
    message_id = f"msg_{hashlib.sha256(body).hexdigest()[:32]}"
    return {
        "Content-Type": "application/json",
        "Accept-Encoding": "identity",
        "User-Agent": "PrivacyDash",
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(signature(k, message_id, timestamp, body) for k in keys),
    }


def _body(choices: Sequence[Choice], moment: datetime) -> bytes:
    items = [
        {
            "member_ref": choice.member_ref,
            "purpose": choice.purpose,
            "decision": choice.decision,
            "revision": choice.revision,
            "changed_at": choice.changed_at.astimezone(UTC).isoformat(),
        }
        for choice in choices
    ]
    message = {
        "type": "choices.changed",
        "timestamp": moment.astimezone(UTC).isoformat(),
        "data": {"choices": items},
    }
    return json.dumps(message, separators=(",", ":")).encode()


# --- what is answered ---


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    retry_after: float | None  # seconds
    body: bytes


def _answer(response: httpcore.Response, limit: int) -> Answer:
    """Read the answer; the body only where it says something, and up to ``limit`` bytes."""
    body = b""
    if 200 <= response.status < 300:
        for part in response.iter_stream():
            body += part
            if len(body) > limit:
                raise httpcore.RemoteProtocolError(f"answer larger than {limit} bytes")
    return Answer(response.status, _retry_after(response), body)


def _retry_after(response: httpcore.Response) -> float | None:
    """Seconds that the receiver asks us to wait: RFC 9110, 10.2.3."""
    if response.status not in {429, 503}:
        return None
    headers = {name.lower(): value for name, value in response.headers}
    text = headers.get(b"retry-after", b"").decode("ascii", "replace").strip()
    seconds = float(text) if text.isdecimal() else _seconds_until(text)
    return None if seconds is None else min(max(seconds, 0.0), MAX_RETRY_AFTER)


def _seconds_until(http_date: str) -> float | None:
    try:
        moment = parsedate_to_datetime(http_date)
    except (ValueError, OverflowError):
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return (moment - datetime.now(UTC)).total_seconds()


def _complaint(status: int) -> str:
    if 300 <= status < 400:
        return f"answered {status}, a redirect; those are not followed: configure the final address"
    return f"answered {status}"


def _refusals(body: bytes, choices: Sequence[Choice]) -> list[Refusal]:
    """Read what the receiver refuses. Raises `ValueError` for whatever is not understood."""
    if not body.strip():
        return []
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        raise ValueError("its body is not JSON") from None
    if not isinstance(answer, dict) or answer.keys() != {"refused"}:
        raise ValueError('its body is not {"refused": […]}')
    if not isinstance(answer["refused"], list):
        raise ValueError('"refused" is not a list')
    refusals = [_refusal(item) for item in answer["refused"]]
    if not {(r.member_ref, r.purpose) for r in refusals} <= {choice.key for choice in choices}:
        raise ValueError("it refuses a choice that was not in the batch")
    return refusals


def _refusal(item: object) -> Refusal:
    if not isinstance(item, dict) or item.keys() != {"member_ref", "purpose", "reason"}:
        raise ValueError("a refusal is not member_ref, purpose and reason")
    if not all(isinstance(value, str) for value in item.values()):
        raise ValueError("a refusal holds something other than text")
    reason = "".join(c if c.isprintable() else " " for c in item["reason"][:MAX_REASON])
    return Refusal(item["member_ref"], item["purpose"], reason)


# --- where it is sent ---


class Deadline:
    """A moment after which nothing is waited for any more; ``seconds`` from now."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def left(self) -> float:
        """Seconds left, above zero. Raises `httpcore.ReadTimeout` when there are none."""
        seconds = self._end - time.monotonic()
        if seconds <= 0:
            raise httpcore.ReadTimeout("too late")
        return seconds


class CheckedBackend(httpcore.NetworkBackend):
    """Connects to the very address that it has checked, so no second look-up can differ."""

    def __init__(self, deadline: Deadline, allow_private: bool) -> None:
        self._deadline = deadline
        self._allow_private = allow_private
        self._network = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        failure: Exception | None = None
        for address in self._addresses(host, port):
            try:
                stream = self._network.connect_tcp(
                    address, port, self._deadline.left(), local_address, socket_options
                )
            except httpcore.ConnectError as error:
                failure = error
            else:
                return TimedStream(stream, self._deadline)
        raise failure or httpcore.ConnectError("its name leads to no address")

    def _addresses(self, host: str, port: int) -> list[str]:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
        if self._allow_private:
            return addresses
        for address in addresses:
            # One is enough to refuse them all: an honest public name has none.
            if not is_public(ipaddress.ip_address(address)):
                raise httpcore.ConnectError("leads to an address that is not public")
        return addresses


class TimedStream(httpcore.NetworkStream):
    """A connection on which each step gets only what is left of the whole request's time."""

    def __init__(self, stream: httpcore.NetworkStream, deadline: Deadline) -> None:
        self._stream = stream
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._deadline.left())

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._deadline.left())

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        secured = self._stream.start_tls(ssl_context, server_hostname, self._deadline.left())
        return TimedStream(secured, self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


def is_public(address: Address) -> bool:
    """Whether the address is on the public internet, seen through what it may embed.

    Stricter than ``is_global``, which differs between Python versions and calls multicast and
    IPv4 addresses in IPv6 clothes global.
    """
    embedded = _embedded(address)
    if embedded is not None:
        return is_public(embedded)
    if any(address in network for network in SPECIAL if network.version == address.version):
        return False
    if isinstance(address, ipaddress.IPv6Address):
        return address.is_global and address in GLOBAL_UNICAST
    return address.is_global and not address.is_multicast and not address.is_reserved


def _embedded(address: Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address that packets to this one end up at."""
    if isinstance(address, ipaddress.IPv4Address):
        return None
    if address in NAT64:
        return ipaddress.IPv4Address(address.packed[-4:])
    return address.ipv4_mapped or address.sixtofour


# --- options ---


def _address_of(url: str, allow_private: bool) -> SplitResult:
    try:
        parts = urlsplit(url)
        usable = bool(parts.hostname) and parts.port != 0
    except (ValueError, AttributeError, TypeError):
        usable = False
    if not usable or not url.isascii() or any(c.isspace() or not c.isprintable() for c in url):
        raise StoreMisconfigured("url: a full address in ASCII expected, https://host/path")
    if parts.scheme != "https" and not (allow_private and parts.scheme == "http"):
        raise StoreMisconfigured("url: https:// expected (http:// only with allow_private)")
    if "@" in parts.netloc:
        raise StoreMisconfigured("url: no user name or password expected; use secrets")
    return parts


def _signing_keys(secrets: Sequence[str]) -> list[bytes]:
    if isinstance(secrets, str) or not secrets:
        raise StoreMisconfigured("secrets: a list of one secret or two expected")
    try:
        return [signing_key(secret) for secret in secrets]
    except ValueError as error:
        raise StoreMisconfigured(f"secrets: {error}") from None


def _trust(ca_file: str | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError as error:  # ssl.SSLError among them
        raise StoreMisconfigured(f"ca_file: {error}") from error
