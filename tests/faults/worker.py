"""The Celery application of the suite's workers: the real one, with shorter waits.

A killed relay keeps its lease for a minute, and a store that was down is left alone for up to five:
with these waits a run would be mostly waiting. Everything else is as in production.
"""

from datetime import timedelta

import django

from privacydash.celery import app

LEASE = 3.0
"""Seconds; longer than the stores of the suite may take for a batch."""
LONGEST_BACKOFF = 2.0
PARKED_EVERY = 2.0


def shorten_waits() -> None:
    from propagation import backoff, relay

    # Fails where one of them is no longer there, rather than shortening nothing.
    assert relay.LEASE
    assert relay.PARKED_EVERY
    assert backoff.LONGEST
    relay.LEASE = timedelta(seconds=LEASE)
    relay.PARKED_EVERY = timedelta(seconds=PARKED_EVERY)
    backoff.LONGEST = LONGEST_BACKOFF


django.setup()
shorten_waits()

__all__ = ["app"]
