"""The texts of pages and mails: locale/<language>/LC_MESSAGES/django.po."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import polib
from babel.messages.plurals import get_plural

from wording.extract import BASE, Text
from wording.faithful import differences
from wording.terms import missing_terms

Found = dict[Text, list[str]]

SAME = "same in this language"
"""What a translator writes above an entry, as a comment, where the English word is right."""


def path_of(language: str) -> Path:
    return BASE / "locale" / language.replace("-", "_") / "LC_MESSAGES" / "django.po"


def problems(language: str, found: Found) -> Iterator[str]:
    """What is wrong with the catalogue, each with the file and line."""
    path = path_of(language)
    name = path.relative_to(BASE).as_posix()
    if not path.exists():
        yield f"{name}: no such file. `make messages` makes it."
        return
    try:
        catalogue = polib.pofile(str(path))
    except (OSError, ValueError) as error:
        yield f"{name}: {error}"
        return
    for header, value in _headers(language).items():
        if catalogue.metadata.get(header) != value:
            yield f"{name}: the header {header} must be: {value}"
    for entry in catalogue:
        if entry.obsolete or text_of(entry) not in found:
            yield f"{name}:{entry.linenum}: no longer in use: {entry.msgid!r}"
            continue
        for problem in _problems_of(entry, language):
            yield f"{name}:{entry.linenum}: {problem}: {entry.msgid!r}"
    for text in found.keys() - {text_of(entry) for entry in catalogue}:
        yield f"{name}: missing: {text.english!r}. `make messages` adds it."


def _problems_of(entry: polib.POEntry, language: str) -> Iterator[str]:
    if entry.fuzzy:
        yield "fuzzy: check the translation and remove the mark"
    for english, translated in _pairs(entry, get_plural(language).num_plurals):
        yield from differences(english, translated, may_be_same=SAME in entry.tcomment)
        yield from missing_terms(english, translated, language)


def _pairs(entry: polib.POEntry, forms: int) -> Iterable[tuple[str, str]]:
    if not entry.msgid_plural:
        return [(entry.msgid, entry.msgstr)]
    return [(entry.msgid_plural, entry.msgstr_plural.get(form, "")) for form in range(forms)]


def translations(language: str) -> dict[Text, str]:
    """What can be read of the catalogue; of plural forms, one."""
    path = path_of(language)
    try:
        catalogue = polib.pofile(str(path)) if path.exists() else []
    except (OSError, ValueError):
        return {}
    return {
        text_of(entry): entry.msgstr or max(entry.msgstr_plural.values(), default="")
        for entry in catalogue
    }


def update(language: str, found: Found) -> None:
    """Carry new texts into the catalogue, and those that are no longer used out of it."""
    path = path_of(language)
    old = {text_of(entry): entry for entry in polib.pofile(str(path))} if path.exists() else {}
    # So that a line is a text: programs for translators wrap as they like.
    new = polib.POFile(wrapwidth=0)
    new.header = f"See docs/translating.md. To check this file: make lint-language L={language}"
    new.metadata = _headers(language)
    forms = range(get_plural(language).num_plurals)
    for text, places in found.items():
        entry = old.get(text) or polib.POEntry(
            msgid=text.english,
            msgid_plural=text.plural,
            msgctxt=text.context or None,
            msgstr_plural=dict.fromkeys(forms, "") if text.plural else {},
        )
        entry.occurrences = [(place, "") for place in places]
        entry.flags = ["python-format"] if "%(" in text.english else []
        new.append(entry)
    path.parent.mkdir(parents=True, exist_ok=True)
    new.save(str(path))


def _headers(language: str) -> dict[str, str]:
    plural = get_plural(language)
    return {
        "Project-Id-Version": "PrivacyDash",
        "Language": language,
        "MIME-Version": "1.0",
        "Content-Type": "text/plain; charset=UTF-8",
        "Content-Transfer-Encoding": "8bit",
        "Plural-Forms": f"nplurals={plural.num_plurals}; plural={plural.plural_expr};",
    }


def text_of(entry: polib.POEntry) -> Text:
    return Text(entry.msgid, entry.msgid_plural, entry.msgctxt or "")
