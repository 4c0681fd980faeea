"""Making evidence packs: asked for in admin and made by a worker, or made by a command."""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts import access_log
from accounts.models import MemberAccess
from desk.pack_file import Written, write_pack
from desk.pack_scope import PackError, Scope, scope_of
from desk.packs import EvidencePack

logger = logging.getLogger(__name__)

LEASE = timedelta(minutes=30)
"""For each step; to verify a large ledger takes minutes."""
COMMAND = "command line"


def ask(scope: Scope, *, by: str) -> EvidencePack:
    """Write down that the pack is wanted; a worker makes it (`make_due`)."""
    with transaction.atomic():
        pack = _record(scope, by)
        note_export(pack, by=by)
    return pack


def make_now(scope: Scope, out: Path, *, on_step: Callable[[str], None]) -> EvidencePack:
    """Make the pack at once, into the file ``out``; nothing of it is kept here but the record.

    Raises OSError if the file cannot be written.
    """
    now = timezone.now()
    written = write_pack(out, scope, made_at=now, by=COMMAND, on_step=on_step)
    with transaction.atomic():
        pack = _record(scope, COMMAND)
        note_export(pack, by=COMMAND)
        pack.sha256, pack.size, pack.step = written.sha256, written.size, "done"
        pack.finished_at = pack.purged_at = timezone.now()
        pack.save()
    return pack


def note_export(pack: EvidencePack, *, by: str) -> None:
    """A pack about a member is an access to their data: when it is made, and at each download."""
    if pack.member_ref:
        what = MemberAccess.What.EXPORTED
        access_log.note(by=by, member_ref=pack.member_ref, what=what, reason="Evidence pack")


def _record(scope: Scope, by: str) -> EvidencePack:
    pack: EvidencePack = EvidencePack.objects.create(
        region=scope.region,
        since=scope.since,
        until=scope.until,
        member_ref=scope.member.member_ref if scope.member else "",
        asked_by=by,
    )
    return pack


def make_due() -> None:
    """Make the packs that are wanted, one after the other."""
    for pack in EvidencePack.objects.due(timezone.now()).order_by("pk"):
        make(pack)


def make(pack: EvidencePack) -> None:
    """Make one pack, unless somebody is at it. A worker that is killed leaves it to another one."""
    now = timezone.now()
    mine = EvidencePack.objects.due(now).filter(pk=pack.pk)
    if not mine.update(leased_until=now + LEASE, step="begun"):
        return
    row = EvidencePack.objects.filter(pk=pack.pk, finished_at=None)

    def on_step(words: str) -> None:
        row.update(step=words, leased_until=timezone.now() + LEASE)

    done: dict[str, str | int] = {"step": "not made", "error": "See the log."}
    try:
        written = _write(pack, on_step)
        done = {"step": "done", "sha256": written.sha256, "size": written.size}
    except PackError as error:
        done["error"] = str(error)
    except Exception:
        logger.exception("An evidence pack could not be made")
    row.update(finished_at=timezone.now(), leased_until=None, **done)


def _write(pack: EvidencePack, on_step: Callable[[str], None]) -> Written:
    scope = scope_of(
        region=pack.region, since=pack.since, until=pack.until, member_ref=pack.member_ref
    )
    path = file_of(pack)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    part = path.with_suffix(".part")
    try:
        written = write_pack(part, scope, made_at=pack.asked_at, by=pack.asked_by, on_step=on_step)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return written


def file_of(pack: EvidencePack) -> Path:
    folder: Path = settings.PACKS_FOLDER
    return folder / f"{pack.key}.zip"


def purge(now: datetime) -> int:
    """Delete the files that were kept for PACKS_KEPT_DAYS; the records stay. Returns how many."""
    before = now - timedelta(days=settings.PACKS_KEPT_DAYS)
    purged = 0
    for pack in EvidencePack.objects.to_purge(before):
        file_of(pack).unlink(missing_ok=True)
        purged += EvidencePack.objects.filter(pk=pack.pk, purged_at=None).update(purged_at=now)
    return purged
