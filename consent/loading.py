"""Notices as files: one TOML file for the structure, one for each language."""

import tomllib
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction

from consent.models import Notice, NoticeText, Purpose, Rollout

DEFAULT = Path(__file__).parent / "notices" / "genai-training" / "1"


def load_notice(folder: Path, *, publish: bool, by: str) -> Notice:
    """Make the notice that the folder describes, with its texts and rollouts, in one piece.

    A notice that is published already is returned as it is. Raises ValidationError that names
    the file and field that is wrong; then nothing is kept.
    """
    head = _read(folder / "notice.toml")
    with transaction.atomic():
        purpose, _ = Purpose.objects.get_or_create(code=head["purpose"])
        notice, made = Notice.objects.get_or_create(
            purpose=purpose,
            version=head["version"],
            defaults={"used": head["used"], "never_used": head["never"]},
        )
        if not made:
            return notice
        for language, _name in settings.LANGUAGES:
            if (folder / f"{language}.toml").exists():
                _load_text(notice, language, folder / f"{language}.toml")
        for region, dates in head["rollouts"].items():
            rollout = Rollout(notice=notice, region=region, **dates)
            rollout.full_clean()
            rollout.save()
            rollout.record("announced", by=by, reason="The notice was loaded.")
        if publish:
            notice.publish()
    return notice


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ValidationError(f"{path.name}: {error}") from None


def _load_text(notice: Notice, language: str, path: Path) -> None:
    values = _read(path)
    kinds = {**values.pop("used", {}), **values.pop("never", {})}
    try:
        text = NoticeText(notice=notice, language=language, kinds=kinds, **values)
        text.full_clean()
    except (TypeError, ValidationError) as error:
        raise ValidationError(f"{path.name}: {error}") from None
    text.save()
