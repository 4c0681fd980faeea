"""Members who had their data here deleted are not taken in again.

What is kept for that are keyed hashes (HMAC-SHA256) of their reference and address: the next
import can be compared with them, and without the key nobody can tell whose they are.
"""

import hmac
from collections.abc import Iterable

from django.conf import settings

from accounts.models import Suppression

type Person = tuple[str, str]
"""``(member_ref, email)``, the address in lower case"""


class KeyMissing(Exception):
    """There are suppressions that cannot be read with the keys that are given."""


def suppress(person: Person) -> None:
    """Keep what is needed to know this person again; repeating it changes nothing."""
    Suppression.objects.bulk_create(
        [
            Suppression(digest=digest, key_id=_key_id(settings.SUPPRESSION_KEY))
            for digest in _digests(settings.SUPPRESSION_KEY, person)
        ],
        ignore_conflicts=True,
    )


def suppressed(people: Iterable[Person]) -> set[Person]:
    """Those whose reference or address belonged to somebody who was erased."""
    marks = {person: _marks(person) for person in people}
    wanted = {mark for own in marks.values() for mark in own}
    found = set(Suppression.objects.filter(digest__in=wanted).values_list("digest", flat=True))
    return {person for person, own in marks.items() if own & found}


def lift(person: Person) -> int:
    """Let somebody in again who asks for it; return how many suppressions that were.

    The reference and the address have one each.
    """
    return Suppression.objects.filter(digest__in=_marks(person)).delete()[0]


def require_keys() -> None:
    """Raises KeyMissing rather than let erased members in, unseen, after a key was replaced."""
    if Suppression.objects.exclude(key_id__in=[_key_id(key) for key in _keys()]).exists():
        raise KeyMissing(
            "There are suppressions made with a key that is not given. Put the former key into "
            "SUPPRESSION_KEY_FALLBACKS; see docs/configuration.md."
        )


def _keys() -> list[str]:
    return [settings.SUPPRESSION_KEY, *settings.SUPPRESSION_KEY_FALLBACKS]


def _marks(person: Person) -> set[str]:
    return {digest for key in _keys() for digest in _digests(key, person)}


def _digests(key: str, person: Person) -> tuple[str, str]:
    member_ref, email = person
    return _hash(key, f"member_ref:{member_ref}"), _hash(key, f"email:{email}")


def _key_id(key: str) -> str:
    return _hash(key, "key")[:8]


def _hash(key: str, value: str) -> str:
    return hmac.digest(key.encode(), value.encode(), "sha256").hex()
