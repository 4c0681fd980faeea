"""What a store's error means, in words for people who did not write the driver."""

import re
from datetime import timedelta

MEANINGS = (
    (r"^misconfigured", "Its settings cannot work: `manage.py check` says which."),
    (r"password|authenticat|access denied|wrongpass|noauth|noperm|permission|answered 40[13]|"
     r"forbidden|credential|signature",
     "It refused our sign-in."),
    (r"timed? ?out|no full answer|too slow|statement timeout|canceling statement|lock wait",
     "It answered too slowly."),
    (r"certificate|ssl|tls", "Its encryption could not be trusted."),
    (r"name or service|getaddrinfo|nodename|name resolution|no address",
     "Its name is not known: check the address."),
    (r"private|not allowed to connect|address .* refused",
     "Its address is one that we do not connect to."),
    (r"refused|unreachable|reset|broken pipe|closed|could not connect|can't connect|gone away|"
     r"no route|disconnected|shutting down|starting up|errno 10|errno 11|errno 61",
     "It could not be reached."),
    (r"redirect", "It has moved: configure its final address."),
    (r"answered 429|too many", "It asks us to go slower."),
    (r"answered 5\d\d|loading|busy", "It has a problem of its own."),
    (r"disk|no space|full|out of memory|oom|readonly|read-only",
     "It cannot write: full or read-only."),
    (r"no such table|does not exist|doesn't exist|no such", "Something it needs is missing there."),
    (r"unexpected .*; see the log", "A mistake in the store's module; the log has the details."),
)  # fmt: skip


def in_words(error: str) -> str:
    """A short sentence for what a store said; what is not recognised stays as it was said."""
    for pattern, meaning in MEANINGS:
        if re.search(pattern, error, re.IGNORECASE):
            return meaning
    return error


def length(span: timedelta) -> str:
    """A time span in its two largest units: "15 min", "1 h 30 min", "2 d"."""
    seconds = int(span.total_seconds())
    units = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))
    parts = []
    for name, size in units:
        count, seconds = divmod(seconds, size)
        if count:
            parts.append(f"{count} {name}")
    return " ".join(parts[:2]) or "0 s"
