"""Measures of plain language that need no package: sentence length, and very long words.

locale/plain_language.toml has the bounds of each language.
"""

import re
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache

from wording.extract import BASE
from wording.faithful import bare

ENOUGH = 30
"""Words in a text from which on a mean says something about it."""
FEW = 2
"""Very long words that any text may have."""
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


def measured(read: Read, bounds: Bounds) -> Iterator[str]:
    """Each bound that the text is over, with the figure."""
    for sentence in sentences_of(read.texts):
        if (length := count(sentence)) > bounds.longest:
            yield f"a sentence of {length} words, at most {bounds.longest}: {sentence!r}"
    sentences = sentences_of(read.texts + read.lists)
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


def sentences_of(texts: Iterable[str]) -> list[str]:
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


def count(text: str) -> int:
    return len(_WORD.findall(text))


@cache
def bounds_by_language() -> dict[str, Bounds]:
    found = tomllib.loads((BASE / "locale/plain_language.toml").read_text(encoding="utf-8"))
    shared = found.pop("all")
    return {language: Bounds(**shared | bounds) for language, bounds in found.items()}
