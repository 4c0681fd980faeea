"""The catalogue of a language must be complete and in order."""

from pathlib import Path

import polib
import pytest

from wording import catalogues
from wording.extract import Text

FOUND = {
    Text("Saved on %(date)s."): ["templates/a.html"],
    Text("%(n)s day", "%(n)s days"): ["consent/a.py", "templates/a.html"],
    Text("Save", context="verb"): ["templates/a.html"],
}
POLISH = {
    "Saved on %(date)s.": "Zapisano %(date)s.",
    "Save": "Zapisz",
}


@pytest.fixture
def base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(catalogues, "BASE", tmp_path)
    return tmp_path


@pytest.fixture
def polish(base: Path) -> polib.POFile:
    """A catalogue that is in order."""
    catalogues.update("pl", FOUND)
    catalogue = polib.pofile(str(catalogues.path_of("pl")))
    for entry in catalogue:
        if entry.msgid_plural:
            entry.msgstr_plural = {0: "%(n)s dzień", 1: "%(n)s dni", 2: "%(n)s dni"}
        else:
            entry.msgstr = POLISH[entry.msgid]
    catalogue.save()
    return catalogue


def problems() -> str:
    return "\n".join(catalogues.problems("pl", FOUND))


def test_in_order(polish: polib.POFile) -> None:
    assert problems() == ""


def test_no_file(base: Path) -> None:
    assert "locale/pl/LC_MESSAGES/django.po: no such file" in problems()


@pytest.mark.parametrize("nonsense", [b"nonsense\n", b'msgid "a"\nmsgstr "\xff"\n'])
def test_no_catalogue_at_all(polish: polib.POFile, nonsense: bytes) -> None:
    catalogues.path_of("pl").write_bytes(nonsense)
    assert problems().startswith("locale/pl/LC_MESSAGES/django.po: ")
    assert catalogues.translations("pl") == {}


def test_new_ones_are_empty(base: Path) -> None:
    catalogues.update("pl", FOUND)
    assert problems().count("not translated") == 5  # one of them with three forms


@pytest.mark.parametrize(
    ("spoilt", "problem"),
    [
        (lambda entry: setattr(entry, "msgstr", ""), "not translated"),
        (lambda entry: entry.flags.append("fuzzy"), "fuzzy"),
        (lambda entry: setattr(entry, "obsolete", True), "no longer in use"),
        (lambda entry: setattr(entry, "msgid", "Gone"), "no longer in use: 'Gone'"),
        (lambda entry: setattr(entry, "msgid", "Gone"), "missing: 'Saved on %(date)s.'"),
        (lambda entry: setattr(entry, "msgstr", "Zapisano."), "placeholder %(date)s is missing"),
    ],
)
def test_out_of_order(polish: polib.POFile, spoilt, problem: str) -> None:
    spoilt(polish[0])
    polish.save()
    assert problem in problems()


def test_the_same_as_in_english(polish: polib.POFile) -> None:
    polish[2].msgstr = polish[2].msgid
    polish.save()
    assert "the same as in English" in problems()
    polish[2].tcomment = catalogues.SAME
    polish.save()
    assert problems() == ""


def test_a_plural_form_is_missing(polish: polib.POFile) -> None:
    polish[1].msgstr_plural.pop(2)
    polish.save()
    assert "django.po:16: not translated: '%(n)s day'" in problems()


def test_plural_forms_of_another_language(polish: polib.POFile) -> None:
    polish.metadata["Plural-Forms"] = "nplurals=2; plural=(n != 1);"
    polish.save()
    assert "the header Plural-Forms must be: nplurals=3;" in problems()


def test_update_keeps_what_is_translated(polish: polib.POFile) -> None:
    new = {Text("New"): ["a.py"], **FOUND}
    del new[Text("Save", context="verb")]
    catalogues.update("pl", new)
    catalogue = polib.pofile(str(catalogues.path_of("pl")))
    assert [entry.msgid for entry in catalogue] == ["New", "Saved on %(date)s.", "%(n)s day"]
    assert catalogue[1].msgstr == "Zapisano %(date)s."
    assert catalogue[2].msgstr_plural[1] == "%(n)s dni"
    assert catalogue[2].occurrences == [("consent/a.py", ""), ("templates/a.html", "")]


def test_update_twice_changes_nothing(polish: polib.POFile) -> None:
    catalogues.update("pl", FOUND)
    once = catalogues.path_of("pl").read_bytes()
    catalogues.update("pl", FOUND)
    assert catalogues.path_of("pl").read_bytes() == once
