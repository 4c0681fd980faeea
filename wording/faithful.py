"""Whether a translation keeps what must not get lost from the English text."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator

# %(name)s and {name} are filled in; a lone % or brace would break that.
_PLACEHOLDER = re.compile(r"%\(\w+\)[a-z]|%[ds]|\{\w+\}|%%|%|[{}]")
_TAG = re.compile(r"<[^>]*>")
_NUMBER = re.compile(r"\d+")
_WORD = re.compile(r"[^\W\d_]+")
# Words of English alone: no other language here has them.
_ENGLISH = {"the", "this", "with", "you", "your"}


def differences(english: str, translated: str, *, may_be_same: bool = False) -> Iterator[str]:
    """What is wrong with the translation, in words; of an empty one, only that it is empty."""
    if not translated.strip():
        yield "not translated"
        return
    if translated != translated.strip() and english == english.strip():
        yield "starts or ends with a blank"
    for what, pattern in (("placeholder", _PLACEHOLDER), ("tag or link", _TAG)):
        yield from _unlike(what, pattern.findall(english), pattern.findall(translated))
    # The numbers of articles, ages and times: repeating one is fine, another one is not.
    numbers = (set(_NUMBER.findall(text)) for text in (english, translated))
    yield from _unlike("number", *numbers)
    if translated == english:
        if _words(english) and not may_be_same:
            yield "the same as in English"
    elif left := _ENGLISH & _words(translated):
        yield f"English words: {', '.join(sorted(left))}"


def _unlike(what: str, english: Iterable[str], translated: Iterable[str]) -> Iterator[str]:
    ours, theirs = Counter(english), Counter(translated)
    for part in ours - theirs:
        yield f"{what} {part} is missing"
    for part in theirs - ours:
        yield f"{what} {part} is not in the English text"


def bare(text: str, filled_with: str = " ") -> str:
    """The text without tags, and with something in place of each placeholder."""
    return _PLACEHOLDER.sub(filled_with, _TAG.sub(" ", text))


def _words(text: str) -> set[str]:
    return set(_WORD.findall(bare(text).lower()))
