"""What the law asks a notice to say, and where it says it: GDPR Art. 13 and 21.

A list to work through, not a verdict: that a text is there does not make it right.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from django.conf import settings
from django.db.models import Field

from accounts.regions import Region
from consent.models import Notice, NoticeText
from wording.faithful import differences
from wording.measures import Read, bounds_by_language, measured
from wording.terms import has_term, missing_terms


class State(StrEnum):
    SAID = "said"
    MISSING = "missing"
    BY_PAGE = "by the page"
    """Every page for members says it, whatever the notice."""
    JUDGE = "for you to judge"
    """No field is about it: whether the texts say enough is for a person to say."""


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that the law asks for. ``gap``: what is missing, in words for staff."""

    article: str
    wanted: str
    state: State
    gap: str = ""


def label(name: str) -> str:
    """What staff call a field of a text."""
    field = NoticeText._meta.get_field(name)
    assert isinstance(field, Field)  # noqa: S101 (only relations from elsewhere are none)
    return str(field.verbose_name)


Check = Callable[[NoticeText], str]
"""What is missing of an item in a text, in words; empty for nothing."""


def _fields(*names: str) -> Check:
    def check(text: NoticeText) -> str:
        empty = [name for name in names if not getattr(text, name).strip()]
        return f"nothing is written under: {', '.join(map(label, empty))}" if empty else ""

    return check


def _contact(text: NoticeText) -> str:
    contact = text.filled().contact
    if settings.OPERATOR_NAME not in contact:
        return "“whom to ask” does not name the operator: write {operator}"
    return "" if "@" in contact else "“whom to ask” has no address: write {email}"


# "Art. 6(1)(f)", "f-lið 1. mgr. 6. gr.": each language cites in its own way.
_PARAGRAPH = re.compile(r"(?=.*\b6\b)(?=.*\b1\b)", re.DOTALL)
_CITED = {
    "basis": ("6(1)", _PARAGRAPH),
    "basis_gb": ("6(1)", _PARAGRAPH),
    "basis_ch": ("31", re.compile(r"\b31\b")),
}


def _basis(text: NoticeText) -> str:
    for name, (article, pattern) in _CITED.items():
        if not pattern.search(getattr(text, name)):
            return f"“{label(name)}” does not cite Art. {article}"
    return ""


def _right(text: NoticeText) -> str:
    if "21" not in text.right:
        return "“right to object” does not cite Art. 21"
    if not has_term(text.right, "right_to_object", text.language):
        return "“right to object” does not call it by its legal name"
    return ""


def _kinds(text: NoticeText) -> str:
    if not text.notice.used:
        return "no kind of data that is used is named"
    named = [*text.notice.used, *text.notice.never_used]
    empty = [
        kind
        for kind in named
        if not all(text.kinds.get(kind, {}).get(part, "").strip() for part in ("label", "detail"))
    ]
    return f"no words for: {', '.join(empty)}" if empty else ""


_ITEMS: tuple[tuple[str, str, Check | State], ...] = (
    ("13(1)(a)", "who is responsible, and how to reach them", _contact),
    ("13(1)(b)", "how to reach the data protection officer", _contact),
    ("13(1)(c)", "what the data is used for", _fields("purpose_name", "title", "summary", "why")),
    ("13(1)(c)", "which data is used, and which is never used", _kinds),
    ("13(1)(c)", "the legal basis, in each region", _basis),
    ("13(1)(d)", "the legitimate interest that is relied on", _fields("basis_meaning")),
    ("13(1)(e)", "who receives the data", _fields("recipients")),
    ("13(1)(f)", "whether data leaves the EEA, and what protects it then", State.JUDGE),
    ("13(2)(a)", "for how long the data is kept", _fields("retention")),
    ("13(2)(b)", "access, erasure and a copy of the data", State.BY_PAGE),
    ("13(2)(d)", "the authority to complain to", State.BY_PAGE),
    ("13(2)(f)", "whether something is decided about members by machines alone", State.JUDGE),
    ("21(1)", "what objecting does, and what it cannot undo", _fields("effect", "not_undone")),
    ("21(4)", "the right to object, by its name and article", _right),
    ("21(4)", "the right to object, apart from all else", State.BY_PAGE),
    ("21(5)", "a way to object by automated means", State.BY_PAGE),
)


def items(text: NoticeText) -> list[Item]:
    """Each thing that Art. 13 and 21 ask for, and whether this text says it."""
    return [_item(text, *row) for row in _ITEMS]


def _item(text: NoticeText, article: str, wanted: str, check: Check | State) -> Item:
    if isinstance(check, State):
        return Item(article, wanted, check)
    gap = check(text)
    return Item(article, wanted, State.MISSING if gap else State.SAID, gap)


def problems(text: NoticeText, reference: NoticeText | None) -> list[str]:
    """What makes a text hard to read, or says other things than the reference text does."""
    if text.language not in bounds_by_language():
        return ["There are no bounds for how plain this language is to be."]
    return [*_hard_to_read(text), *(_unfaithful(text, reference) if reference else ())]


def _hard_to_read(text: NoticeText) -> Iterator[str]:
    fields = [value for _name, value in written(text)]
    kinds = [words for kind in text.kinds.values() for words in kind.values()]
    bounds = bounds_by_language()[text.language]
    yield from measured(Read("", [field for field in fields if field], kinds), bounds)


def _unfaithful(text: NoticeText, reference: NoticeText) -> Iterator[str]:
    if text.language == reference.language:
        return
    for name, english in written(reference):
        translated = getattr(text, name)
        for problem in (
            *differences(english, translated),
            *missing_terms(english, translated, text.language),
        ):
            yield f"{label(name)}: {problem}"


def written(text: NoticeText) -> Iterable[tuple[str, str]]:
    """Name and value of each field, as it was written, without the kinds of data."""
    return [(name, getattr(text, name)) for name in NoticeText.PLACEHOLDER_FIELDS]


def missing(notice: Notice) -> list[str]:
    """What keeps the notice from being proposed: what each of its texts lacks."""
    texts = {text.language: text for text in notice.translations.all()}
    return [
        f"{language}: Art. {item.article}, {item.wanted}: {item.gap}"
        for language, text in sorted(texts.items())
        for item in items(text)
        if item.state is State.MISSING
    ]


def warnings(notice: Notice) -> list[str]:
    """What should be seen before a notice is published, and does not keep anybody from it."""
    texts = set(notice.translations.values_list("language", flat=True))
    without = [name for code, name in settings.LANGUAGES if code not in texts]
    announced = set(notice.rollouts.values_list("region", flat=True))
    found = []
    if without:
        found.append(f"Members will read the English text in place of: {', '.join(without)}.")
    if left := [region.value for region in Region if region not in announced]:
        found.append(f"It is not announced in: {', '.join(left)}. Nothing is used there.")
    return found
