"""Typed environment helpers. A value that cannot be read stops the start and names its variable."""

import binascii
import json
import os
import re
from base64 import urlsafe_b64decode
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from django.core.exceptions import ImproperlyConfigured

_CONTACT = re.compile(r"\A(https://\S+|mailto:\S+@\S+|tel:\+?[\d-]+)\Z")


class Required:
    """Marks a variable that has no default."""


REQUIRED = Required()

TRUE = {"1", "true", "yes", "on"}
FALSE = {"0", "false", "no", "off"}


def parsed[T](name: str, default: T | Required, parse: Callable[[str], T]) -> T:
    """The variable as ``parse`` reads it; ``parse`` raises ValueError for what it cannot read."""
    raw = os.environ.get(name, "").strip()
    if not raw:
        if isinstance(default, Required):
            raise ImproperlyConfigured(
                f"{name} is not set. It is needed in production; see docs/configuration.md."
            )
        return default
    try:
        return parse(raw)
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} cannot be read: {error}") from None


def text(name: str, default: str | Required = REQUIRED) -> str:
    return parsed(name, default, str)


def secret(name: str, default: str | Required = REQUIRED) -> str:
    """A secret of at least 32 characters; shorter ones are refused, and never printed."""
    return parsed(name, default, _long_enough)


def secrets(name: str, default: list[str] | Required = REQUIRED) -> list[str]:
    """A comma-separated list of secrets, each as long."""
    return parsed(name, default, lambda raw: [_long_enough(word) for word in _words(raw)])


def named_secrets(name: str, default: dict[str, str] | Required = REQUIRED) -> dict[str, str]:
    """``name:secret`` pairs, comma-separated; the secrets as long as others, and never printed."""

    def parse(raw: str) -> dict[str, str]:
        pairs = [word.partition(":") for word in _words(raw)]
        if not all(re.fullmatch("[A-Za-z0-9_-]{1,40}", name) for name, _, _ in pairs):
            raise ValueError("expected name:secret, with a name of letters, digits, _ and -")
        if len({name for name, _, _ in pairs}) < len(pairs):
            raise ValueError("a name stands there twice")
        return {name: _long_enough(secret) for name, _, secret in pairs}

    return parsed(name, default, parse)


def _long_enough(raw: str) -> str:
    if len(raw) < 32:
        raise ValueError("a secret needs at least 32 characters")
    return raw


def integer(name: str, default: int | Required = REQUIRED, *, minimum: int = 0) -> int:
    def parse(raw: str) -> int:
        if not raw.isdecimal() or int(raw) < minimum:
            raise ValueError(f"expected a whole number of at least {minimum}, got {raw!r}")
        return int(raw)

    return parsed(name, default, parse)


def boolean(name: str, default: bool | Required = REQUIRED) -> bool:
    def parse(raw: str) -> bool:
        if raw.lower() not in TRUE | FALSE:
            raise ValueError(f"expected true or false, got {raw!r}")
        return raw.lower() in TRUE

    return parsed(name, default, parse)


def picture(raw: str) -> Path:
    """A file that browsers show as a picture."""
    path = Path(raw)
    if path.suffix.lower() not in {".svg", ".png", ".webp"}:
        raise ValueError(f"expected an .svg, .png or .webp file, got {raw!r}")
    if not path.is_file():
        raise ValueError(f"there is no file {raw!r}")
    return path


def words(name: str, default: list[str] | Required = REQUIRED) -> list[str]:
    """A comma-separated list; blanks around and between are dropped."""
    return parsed(name, default, _words)


def json_object(name: str, default: dict[str, Any] | Required = REQUIRED) -> dict[str, Any]:
    """An object in JSON; it may hold secrets, and is never printed."""

    def parse(raw: str) -> dict[str, Any]:
        try:
            value = json.loads(raw)
        except ValueError:
            value = None
        if not isinstance(value, dict):
            raise ValueError("expected an object in JSON")
        return value

    return parsed(name, default, parse)


def _words(raw: str) -> list[str]:
    return [word.strip() for word in raw.split(",") if word.strip()]


def signing_keys(name: str, default: list[str] | Required = REQUIRED) -> list[str]:
    """Ed25519 private keys, comma-separated: each 32 bytes in base64url; they are never printed."""

    def parse(raw: str) -> list[str]:
        keys = _words(raw)
        if not keys or not all(map(_is_key, keys)):
            raise ValueError("each key is 32 bytes in base64url: manage.py make_receipt_key")
        return keys

    return parsed(name, default, parse)


def _is_key(text: str) -> bool:
    try:
        return len(text) == 43 and len(urlsafe_b64decode(text + "=")) == 32
    except (binascii.Error, ValueError):
        return False


def day(name: str, default: str | Required = REQUIRED) -> str:
    """A day by ISO 8601, such as 2026-11-25."""
    return parsed(name, default, lambda raw: date.fromisoformat(raw).isoformat())


def hours(name: str, default: tuple[int, int]) -> tuple[int, int]:
    """Whole hours from and until, such as 7-20."""

    def parse(raw: str) -> tuple[int, int]:
        first, _, last = raw.partition("-")
        if not (first.isdecimal() and last.isdecimal() and int(first) < int(last) <= 24):
            raise ValueError(f"expected two hours of a day such as 7-20, got {raw!r}")
        return int(first), int(last)

    return parsed(name, default, parse)


def time_zone(raw: str) -> ZoneInfo:
    """By its name in the IANA database."""
    try:
        return ZoneInfo(raw)
    except (KeyError, ValueError, OSError):
        raise ValueError(f"there is no time zone {raw!r}") from None


def contacts(name: str, default: list[str]) -> list[str]:
    """Addresses as RFC 9116 wants them: https:, mailto: or tel:; a mail address may stand alone."""

    def parse(raw: str) -> list[str]:
        found = [word if ":" in word else f"mailto:{word}" for word in _words(raw)]
        if not found or not all(map(_CONTACT.match, found)):
            raise ValueError("each is a mail address, or begins with https:, mailto: or tel:")
        return found

    return parsed(name, default, parse)
