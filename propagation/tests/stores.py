"""Stores that fail in chosen ways, for tests of the relay. They keep what they took in memory."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from propagation.choice import Choice
from propagation.stores.base import ChoiceRefused, Key, ReadableStore, Refusal

HELD: dict[Key, Choice] = {}
WRITES: list[Sequence[Choice]] = []
before_write: list[Callable[[Sequence[Choice]], None]] = []
"""Called in turn, one for each write; raises what the store is to raise."""
refuses: set[str] = set()


def reset() -> None:
    for kept in (HELD, WRITES, before_write, refuses):
        kept.clear()


class MemoryStore(ReadableStore):
    """Keeps the highest revision, as every store must."""

    def write(self, choices: Sequence[Choice]) -> None:
        if before_write:
            before_write.pop(0)(choices)
        WRITES.append(choices)
        for choice in choices:
            held = HELD.get(choice.key)
            if choice.member_ref not in refuses and (not held or choice.revision > held.revision):
                HELD[choice.key] = choice
        refused = [c for c in choices if c.member_ref in refuses]
        if refused:
            raise ChoiceRefused([Refusal(c.member_ref, c.purpose, "not mine") for c in refused])

    def read(self, keys: Iterable[Key]) -> Mapping[Key, Choice]:
        return {key: HELD[key] for key in keys if key in HELD}

    def scan(self, after: Key | None, limit: int) -> Iterator[Choice]:
        keys = sorted(key for key in HELD if after is None or key > after)
        return (HELD[key] for key in keys[:limit])

    def repair(self, choices: Sequence[Choice], extra: Sequence[Key]) -> None:
        for choice in choices:
            HELD[choice.key] = choice
        for key in extra:
            HELD.pop(key, None)

    def check(self) -> None:
        return None
