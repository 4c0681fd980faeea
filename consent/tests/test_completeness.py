"""What Art. 13 and 21 ask for is found, or its absence is."""

import pytest

from consent import completeness
from consent.completeness import State
from consent.loading import DEFAULT, load_notice

pytestmark = pytest.mark.django_db


@pytest.fixture
def draft(db):
    return load_notice(DEFAULT, publish=False, by="tests")


@pytest.fixture
def english(draft):
    return draft.translations.get(language="en")


def gaps(text):
    return {item.article: item.gap for item in completeness.items(text) if item.gap}


def test_nothing_is_missing_in_any_language_of_the_default_notice(draft):
    assert completeness.missing(draft) == []
    reference = draft.translations.get(language="en")
    found = {
        text.language: problems
        for text in draft.translations.all()
        if (problems := completeness.problems(text, reference))
    }
    assert found == {}


@pytest.mark.parametrize(
    ("field", "value", "article"),
    [
        ("contact", "{operator}", "13(1)(a)"),
        ("contact", "Write to {email}", "13(1)(b)"),
        ("why", "", "13(1)(c)"),
        ("basis", "Legitimate interests", "13(1)(c)"),
        ("basis_ch", "Because", "13(1)(c)"),
        ("basis_meaning", "\n", "13(1)(d)"),
        ("recipients", "", "13(1)(e)"),
        ("retention", "", "13(2)(a)"),
        ("effect", "", "21(1)"),
        ("right", "You have the right to object.", "21(4)"),
        ("right", "Art. 21 lets you say no.", "21(4)"),
    ],
)
def test_what_is_missing_is_named_with_its_article(english, field, value, article):
    setattr(english, field, value)
    assert article in gaps(english)


def test_data_without_words(english):
    english.kinds = {**english.kinds, "resumes": {"label": "Saved résumés", "detail": ""}}
    assert gaps(english) == {"13(1)(c)": "no words for: resumes"}


def test_what_no_field_is_about_is_left_to_a_person(english):
    judged = {i.article for i in completeness.items(english) if i.state is State.JUDGE}
    assert judged == {"13(1)(f)", "13(2)(f)"}


def test_a_translation_that_says_something_else(draft, english):
    german = draft.translations.get(language="de")
    german.basis = "Berechtigte Interessen (DSGVO Art. 7 Abs. 1 Buchst. f)"
    german.contact = "{operator}"
    found = "\n".join(completeness.problems(german, english))
    assert "legal basis: number 6 is missing" in found
    assert "placeholder {email} is missing" in found


def test_a_text_that_is_hard_to_read(english):
    english.why = "We train and " * 20 + "that is all."
    assert "a sentence of 63 words" in "\n".join(completeness.problems(english, None))


def test_what_should_be_seen(draft):
    draft.translations.filter(language="mt").delete()
    draft.rollouts.get(region="ch").history.all()
    assert completeness.warnings(draft) == [
        "Members will read the English text in place of: Malti."
    ]
