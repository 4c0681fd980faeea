"""When to try a store again: exponential, with full jitter, from 1 s to 5 min."""

import random
from datetime import timedelta

FIRST = 1.0
LONGEST = 300.0


def backoff(failures: int, retry_after: float | None = None) -> timedelta:
    """The wait after so many failures in a row; at least what the store asked for (seconds).

    Full jitter (a random point of the whole interval) keeps relays of many hosts from coming
    back in step; see "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
    """
    ceiling = min(LONGEST, FIRST * 2 ** min(failures - 1, 20))
    wait = random.uniform(FIRST / 2, ceiling)  # noqa: S311 — spreads load, guards nothing
    # A store cannot ask to be left alone for longer than a day.
    return timedelta(seconds=max(wait, min(retry_after or 0.0, 86_400.0)))
