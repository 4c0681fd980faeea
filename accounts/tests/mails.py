"""Reads the mails of the sign-in tests."""

import re

from django.core import mail


def mailed_code() -> str:
    """The sign-in code in the last mail."""
    found = re.search(r"^ {4}(\S+)$", str(mail.outbox[-1].body), re.MULTILINE)
    assert found, mail.outbox[-1].body
    return found[1]


def mailed_link() -> str:
    """The path of the link in the last mail."""
    found = re.search(r"^https?://[^/]+(/\S+)$", str(mail.outbox[-1].body), re.MULTILINE)
    assert found, mail.outbox[-1].body
    return found[1]
