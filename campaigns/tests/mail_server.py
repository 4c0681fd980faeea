"""A real SMTP server (aiosmtpd) that takes mails, or fails in the ways that mail servers do."""

import asyncio
import ssl
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult

from tests.servers import free_port


@dataclass
class Received:
    sender: str
    to: str
    data: bytes
    options: list[str]

    @property
    def parsed(self):
        return message_from_bytes(self.data, policy=policy.default)


@dataclass
class Behaviour:
    """What the server does; tests change it while it runs.

    ``answers``: to RCPT by address or @domain. ``greylists``: the first attempt for an address is
    put off. ``breaks``: addresses after whose mail the connection breaks, the mail being kept
    (True) or not. ``seconds``: how long each mail takes. ``closes_after``: 421 after so many.
    """

    answers: dict[str, str] = field(default_factory=dict)
    senders: str = ""
    data_answers: dict[str, str] = field(default_factory=dict)
    greylists: bool = False
    breaks: dict[str, bool] = field(default_factory=dict)
    seconds: float = 0.0
    pipelining: bool = False
    closes_after: int = 1_000_000
    received: list[Received] = field(default_factory=list)
    attempts: Counter = field(default_factory=Counter)
    connections: int = 0
    signed_in: list[bytes] = field(default_factory=list)

    def to(self) -> list[str]:
        return [mail.to for mail in self.received]

    async def handle_EHLO(self, server, session, envelope, hostname, responses):  # noqa: N802
        self.connections += 1
        session.host_name, session.mails = hostname, 0
        if self.pipelining:
            responses.insert(1, "250-PIPELINING")
        return responses

    async def handle_MAIL(self, server, session, envelope, address, options):  # noqa: N802
        if self.senders:
            return self.senders
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(self, server, session, envelope, address, options):  # noqa: N802
        self.attempts[address] += 1
        session.mails += 1
        if session.mails > self.closes_after:
            server.transport.write(b"421 4.7.0 too many mails on this connection\r\n")
            server.transport.close()
            return "421 closing"
        domain = "@" + address.rpartition("@")[2]
        if answer := self.answers.get(address) or self.answers.get(domain):
            return answer
        if self.greylists and self.attempts[address] == 1:
            return "451 4.7.1 greylisted, come back later"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):  # noqa: N802
        await asyncio.sleep(self.seconds)
        to = envelope.rcpt_tos[0]
        if self.breaks.get(to) is False:
            server.transport.abort()
            return "451 never said"
        if answer := self.data_answers.get(to):
            return answer
        self.received.append(
            Received(envelope.mail_from, to, envelope.original_content, envelope.mail_options)
        )
        if self.breaks.get(to):
            server.transport.abort()
        return "250 taken"

    def sign_in(self, server, session, envelope, mechanism, login):
        good = login.login == b"site" and login.password == b"secret"
        self.signed_in.append(login.login)
        return AuthResult(success=good, handled=good)


class _Controller(Controller):
    def __init__(self, handler, **options):
        self.options = options
        super().__init__(handler, hostname="127.0.0.1", port=free_port(), ready_timeout=10)

    def factory(self):
        return SMTP(self.handler, hostname="mail.example", loop=self.loop, **self.options)


@contextmanager
def mail_server(*, utf8=True, certificate=None):
    """Yields the behaviour and the MAILERS setting for a site that sends to it."""
    behaviour = Behaviour()
    options = {"enable_SMTPUTF8": utf8, "decode_data": False}
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
        options |= {
            "tls_context": context,
            "require_starttls": True,
            "auth_required": True,
            "authenticator": behaviour.sign_in,
        }
    controller = _Controller(behaviour, **options)
    controller.start()
    try:
        yield behaviour, mailers(controller.port, tls=certificate is not None)
    finally:
        controller.stop()


def mailers(port, *, tls=False):
    options = {"host": "127.0.0.1", "port": port, "timeout": 5}
    if tls:
        options |= {"username": "site", "password": "secret", "use_tls": True}
    return {
        "default": {
            "BACKEND": "django.core.mail.backends.smtp.EmailBackend",
            "OPTIONS": options,
        }
    }
