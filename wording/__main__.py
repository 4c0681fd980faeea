"""Check the texts that people read, in all languages or in those named."""

import os
import sys
from argparse import ArgumentParser
from collections.abc import Iterator

from wording import catalogues, notices, plain
from wording.extract import texts

SHOWN = 20
"""Problems shown of each language where all are checked."""


def main() -> None:
    languages = site_languages()
    parser = ArgumentParser(prog="python -m wording", description=__doc__)
    parser.add_argument("language", nargs="*", help=f"from {' '.join(languages)}; default: all")
    parser.add_argument("--update", action="store_true", help="carry new texts into the catalogues")
    options = parser.parse_args()
    if unknown := set(options.language) - set(languages):
        parser.error(f"not in settings.LANGUAGES: {' '.join(sorted(unknown))}")
    chosen = options.language or languages
    found = texts()
    if options.update:
        for language in set(chosen) - {"en"}:
            catalogues.update(language, found)
        return
    wrong = {language: list(problems(language, found)) for language in chosen}
    report(wrong, shown=SHOWN if len(chosen) > 1 else None)
    sys.exit(any(wrong.values()))


def site_languages() -> list[str]:
    from django.conf import settings  # noqa: PLC0415

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "privacydash.settings")
    return [code for code, _name in settings.LANGUAGES]


def problems(language: str, found: catalogues.Found) -> Iterator[str]:
    if language != "en":
        yield from catalogues.problems(language, found)
        yield from notices.problems(language)
    yield from plain.problems(language, found)


def report(wrong: dict[str, list[str]], shown: int | None) -> None:
    for language, lines in wrong.items():
        for line in lines[:shown]:
            print(line)  # noqa: T201
        if hidden := len(lines[shown:]) if shown else 0:
            print(f"… and {hidden} more: make lint-language L={language}")  # noqa: T201


if __name__ == "__main__":
    main()
