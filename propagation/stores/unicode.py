"""Keys that no UTF-8 can hold, such as halves of surrogate pairs, are refused by name."""

from collections.abc import Sequence

from propagation.choice import Choice
from propagation.stores.base import ChoiceRefused, Key, Refusal


def encodable(key: Key) -> bool:
    try:
        "".join(key).encode()
    except UnicodeEncodeError:
        return False
    return True


def refuse_unencodable(choices: Sequence[Choice]) -> None:
    """Raise `ChoiceRefused` if there is one; to be called when the others are safe."""
    others = [choice.key for choice in choices if not encodable(choice.key)]
    if others:
        raise ChoiceRefused([Refusal(*key, "not valid Unicode") for key in others])
