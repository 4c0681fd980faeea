"""The words of the law: a term of the GDPR must be called what its official text calls it.

locale/legal_terms.toml lists for each language what a term may look like. Where the English text
has a term, the translation must have it.
"""

import re
import tomllib
from collections.abc import Iterator
from functools import cache

from wording.extract import BASE


def missing_terms(english: str, translated: str, language: str) -> Iterator[str]:
    """What to say of each term that the English text has and the translation has not."""
    for term, forms in _terms()[language].items():
        if _has(english, _terms()["en"][term]) and not _has(translated, forms):
            yield f"the legal term is missing: {' or '.join(forms)}"


def has_term(text: str, term: str, language: str) -> bool:
    """Whether the text has the term, by one of its names in the language."""
    return _has(text, _terms()[language][term])


def _has(text: str, forms: tuple[str, ...]) -> bool:
    return any(_pattern(form).search(text) for form in forms)


@cache
def _pattern(form: str) -> re.Pattern[str]:
    """``*`` stands for any ending, ``…`` for some words of the same sentence."""
    words = (re.escape(word).replace(r"\*", r"\w*") for word in form.split())
    return re.compile(
        r"\b" + r"\s+".join(words).replace(r"\s+…\s+", r"\b[^.!?]{1,80}?\b") + r"\b", re.IGNORECASE
    )


@cache
def _terms() -> dict[str, dict[str, tuple[str, ...]]]:
    found = tomllib.loads((BASE / "locale/legal_terms.toml").read_text(encoding="utf-8"))
    return {
        language: {term: tuple(forms) for term, forms in terms.items()}
        for language, terms in found.items()
    }
