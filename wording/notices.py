"""The texts of notices: consent/notices/<purpose>/<version>/<language>.toml."""

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from wording.extract import BASE
from wording.faithful import differences
from wording.terms import missing_terms

NOTICES = BASE / "consent" / "notices"


def folders() -> list[Path]:
    return sorted(path.parent for path in NOTICES.glob("*/*/notice.toml"))


def texts_of(path: Path) -> dict[str, str]:
    """The texts by name, as in ``used.profile.label``. Raises OSError and ValueError."""
    return dict(_flat(tomllib.loads(path.read_text(encoding="utf-8"))))


def problems(language: str) -> Iterator[str]:
    """What is wrong with the notices in the language, each with file and name of the text."""
    for folder in folders():
        path = folder / f"{language}.toml"
        name = path.relative_to(BASE).as_posix()
        if not path.exists():
            yield f"{name}: no such file. Copy en.toml and translate it."
            continue
        try:
            translated = texts_of(path)
        except ValueError as error:
            yield f"{name}: {error}"
            continue
        english = texts_of(folder / "en.toml")
        for key in translated.keys() - english.keys():
            yield f"{name}: {key} is not in en.toml"
        for key, text in english.items():
            for problem in _problems_of(text, translated.get(key, ""), language):
                yield f"{name}: {key}: {problem}"


def _problems_of(english: str, translated: str, language: str) -> Iterator[str]:
    yield from differences(english, translated)
    yield from missing_terms(english, translated, language)


def _flat(values: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, value in values.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", str(value)
