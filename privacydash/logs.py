"""Keeps what opens a member's page out of the logs."""

import logging
import re

TOKEN = re.compile(r"/([or])/[^/\s]+")


class HideTokens(logging.Filter):
    """Replaces the token in mail-link paths: who holds it can act for its member."""

    def filter(self, record: logging.LogRecord) -> bool:
        message = record.getMessage()
        if "/o/" in message or "/r/" in message:
            record.msg, record.args = TOKEN.sub(r"/\1/…", message), None
        return True
