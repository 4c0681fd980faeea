"""What a translation must keep of the English text."""

import pytest

from wording.faithful import differences


@pytest.mark.parametrize(
    ("english", "translated"),
    [
        ("Saved on %(date)s.", "Gespeichert am %(date)s."),
        ("100 %% of {operator}", "100 %% von {operator}"),
        ('<a href="mailto:%(m)s">Write</a>', 'Bitte <a href="mailto:%(m)s">schreiben</a>'),
        ("GDPR Art. 21", "Art. 21 DSGVO und noch einmal 21"),
        ("%(operator)s", "%(operator)s"),
        ("{operator}, {email}", "{operator}, {email}"),
    ],
)
def test_faithful(english: str, translated: str) -> None:
    assert list(differences(english, translated)) == []


@pytest.mark.parametrize(
    ("english", "translated", "problem"),
    [
        ("Saved", "", "not translated"),
        ("Saved", " \n", "not translated"),
        ("Saved on %(date)s.", "Gespeichert.", "placeholder %(date)s is missing"),
        ("Saved on %(date)s.", "Gespeichert am %(Datum)s.", "%(Datum)s is not in the English"),
        ("Saved on %(date)s.", "Gespeichert am % (date)s.", "placeholder % is not in the English"),
        ("At most %d", "Höchstens %s", "placeholder %d is missing"),
        ("Ask {email}", "Fragen Sie {e-mail}", "placeholder {email} is missing"),
        ("<b>Now</b>", "Jetzt", "tag or link <b> is missing"),
        ('<a href="/x">Now</a>', '<a href="/y">Jetzt</a>', 'tag or link <a href="/x"> is missing'),
        ("GDPR Art. 21", "Art. 22 DSGVO", "number 22 is not in the English text"),
        ("Saved", "Gespeichert ", "blank"),
        ("Saved", "Saved", "the same as in English"),
        ("Press the button", "Press the Knopf", "English words: the"),
    ],
)
def test_not_faithful(english: str, translated: str, problem: str) -> None:
    assert any(problem in found for found in differences(english, translated))


def test_the_same_where_that_is_right() -> None:
    assert list(differences("PDF", "PDF", may_be_same=True)) == []
