"""Publishing a notice takes two: one proposes, which freezes the texts, another one publishes.

Who proposed a notice or was the last to edit it cannot publish it. `manage.py load_notice
--publish` is for setting a site up, and needs the server.
"""

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from consent.completeness import missing
from consent.models import Immutable, Notice, NoticeText, Purpose


class PublishingError(ValidationError):
    """Nothing was changed; the message says why, in words for staff."""


def propose(notice: Notice, *, by: str) -> None:
    """Ask for the notice to be published as it is now; from here on nobody can change it."""
    with transaction.atomic():
        held = _held(notice)
        if held.proposed_at:
            raise PublishingError(f"{held.proposed_by} has proposed it already.")
        if gaps := missing(held):
            raise PublishingError([f"Missing: {gap}." for gap in gaps])
        held.require_complete()
        held.proposed_at, held.proposed_by = timezone.now(), by
        held.save(update_fields=["proposed_at", "proposed_by"])


def withdraw(notice: Notice) -> None:
    """Make the proposed notice a draft again, so that it can be changed."""
    with transaction.atomic():
        held = _held(notice)
        if held.proposed_at is None:
            raise PublishingError("It is not proposed.")
        Notice.objects.filter(pk=held.pk).update(proposed_at=None, proposed_by="")


def publish(notice: Notice, *, by: str) -> None:
    """Show the proposed notice to members from now on. Two at once: the second gets an error."""
    with transaction.atomic():
        held = _held(notice)
        if held.proposed_at is None:
            raise PublishingError("Nobody has proposed it.")
        if by in {held.proposed_by, held.edited_by}:
            raise PublishingError(
                "You proposed it or edited it last: somebody else has to publish it."
            )
        held.publish(by=by)


def new_version(notice: Notice, *, by: str) -> Notice:
    """A draft with the texts of this one, to be changed."""
    with transaction.atomic():
        Purpose.objects.select_for_update().get(pk=notice.purpose_id)  # one at a time
        newest = Notice.objects.filter(purpose=notice.purpose_id).order_by("-version").first()
        if newest is None or newest.published_at is None:
            raise PublishingError("There is a newer version that is not published yet.")
        draft = Notice.objects.create(
            purpose=notice.purpose,
            version=newest.version + 1,
            used=notice.used,
            never_used=notice.never_used,
            edited_by=by,
        )
        for text in notice.translations.order_by("language"):
            text.pk, text.notice, text._state.adding = None, draft, True
            text.save()
    return draft


def note_edit(notice: Notice, *, by: str) -> None:
    """Remember who edited the draft last."""
    notice.edited_by = by
    notice.save(update_fields=["edited_by"])


def save_text(text: NoticeText, *, by: str) -> None:
    """Keep a text of a draft. The notice is locked, so that it is not proposed meanwhile."""
    with transaction.atomic():
        notice = _held(text.notice)
        text.save()
        note_edit(notice, by=by)


def _held(notice: Notice) -> Notice:
    """The notice as it is now, locked until the caller's transaction ends."""
    held: Notice = Notice.objects.select_for_update().get(pk=notice.pk)
    if held.published_at:
        raise Immutable
    return held
