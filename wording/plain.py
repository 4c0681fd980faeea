"""Plain language, as far as it can be measured.

English: the Flesch-Kincaid grade, which says how many years of school a text asks for. It is made
for English: in other languages, the length of sentences and the share of very long words have
bounds (`wording.measures`). locale/plain_language.toml has them all.
"""

from collections import defaultdict
from collections.abc import Iterator

import textstat

from wording import catalogues, notices
from wording.extract import BASE
from wording.measures import (
    ENOUGH,
    Bounds,
    Read,
    bounds_by_language,
    count,
    measured,
    sentences_of,
)

SENTENCE = 4
"""Words that make a sentence: shorter texts are labels, and are not measured with their page."""


def problems(language: str, found: catalogues.Found) -> Iterator[str]:
    """Each text that is over a bound, with the figure and the bound."""
    bounds = bounds_by_language()[language]
    for read in (*_notices(language), *_pages(language, found)):
        for problem in _problems_of(read, bounds):
            yield f"{read.name} ({language}): {problem}"


def _problems_of(read: Read, bounds: Bounds) -> Iterator[str]:
    yield from measured(read, bounds)
    text = " ".join(sentences_of(read.texts + read.lists))
    if bounds.grade is None or count(text) < ENOUGH:
        return
    grade = textstat.flesch_kincaid_grade(text)
    if grade > bounds.grade:
        yield f"Flesch-Kincaid grade {grade:.1f}, at most {bounds.grade:g}"


def _notices(language: str) -> Iterator[Read]:
    for folder in notices.folders():
        path = folder / f"{language}.toml"
        try:
            texts = notices.texts_of(path)
        except (OSError, ValueError):
            continue  # `notices.problems` tells
        name = path.relative_to(BASE).as_posix()
        fields = {key: text for key, text in texts.items() if "." not in key}
        kinds = [text for key, text in texts.items() if "." in key]
        yield Read(name, list(fields.values()), kinds)
        for key, text in fields.items():
            if count(text) >= ENOUGH:
                yield Read(f"{name}: {key}", [text])


def _pages(language: str, found: catalogues.Found) -> Iterator[Read]:
    pages: dict[str, list[str]] = defaultdict(list)
    translated = catalogues.translations(language)
    for text, places in found.items():
        shown = text.plural or text.english if language == "en" else translated.get(text, "")
        if count(shown) >= SENTENCE:
            for place in places:
                pages[place].append(shown)
    for place, shown_there in pages.items():
        yield Read(place, shown_there)
