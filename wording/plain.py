"""Plain language, as far as it can be measured.

English: the Flesch-Kincaid grade, which says how many years of school a text asks for. It is made
for English: in other languages, the length of sentences and the share of very long words have
bounds. locale/plain_language.toml has them all.
"""

import re
import tomllib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache

import textstat

from wording import catalogues, notices
from wording.extract import BASE
from wording.faithful import bare

ENOUGH = 30
"""Words in a text from which on a mean says something about it."""
FEW = 2
"""Very long words that any text may have."""
SENTENCE = 4
"""Words that make a sentence: shorter texts are labels, and are not measured with their page."""

_WORD = re.compile(r"[^\W\d_]+(?:[-'’][^\W\d_]+)*")
_PARTS = re.compile(r"[-'’]")
_END = re.compile(r"(?<=[.!?:;·])[\s”“»)]+")


@dataclass(frozen=True, slots=True)
class Bounds:
    """``words``: in a sentence, as the mean of a text; ``longest``: in any sentence; ``letters``:
    a word with more is very long; ``long_share``: of such words; ``grade``: Flesch-Kincaid."""

    words: int
    longest: int
    letters: int
    long_share: float
    grade: float | None = None


@dataclass(frozen=True, slots=True)
class Read:
    """What is read in one go: a page, a mail, a notice or a part of it.

    ``lists``: things one after another, which make a long sentence that is easy all the same.
    """

    name: str
    texts: list[str]
    lists: list[str] = field(default_factory=list)


def problems(language: str, found: catalogues.Found) -> Iterator[str]:
    """Each text that is over a bound, with the figure and the bound."""
    bounds = _bounds()[language]
    for read in (*_notices(language), *_pages(language, found)):
        for problem in _problems_of(read, bounds):
            yield f"{read.name} ({language}): {problem}"


def _problems_of(read: Read, bounds: Bounds) -> Iterator[str]:
    for sentence in _sentences(read.texts):
        if (length := _count(sentence)) > bounds.longest:
            yield f"a sentence of {length} words, at most {bounds.longest}: {sentence!r}"
    sentences = _sentences(read.texts + read.lists)
    words = _WORD.findall(" ".join(sentences))
    if len(words) < ENOUGH:
        return
    if (mean := len(words) / len(sentences)) > bounds.words:
        yield f"{mean:.1f} words in a sentence on average, at most {bounds.words}"
    long_words = [word for word in words if _is_long(word, bounds)]
    share = len(long_words) / len(words)
    if share > bounds.long_share and len(long_words) > FEW:
        yield (
            f"{share:.1%} of the words have over {bounds.letters} letters, "
            f"at most {bounds.long_share:.0%}: {', '.join(long_words)}"
        )
    if bounds.grade is not None:
        grade = textstat.flesch_kincaid_grade(" ".join(sentences))
        if grade > bounds.grade:
            yield f"Flesch-Kincaid grade {grade:.1f}, at most {bounds.grade:g}"


def _sentences(texts: Iterable[str]) -> list[str]:
    """All sentences, without tags; a text that does not end as a sentence is one all the same."""
    sentences: list[str] = []
    for text in texts:
        parts = _END.split(" ".join(bare(text, "it").split()))
        for part in parts:
            # "Art. 21", "Buchst. f": no sentence starts with a digit or a small letter.
            if part is not parts[0] and not part[:1].isupper():
                sentences[-1] += f" {part}"
            else:
                sentences.append(part)
        if not sentences[-1].endswith((".", "!", "?", ":", ";")):
            sentences[-1] += "."
    return sentences


def _is_long(word: str, bounds: Bounds) -> bool:
    """Whether a part between hyphens and apostrophes is: il-funzjonijiet, Datenschutz-Behörde."""
    return any(len(part) > bounds.letters for part in _PARTS.split(word))


def _count(text: str) -> int:
    return len(_WORD.findall(text))


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
            if _count(text) >= ENOUGH:
                yield Read(f"{name}: {key}", [text])


def _pages(language: str, found: catalogues.Found) -> Iterator[Read]:
    pages: dict[str, list[str]] = defaultdict(list)
    translated = catalogues.translations(language)
    for text, places in found.items():
        shown = text.plural or text.english if language == "en" else translated.get(text, "")
        if _count(shown) >= SENTENCE:
            for place in places:
                pages[place].append(shown)
    for place, shown_there in pages.items():
        yield Read(place, shown_there)


@cache
def _bounds() -> dict[str, Bounds]:
    found = tomllib.loads((BASE / "locale/plain_language.toml").read_text(encoding="utf-8"))
    shared = found.pop("all")
    return {language: Bounds(**shared | bounds) for language, bounds in found.items()}
