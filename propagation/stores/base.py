"""What a downstream data store is, and the two ways in which it fails.

Adding one: a module with a subclass of `Store`, a subclass of the contract test
(`propagation/tests/contract.py`), and an entry in ``DATA_STORES``.
"""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from propagation.choice import Choice

type Key = tuple[str, str]
"""``(member_ref, purpose)``"""


class StoreUnavailable(Exception):
    """The store did not confirm the batch; the same batch is tried again later.

    ``retry_after`` is the number of seconds that the store asked us to wait, if it did.
    """

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class Refusal:
    member_ref: str
    purpose: str
    reason: str


class ChoiceRefused(Exception):
    """The store refuses the named choices for good, and has taken all others of the batch."""

    def __init__(self, refusals: Sequence[Refusal]) -> None:
        super().__init__("; ".join(f"{r.member_ref}: {r.reason}" for r in refusals[:3]))
        self.refusals = tuple(refusals)


class StoreMisconfigured(Exception):
    """The OPTIONS of the store in DATA_STORES cannot work; the message says which and why."""


class Store(ABC):
    """A downstream data store. One instance a process and alias; used by several threads.

    The constructor takes the entry's OPTIONS as keyword arguments, connects to nothing, and
    raises `StoreMisconfigured` for values that cannot work.
    """

    def __init__(self, **options: Any) -> None:
        if options:
            raise StoreMisconfigured(f"unknown option(s): {', '.join(sorted(options))}")

    @abstractmethod
    def write(self, choices: Sequence[Choice]) -> None:
        """Take a batch with at most one choice for each key; return when all are durable.

        Idempotent and safe in any order: for each key the highest revision seen is kept, so
        an older or equal revision changes nothing and is no error.

        Raises `StoreUnavailable` (some or none may have been taken) or `ChoiceRefused`
        (all but the named ones were taken).
        """

    @abstractmethod
    def check(self) -> None:
        """Return if the store answers; raise `StoreUnavailable` if it does not."""


class ReadableStore(Store):
    """A store that can be asked what it holds, for verification and reconciliation."""

    @abstractmethod
    def read(self, keys: Iterable[Key]) -> Mapping[Key, Choice]:
        """What the store holds for these keys; a key it does not hold is left out."""

    @abstractmethod
    def scan(self, after: Key | None, limit: int) -> Iterator[Choice]:
        """Up to ``limit`` held choices with keys greater than ``after``, in key order."""

    @abstractmethod
    def repair(self, choices: Sequence[Choice], extra: Sequence[Key]) -> None:
        """Hold exactly these choices, and nothing for the ``extra`` keys. For reconcile alone.

        Unlike `write` it also replaces an equal or a higher revision: the ledger has the last
        word on what somebody edited in the store. Raises as `write` does.
        """


class UnorderedStore(ReadableStore):
    """A store that keeps no order, so that each `scan` walks all of it; it can list its keys."""

    @abstractmethod
    def keys(self) -> Iterator[Key]:
        """All keys that are held, in one walk, in any order, some of them perhaps twice."""


class DigestStore(ReadableStore):
    """A store that can sum up a range of keys by itself, so that a match costs little."""

    @abstractmethod
    def digest(self, after: Key | None, until: Key | None) -> "Digest":
        """Sum up the held choices with keys greater than ``after`` and up to ``until``."""


class RemovingStore(ReadableStore):
    """A store that deletes the data of objectors, and tells how much."""

    @abstractmethod
    def removed(self, keys: Iterable[Key]) -> Mapping[Key, int]:
        """How many rows went so far for each of these choices for which any did."""


@dataclass(frozen=True, slots=True)
class Digest:
    """``count`` rows, and the sum of their `row_digest` modulo 2**63: the order plays no part."""

    count: int
    total: int


def row_digest(choice: Choice) -> int:
    """The first 60 bits of MD5 over key, decision and revision; SQL can compute the same.

    MD5 is there to notice mistakes and edits, not to resist an attacker: each SQL server has it.
    """
    text = f"{choice.member_ref}|{choice.purpose}|{choice.decision}|{choice.revision}"
    return int(hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()[:15], 16)
