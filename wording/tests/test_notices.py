"""The texts of a notice must be the same in all languages."""

from pathlib import Path

import pytest

from wording import notices

ENGLISH = """
basis = "Legitimate interests (GDPR Art. 6(1)(f))"
contact = "Ask {email}."
[used.profile]
label = "Your profile"
"""
GERMAN = """
basis = "Berechtigte Interessen (Art. 6 Abs. 1 Buchst. f DSGVO)"
contact = "Fragen Sie {email}."
[used.profile]
label = "Ihr Profil"
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(notices, "BASE", tmp_path)
    monkeypatch.setattr(notices, "NOTICES", tmp_path)
    folder = tmp_path / "purpose" / "1"
    folder.mkdir(parents=True)
    (folder / "notice.toml").touch()
    (folder / "en.toml").write_text(ENGLISH)
    (folder / "de.toml").write_text(GERMAN)
    return folder


def problems() -> str:
    return "\n".join(notices.problems("de"))


def test_in_order(folder: Path) -> None:
    assert problems() == ""


def test_no_file(folder: Path) -> None:
    (folder / "de.toml").unlink()
    assert problems().startswith("purpose/1/de.toml: no such file")


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ('label = "Ihr Profil"', "", "used.profile.label: not translated"),
        ("Ihr Profil", "", "used.profile.label: not translated"),
        ("Ihr Profil", "Your profile", "used.profile.label: the same as in English"),
        ("used", "never", "never.profile.label is not in en.toml"),
        ("{email}", "{mail}", "contact: placeholder {email} is missing"),
        ("Abs. 1", "Abs. 2", "basis: number 1 is missing"),
        ("Berechtigte", "Legitime", "basis: the legal term is missing: berechtigt* Interesse*"),
        ("[used", "[[used", "purpose/1/de.toml: "),
    ],
)
def test_out_of_order(folder: Path, old: str, new: str, problem: str) -> None:
    (folder / "de.toml").write_text(GERMAN.replace(old, new, 1))
    assert problem in problems()
