"""Handing ready mails to the mail server: straight over SMTP, or through any Django mail backend.

A carrier keeps one connection open for all mails. What can go wrong is said in three ways: the
recipient is refused (`Refused`), all mails are (`ServerAway`), or nobody can tell whether the
server has taken the mail before the connection broke (`Uncertain`).
"""

import re
import smtplib
from dataclasses import dataclass
from email import message_from_bytes
from email.message import EmailMessage as ParsedMessage
from email.policy import default as default_policy
from email.utils import parseaddr
from typing import Any, Protocol

from django.conf import settings
from django.core.mail import EmailMultiAlternatives, mailers
from django.core.mail.backends.smtp import EmailBackend as SmtpBackend

from campaigns.models import Message
from campaigns.rendering import Address, Personal, filled_in, headers_of
from campaigns.signing import sign

_DOT = re.compile(rb"(?m)^\.")
_KEPT_POLICY = default_policy.clone(refold_source="none", linesep="\r\n")
_ADDRESS = re.compile(r"\S+@\S+")
_NO_SUCH_ADDRESS = re.compile(r"\b5\.1\.[1-3]\b|\b5\.1\.10\b|\b5\.2\.1\b")
"""RFC 3463 and 7505: bad mailbox, bad system, no mail wanted there, mailbox disabled."""


class Refused(Exception):
    """The server does not take this recipient's mail; ``permanent``: and never will.

    ``gone``: there is no such address. ``closing``: it wants to be left alone for a while.
    """

    def __init__(
        self, reply: str, *, permanent: bool, gone: bool = False, closing: bool = False
    ) -> None:
        super().__init__(reply)
        self.reply = reply
        self.permanent = permanent
        self.gone = gone
        self.closing = closing


class ServerAway(Exception):
    """No mail can be handed over for now; the message says why, in words for staff."""


class Uncertain(Exception):
    """The connection broke after the mail was sent off and before the server's answer."""


@dataclass(frozen=True, slots=True)
class ReadyMail:
    """One mail as bytes, and what it was made of, for backends that make it themselves."""

    address: Address
    data: bytes
    message: Message
    own: Personal


class Carrier(Protocol):
    def carry(self, mail: ReadyMail) -> None:
        """Hand one mail over; on return the server has taken it. Raises the errors above."""

    def close(self) -> None: ...


def carrier() -> Carrier:
    """For the mailer that is configured as the default."""
    backend = mailers.create_connection("default")
    return SmtpCarrier(backend) if type(backend) is SmtpBackend else BackendCarrier(backend)


def envelope_sender() -> str:
    """Where mails come back to."""
    return settings.BOUNCE_ADDRESS or parseaddr(settings.DEFAULT_FROM_EMAIL)[1]


class SmtpCarrier:
    """Django's SMTP backend opens the connection (TLS, sign-in); mails go over it as they are."""

    def __init__(self, backend: SmtpBackend) -> None:
        self._backend = backend
        self._sender = envelope_sender()

    def carry(self, mail: ReadyMail) -> None:
        smtp = self._open()
        options = ["BODY=8BITMIME"] if smtp.has_extn("8bitmime") else []
        if mail.address.utf8:
            if not smtp.has_extn("smtputf8"):
                raise Refused("The mail server cannot do SMTPUTF8.", permanent=True)
            options.append("SMTPUTF8")
        content = _DOT.sub(b"..", sign(mail.data)) + b".\r\n"
        try:
            self._offer(smtp, mail.address.text, options)
        except (smtplib.SMTPServerDisconnected, OSError) as error:
            self.close()
            raise ServerAway(f"The connection broke: {_plain(error)}") from None
        try:
            smtp.send(content)
            code, reply = smtp.getreply()
        except (smtplib.SMTPServerDisconnected, OSError):
            self.close()
            raise Uncertain from None
        if code != 250:
            self._refused(smtp, code, reply)

    def _open(self) -> smtplib.SMTP:
        try:
            self._backend.open()
        except (smtplib.SMTPException, OSError) as error:
            self.close()
            raise ServerAway(f"The mail server cannot be reached: {_plain(error)}") from None
        connection = self._backend.connection
        assert connection  # noqa: S101 — open() has raised otherwise
        connection.ehlo_or_helo_if_needed()
        return connection

    def _offer(self, smtp: smtplib.SMTP, to: str, options: list[str]) -> None:
        """Sender, recipient and DATA, in one go where the server allows it (RFC 2920); on return
        it waits for the mail."""
        commands = [
            f"MAIL FROM:<{self._sender}>{''.join(f' {option}' for option in options)}\r\n",
            f"RCPT TO:<{to}>\r\n",
            "DATA\r\n",
        ]
        at_once = smtp.has_extn("pipelining")
        if at_once:
            smtp.send("".join(commands).encode())
        refusal: tuple[str, int, bytes] | None = None
        for command in commands:
            if not at_once:
                smtp.send(command.encode())
            code, reply = smtp.getreply()
            if refusal is None and code not in {250, 251, 354}:
                refusal = (command, code, reply)
                if not at_once or code == 421:
                    break
            elif refusal and code == 354:  # it has taken nobody, and waits for a mail all the same
                smtp.send(b".\r\n")
                smtp.getreply()
        if refusal is None:
            return
        command, code, reply = refusal
        if command is commands[0]:
            self._end(smtp, code)
            raise ServerAway(f"The mail server refuses the sender: {_words(code, reply)}")
        self._refused(smtp, code, reply)

    def _refused(self, smtp: smtplib.SMTP, code: int, reply: bytes | str) -> None:
        self._end(smtp, code)
        raise _refusal(code, reply)

    def _end(self, smtp: smtplib.SMTP, code: int) -> None:
        """Leave the connection ready for the next mail; 421 says that it is being closed."""
        try:
            if code != 421:
                smtp.rset()
                return
        except (smtplib.SMTPException, OSError):
            pass
        self.close()

    def close(self) -> None:
        try:
            self._backend.close()
        except (smtplib.SMTPException, OSError):
            self._backend.connection = None


class BackendCarrier:
    """Any other Django mail backend, such as those of anymail: one call for each mail."""

    def __init__(self, backend: Any) -> None:
        self._backend = backend
        self._open = False

    def carry(self, mail: ReadyMail) -> None:
        message = _KeptMail(mail)
        try:
            if not self._open:
                self._backend.open()
                self._open = True
            self._backend.send_messages([message])
        except smtplib.SMTPRecipientsRefused as error:
            raise _refusal(*next(iter(error.recipients.values()))) from None
        except smtplib.SMTPDataError as error:
            raise _refusal(error.smtp_code, error.smtp_error) from None
        except (smtplib.SMTPServerDisconnected, TimeoutError, ConnectionResetError):
            self.close()
            raise Uncertain from None
        except OSError as error:  # also smtplib's errors and those of http libraries
            self.close()
            raise ServerAway(f"The mail server cannot be reached: {_plain(error)}") from None
        except Exception as error:  # noqa: BLE001 — each backend has errors of its own
            _check_status(message)
            raise _from_backend(error) from None
        _check_status(message)

    def close(self) -> None:
        self._open = False
        try:
            self._backend.close()
        except Exception:  # noqa: BLE001 — there is nothing left to lose
            return


class _KeptMail(EmailMultiAlternatives):
    """For backends that send bytes: the very bytes that were built. For others: their parts."""

    def __init__(self, mail: ReadyMail) -> None:
        headers = headers_of(mail.message, mail.own)
        super().__init__(
            subject=mail.message.subject,
            body=filled_in(mail.message.text, mail.own),
            to=[mail.address.text],
            headers=headers,
        )
        self.attach_alternative(filled_in(mail.message.html, mail.own), "text/html")
        # Anymail hands it back with each event.
        self.metadata = {"message_id": headers["Message-ID"]}
        self._data = mail.data

    def message(self, *, policy: Any = None) -> ParsedMessage:
        # Parsed and written again as it was: Django's policy would fold and encode anew.
        return message_from_bytes(sign(self._data), policy=_KEPT_POLICY)


def _from_backend(error: Exception) -> Exception:
    """What an error of another backend means; ``status_code`` is anymail's."""
    words = _plain(error)
    status = getattr(error, "status_code", None)
    if status is not None and 400 <= status < 500 and status not in {401, 403, 408, 429}:
        return Refused(words, permanent=False)
    return ServerAway(f"The mail service answered with an error: {words}")


def _check_status(message: Any) -> None:
    """Anymail says here what the service has answered for the recipient."""
    status = getattr(message, "anymail_status", None)
    states = getattr(status, "status", None) or set()
    if states & {"invalid", "rejected", "failed"}:
        words = ", ".join(sorted(state for state in states if state))
        raise Refused(words, permanent=True, gone="invalid" in states)


def _refusal(code: int, reply: bytes | str) -> Refused:
    words = _words(code, reply)
    permanent = code >= 500
    gone = permanent and bool(_NO_SUCH_ADDRESS.search(words))
    return Refused(words, permanent=permanent, gone=gone, closing=code == 421)


def _words(code: int, reply: bytes | str) -> str:
    text = reply.decode(errors="replace") if isinstance(reply, bytes) else str(reply)
    return without_addresses(f"{code} {text}")


def _plain(error: Exception) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        return _words(error.smtp_code, error.smtp_error)
    return without_addresses(f"{type(error).__name__}: {error}")


def without_addresses(text: str) -> str:
    """What servers say, fit for a page and a row that outlives the member."""
    return " ".join(_ADDRESS.sub("…", text.replace("\0", " ")).split())[:200]
