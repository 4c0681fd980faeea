"""Connections and threads do not survive a fork: each process makes its own."""

import os
from collections.abc import Callable

from propagation.stores.base import StoreUnavailable

_users: dict[str, int] = {}


class OfThisProcess[T]:
    """Calls ``make`` when it is first called in a process, and gives the same thing afterwards.

    Locks belong into the thing as well: one that another thread held at the fork is never released.
    """

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._made: dict[int, T] = {}

    def __call__(self) -> T:
        process = os.getpid()
        if process not in self._made:
            self._made.setdefault(process, self._make())  # one wins, if two threads come at once
        return self._made[process]


def refuse_after_fork(library: str) -> None:
    """To be called before each use of a library whose own threads do not survive a fork.

    It would hang or end the process; Celery's prefork pool forks before any store is used.
    """
    if _users.setdefault(library, os.getpid()) != os.getpid():
        raise StoreUnavailable(f"{library} was in use when this process was forked: restart it")
