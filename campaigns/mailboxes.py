"""Where mails that come back lie: a Maildir, or a folder of an IMAP server (RFC 3501, over TLS).

What was read is moved to a folder; what was not understood stays where it is, with a flag, for
somebody to look at. Others may read the same mailbox at the same time.
"""

import imaplib
import re
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import unquote, urlsplit

from campaigns.returned import LARGEST, NotUnderstood

HANDLED = "Handled"
TIMEOUT = 30.0


class MailboxAway(Exception):
    """The mailbox cannot be read; the message says why, without any secret."""


class Item(Protocol):
    name: str

    def read(self) -> bytes | None:
        """None if somebody else has taken it. May raise NotUnderstood."""

    def handled(self) -> None: ...

    def flag(self) -> None:
        """Leave it to a person; it is not read again until the flag is taken away."""


class Maildir:
    def __init__(self, path: Path) -> None:
        self.path = path
        if not all((path / name).is_dir() for name in ("cur", "new", "tmp")):
            raise MailboxAway(f"{path} is no Maildir: it has no cur, new and tmp.")
        for name in ("cur", "new", "tmp"):
            (path / f".{HANDLED}" / name).mkdir(parents=True, exist_ok=True)
        (path / f".{HANDLED}" / "maildirfolder").touch()

    def items(self) -> Iterator[Item]:
        for folder in ("new", "cur"):
            for file in sorted((self.path / folder).iterdir()):
                if not file.name.startswith(".") and "F" not in file.name.partition(":2,")[2]:
                    yield _File(self, file)


class _File:
    def __init__(self, box: Maildir, file: Path) -> None:
        self._box, self._file = box, file
        self.name = file.name

    def read(self) -> bytes | None:
        try:
            with self._file.open("rb") as source:
                return source.read(LARGEST + 1)
        except FileNotFoundError:
            return None
        except OSError as problem:
            raise NotUnderstood(f"It cannot be read: {problem.strerror}.") from None

    def handled(self) -> None:
        self._move(self._box.path / f".{HANDLED}" / "cur", "S")

    def flag(self) -> None:
        self._move(self._box.path / "cur", "F")

    def _move(self, folder: Path, flag: str) -> None:
        unique, _, flags = self._file.name.partition(":2,")
        name = f"{unique}:2,{''.join(sorted({*flags, flag}))}"
        with suppress(FileNotFoundError):  # somebody else was faster
            self._file.rename(folder / name)


@contextmanager
def imap(url: str, user: str, password: str) -> Iterator["Imap"]:
    """``imaps://host/folder``, or ``imap://`` for a server that starts TLS when asked to."""
    parts = urlsplit(url)
    folder = unquote(parts.path.strip("/")) or "INBOX"
    if parts.scheme not in {"imap", "imaps"} or not parts.hostname or parts.password:
        raise MailboxAway("Give imaps://host/folder, and the password by BOUNCES_IMAP_PASSWORD.")
    if not re.fullmatch(r"[ -~]+", folder):
        raise MailboxAway("The folder's name has to be in ASCII.")
    context = ssl.create_default_context()
    try:
        if parts.scheme == "imaps":
            server: imaplib.IMAP4 = imaplib.IMAP4_SSL(
                parts.hostname, parts.port or 993, ssl_context=context, timeout=TIMEOUT
            )
        else:
            server = imaplib.IMAP4(parts.hostname, parts.port or 143, timeout=TIMEOUT)
            server.starttls(context)
        with server:
            server.login(user, password)
            yield Imap(server, folder)
    except (imaplib.IMAP4.error, OSError, UnicodeError) as error:
        raise MailboxAway(f"{parts.hostname}: {error}".replace(password or "\0", "…")) from None


class Imap:
    def __init__(self, server: imaplib.IMAP4, folder: str) -> None:
        self.server = server
        _ok(server.select(_quoted(folder)))
        self.handled = self._folder_for_handled()

    def _folder_for_handled(self) -> str:
        """Made where it is missing; some servers keep all folders under the inbox."""
        for name in (HANDLED, f"INBOX.{HANDLED}", f"INBOX/{HANDLED}"):
            self.server.create(name)  # it may be there already
            if self.server.status(name, "(MESSAGES)")[0] == "OK":
                return name
        raise MailboxAway(f"The folder {HANDLED} cannot be made.")

    def items(self) -> Iterator[Item]:
        found = _ok(self.server.uid("SEARCH", "UNFLAGGED", "UNDELETED"))
        for uid in (found[0] or b"").split():
            yield _Uid(self, uid.decode())


class _Uid:
    def __init__(self, box: Imap, uid: str) -> None:
        self._server, self._uid = box.server, uid
        self._folder = box.handled
        self.name = f"message {uid}"

    def read(self) -> bytes | None:
        # No more than that comes over the line, whatever the size.
        got = _ok(self._server.uid("FETCH", self._uid, f"(BODY.PEEK[]<0.{LARGEST + 1}>)"))
        return next((bytes(part[1]) for part in got if isinstance(part, tuple)), None)

    def handled(self) -> None:
        if "MOVE" in self._server.capabilities:
            _ok(self._server.uid("MOVE", self._uid, self._folder))
            return
        _ok(self._server.uid("COPY", self._uid, self._folder))
        _ok(self._server.uid("STORE", self._uid, "+FLAGS.SILENT", r"(\Deleted)"))
        if "UIDPLUS" in self._server.capabilities:
            _ok(self._server.uid("EXPUNGE", self._uid))

    def flag(self) -> None:
        _ok(self._server.uid("STORE", self._uid, "+FLAGS.SILENT", r"(\Flagged)"))


def _ok(answer: tuple[str, list[Any]]) -> list[Any]:
    """The data of an answer. To ask for a message that somebody else has taken is no error
    (RFC 3501, 6.4.8); servers that say more use the code of RFC 5530."""
    state, data = answer
    if state != "OK" and b"EXPUNGEISSUED" not in (data[0] or b""):
        raise imaplib.IMAP4.error(str(data[0]))
    return data


def _quoted(folder: str) -> str:
    return '"' + folder.replace("\\", "\\\\").replace('"', '\\"') + '"'
