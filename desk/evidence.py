"""Evidence files: what may come in, where it lies, and how it comes out again.

They come from strangers. So nothing of them is believed (not the name, not the type), nothing is
opened here, and they leave as attachments of a fixed name and type.
"""

import hashlib
import os
import re
import unicodedata
from dataclasses import dataclass
from email import message_from_bytes
from pathlib import Path

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.db.models.signals import post_delete
from django.dispatch import receiver
from django.http import HttpResponse

from accounts.models import Member
from desk.models import Evidence

KINDS = {
    "pdf": ("application/pdf", ("pdf",)),
    "png": ("image/png", ("png",)),
    "jpeg": ("image/jpeg", ("jpg", "jpeg", "jpe")),
    "text": ("text/plain; charset=utf-8", ("txt", "text", "md", "log")),
    "eml": ("message/rfc822", ("eml",)),
}
"""Content type and usual endings of each kind that is taken; it goes out with the first."""
_MARKUP = re.compile(rb"^\s*<(!doctype|\?xml|html|head|body|script|svg|iframe)", re.IGNORECASE)
_MAIL_HEADERS = ("From", "Date", "Subject", "To", "Received", "Message-ID")


class Damaged(Exception):
    """The file is gone, or is not what was kept."""


@dataclass(frozen=True, slots=True)
class Examined:
    """What a file is by its content. ``name`` is cleaned of what could deceive whoever reads it."""

    content: bytes
    kind: str
    name: str

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()


def examine(file: "UploadedFile[bytes]") -> Examined:
    """Raises ValidationError for a file that is too large, empty, or of no kind that is taken."""
    limit: int = settings.EVIDENCE_MAX_BYTES
    if not settings.EVIDENCE_DIR:
        raise ValidationError("No place for evidence is configured (EVIDENCE_DIR).")
    content = file.read(limit + 1)
    if len(content) > limit:
        raise ValidationError(f"The file is larger than {limit // 1_000_000} MB.")
    if not content:
        raise ValidationError("The file is empty.")
    kind = _kind_of(content)
    if kind is None:
        raise ValidationError("Only PDF, PNG, JPEG, plain text and mails (.eml) are taken.")
    name = clean_name(file.name or "")
    ending = Path(name).suffix.lower().removeprefix(".")
    said = next((kind for kind, (_type, endings) in KINDS.items() if ending in endings), None)
    if said and said != kind and {said, kind} != {"text", "eml"}:
        raise ValidationError(f"The name says {said}, but the content is {kind}.")
    return Examined(content, kind, name)


def clean_name(name: str) -> str:
    """Without folders, control characters and marks that turn the reading direction."""
    name = re.split(r"[/\\]", name)[-1]
    kept = "".join(c for c in name if unicodedata.category(c) not in {"Cc", "Cf", "Cs", "Co"})
    return kept.strip()[-200:] or "no name"


def _kind_of(content: bytes) -> str | None:
    if content.startswith(b"%PDF-"):
        return "pdf"
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    if content.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    if _MARKUP.match(content.removeprefix(b"\xef\xbb\xbf")) or not _is_text(content):
        return None
    headers = message_from_bytes(content[:64_000])
    return "eml" if sum(name in headers for name in _MAIL_HEADERS) >= 2 else "text"


def _is_text(content: bytes) -> bool:
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return False
    return not any(c < " " and c not in "\t\r\n\f" for c in text)


def keep(*, member: Member, examined: Examined, by: str) -> Evidence:
    """Write the file, then its row, within the caller's transaction."""
    kept = Evidence(
        member=member,
        name=examined.name,
        kind=examined.kind,
        size=len(examined.content),
        sha256=examined.sha256,
        kept_by=by,
    )
    path = _path(kept)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(examined.content)
        os.fsync(file.fileno())
    try:
        with transaction.atomic():
            kept.save()
    except Exception:
        path.unlink(missing_ok=True)
        raise
    return kept


def download(evidence: Evidence) -> HttpResponse:
    """The file as an attachment that no browser opens as a page. Raises Damaged."""
    try:
        content = _path(evidence).read_bytes()
    except OSError as error:
        raise Damaged("The file cannot be read.") from error
    if hashlib.sha256(content).hexdigest() != evidence.sha256:
        raise Damaged("The file is not the one that was kept: its hash differs.")
    content_type, endings = KINDS[evidence.kind]
    name = f"evidence-{evidence.sha256[:12]}.{endings[0]}"
    return HttpResponse(
        content,
        content_type=content_type,
        headers={
            "Content-Disposition": f'attachment; filename="{name}"',
            "X-Content-Type-Options": "nosniff",
            "Content-Security-Policy": "default-src 'none'; sandbox",
            "Cache-Control": "no-store, private",
        },
    )


def _path(evidence: Evidence) -> Path:
    """By a random key, in a folder that no web server serves."""
    key = evidence.key.hex
    return Path(settings.EVIDENCE_DIR) / key[:2] / key


@receiver(post_delete, sender=Evidence)
def _forget(sender: type[Evidence], instance: Evidence, **_kwargs: object) -> None:
    """An erasure takes the file with the row."""
    if settings.EVIDENCE_DIR:
        transaction.on_commit(lambda: _path(instance).unlink(missing_ok=True))
