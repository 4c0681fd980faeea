"""What a notice says otherwise than the version before it, word by word."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher

from consent.completeness import label, written
from consent.models import Notice, NoticeText

_WORDS = re.compile(r"\s+|[^\s]+")


@dataclass(frozen=True, slots=True)
class Part:
    """``kind``: "same", "ins" or "del", as the elements of HTML are called."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Change:
    """What is different in one field of one language. ``field`` as staff call it."""

    field: str
    parts: list[Part]


@dataclass(frozen=True, slots=True)
class LanguageChanges:
    language: str
    name: str
    new: bool
    removed: bool
    changes: list[Change]


def changes(old: Notice, new: Notice) -> list[LanguageChanges]:
    """By language, those without a difference left out."""
    olds, news = (
        {text.language: text for text in notice.translations.select_related("notice")}
        for notice in (old, new)
    )
    found = []
    for language in sorted(olds.keys() | news.keys()):
        before, after = olds.get(language), news.get(language)
        differing = list(_changes(before, after))
        if differing:
            name = (after or before).get_language_display()  # type: ignore[union-attr]
            found.append(LanguageChanges(language, name, before is None, after is None, differing))
    return found


def structure(old: Notice, new: Notice) -> list[Change]:
    """What is different in the kinds of data."""
    pairs = (
        ("used", ", ".join(old.used), ", ".join(new.used)),
        ("never used", ", ".join(old.never_used), ", ".join(new.never_used)),
    )
    return [Change(name, compare(a, b)) for name, a, b in pairs if a != b]


def _changes(old: NoticeText | None, new: NoticeText | None) -> Iterator[Change]:
    before, after = (dict(_all(text)) if text else {} for text in (old, new))
    for name in {**after, **before}:
        a, b = before.get(name, ""), after.get(name, "")
        if a != b:
            yield Change(name, compare(a, b))


def _all(text: NoticeText) -> Iterator[tuple[str, str]]:
    for name, value in written(text):
        yield label(name), value
    for kind, words in text.kinds.items():
        for part, value in words.items():
            yield f"{kind}, {part}", value


def compare(old: str, new: str) -> list[Part]:
    """Both texts in one, by words; parts that are in one of them only are marked."""
    a, b = _WORDS.findall(old), _WORDS.findall(new)
    parts: list[Part] = []
    for kind, i1, i2, j1, j2 in SequenceMatcher(a=a, b=b, autojunk=False).get_opcodes():
        if kind == "equal":
            parts.append(Part("same", "".join(b[j1:j2])))
            continue
        if i2 > i1:
            parts.append(Part("del", "".join(a[i1:i2])))
        if j2 > j1:
            parts.append(Part("ins", "".join(b[j1:j2])))
    return parts
