"""What the tests of receipts share."""

import json
import secrets
from typing import Any

from django.test import Client

from ledger.seal import seal_all
from propagation.relay import relay

RFC_8037_KEY = "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"
RFC_8037_THUMBPRINT = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"


def new_key() -> str:
    return secrets.token_urlsafe(32)


def download(client: Client, revision: int = 1) -> dict[str, Any]:
    """The JSON receipt, as a member downloads it."""
    answer = client.get(f"/receipt/{revision}.json")
    assert answer.status_code == 200
    return json.loads(answer.content)


def carry_to_stores() -> None:
    seal_all(0)
    relay("sql")
