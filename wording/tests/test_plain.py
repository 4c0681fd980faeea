"""Long sentences and long words are found, and told with figure and bound."""

import pytest
from django.conf import settings

from wording import plain
from wording.extract import Text
from wording.measures import Bounds, Read, bounds_by_language, sentences_of

BOUNDS = Bounds(words=8, longest=12, letters=12, long_share=0.04)
SHORT = "We keep your choice. " * 10
LONG = "We keep your choice and we keep it for as long as you want. "
PEDANTIC = (
    "The aforementioned organisation endeavours to facilitate comprehensive consideration of "
    "individual representations concerning the contemplated utilisation of information. "
)


def problems(texts: list[str], lists: tuple[str, ...] = (), bounds: Bounds = BOUNDS) -> str:
    return "\n".join(plain._problems_of(Read("a", texts, list(lists)), bounds))


def test_plain() -> None:
    assert problems([SHORT]) == ""


def test_a_long_sentence() -> None:
    assert "a sentence of 14 words, at most 12: 'We keep" in problems([LONG])


def test_long_sentences_on_average() -> None:
    text = "We keep your choice and we never change it. " * 4
    assert problems([text]) == "9.0 words in a sentence on average, at most 8"


def test_too_few_words_for_an_average() -> None:
    assert problems(["We keep your choice and we never change it."]) == ""


def test_very_long_words() -> None:
    text = SHORT + "Straßenverkehrsordnung. Fahrzeugzulassung. "
    assert problems([text]) == ""
    assert problems([text + "Datenschutz-Aufsicht."]) == ""
    found = problems([text + "Datenschutzaufsicht."])
    assert "7.0% of the words have over 12 letters, at most 4%: Straßenverkehrsordnung" in found


def test_a_list_is_no_long_sentence() -> None:
    things = ", ".join(["photo"] * 20)
    assert problems([SHORT], (things,)) == ""
    assert "a sentence of 20 words" in problems([SHORT, things])


def test_the_grade_of_english() -> None:
    bounds = Bounds(words=100, longest=100, letters=100, long_share=1, grade=8)
    assert problems([SHORT], bounds=bounds) == ""
    assert "Flesch-Kincaid grade" in problems([PEDANTIC * 2], bounds=bounds)


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("This is in Art. 21 of the GDPR. It holds.", 2),
        ("Nach Art. 6 Abs. 1 Buchst. f gilt das. Ja!", 2),
        ("Is it you? Yes.", 2),
        ("Είστε εσείς; Ναι.", 2),
        ("Write to: a, b", 1),
    ],
)
def test_where_sentences_end(text: str, sentences: int) -> None:
    assert len(sentences_of([text])) == sentences


def test_labels_and_placeholders_are_no_sentences() -> None:
    found = {
        Text("Save"): ["a.html"],
        Text("%(operator)s keeps <b>your choice</b>"): ["a.html"],
    }
    (page,) = plain._pages("en", found)
    assert sentences_of(page.texts) == ["it keeps your choice."]


@pytest.mark.parametrize("language", [code for code, _name in settings.LANGUAGES])
def test_every_language_has_bounds(language: str) -> None:
    assert bounds_by_language()[language].longest > bounds_by_language()[language].words
