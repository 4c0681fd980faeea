"""The texts that we translate for Django and allauth are still what they say."""

from importlib.metadata import distribution
from pathlib import Path

import pytest

from accounts import borrowed_texts
from wording.extract import Text, texts

BORROWED = [text for text, places in texts().items() if "accounts/borrowed_texts.py" in places]


def _sources() -> str:
    folders = [
        Path(str(distribution(name).locate_file(folder)))
        for name, folder in (
            ("Django", "django/forms"),
            ("Django", "django/core"),
            ("Django", "django/contrib/auth"),
            ("django-allauth", "allauth/account"),
        )
    ]
    files = [path for folder in folders for path in folder.rglob("*.py")]
    joined = "".join(path.read_text(encoding="utf-8") for path in files)
    # Literals that Python joins, and how they are quoted, make no difference.
    return "".join(joined.replace('"', "").split())


@pytest.fixture(scope="module")
def sources() -> str:
    return _sources()


def test_all_are_found() -> None:
    assert len(BORROWED) == len(borrowed_texts.TEXTS)


@pytest.mark.parametrize("text", BORROWED, ids=lambda text: text.english[:20])
def test_stands_in_the_library(sources: str, text: Text) -> None:
    for words in filter(None, (text.english, text.plural)):
        assert "".join(words.split()) in sources
