"""`make bench`: speed as ratios, each against the plainest way to do the same on this machine.

`python -m bench choices` measures the parts that are named, and keeps nothing.
"""

import json
import os
import secrets
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import django
from django.core.management import call_command

from bench import machine, table
from bench.table import Row

PARTS = {"choices", "stores", "relaying", "mailing"}


def main(only: Sequence[str]) -> None:
    with (
        tempfile.TemporaryDirectory(prefix="bench-") as name,
        machine.servers(Path(name)) as (site, store, valkey),
    ):
        folder = Path(name)
        _configure(site, store, valkey, folder)
        django.setup()
        call_command("migrate", verbosity=0)
        from bench import arriving, choices, mailing, relaying  # noqa: PLC0415 — they need a configured Django

        parts: dict[str, Callable[[], list[Row]]] = {
            "choices": lambda: [choices.measure(site, folder)],
            "stores": lambda: [choices.measure_stores(folder)],
            "relaying": lambda: [*relaying.measure(store, valkey)],
            "mailing": lambda: [*mailing.measure()],
        }
        if only:
            print(*table.lines([row for part in only for row in parts[part]()]), sep="\n")
            return
        arrival = arriving.measure(folder)
        rows = [row for part in parts.values() for row in part()]
        print(*table.lines(rows), arrival, sep="\n")
        table.keep(
            rows, arrival, machine.description(site), machine.durability(site), choices.SHAPE
        )


def _configure(site: str, store: str, valkey: str, folder: Path) -> None:
    """Production by variables, as docs/configuration.md has it; the web server inherits them."""
    stores: dict[str, dict[str, Any]] = {
        "postgresql": {"BACKEND": "propagation.stores.sql.SqlStore", "OPTIONS": {"url": store}},
        "redis": {"BACKEND": "propagation.stores.redis.RedisStore", "OPTIONS": {"url": valkey}},
    }
    for alias, entry in stores.items():
        entry |= {"LABEL": alias, "SLA": 900}
    os.environ |= {
        "DJANGO_SETTINGS_MODULE": "privacydash.settings",
        "PRIVACYDASH_MODE": "production",
        "PRIVACYDASH_DATA": str(folder),
        "DATABASE_URL": site,
        "CELERY_BROKER_URL": valkey,
        "SECRET_KEY": secrets.token_urlsafe(48),
        "SUPPRESSION_KEY": secrets.token_urlsafe(48),
        "RECEIPT_KEYS": secrets.token_urlsafe(32),
        "ALLOWED_HOSTS": machine.HOST,
        "SITE_URL": f"https://{machine.HOST}",
        "BEHIND_TLS_PROXY": "true",
        "STATIC_ROOT": str(folder),
        "EMAIL_HOST": "localhost",
        "OPERATOR_NAME": "Bench",
        "OPERATOR_PRIVACY_EMAIL": f"privacy@{machine.HOST}",
        "OPERATOR_LEAD_COUNTRY": "IE",
        "DATA_STORES": json.dumps(stores),
        "LOG_LEVEL": "INFO",
    }


if __name__ == "__main__":
    if unknown := set(sys.argv[1:]) - PARTS:
        raise SystemExit(f"No part {', '.join(unknown)}; there are {', '.join(sorted(PARTS))}.")
    main(sys.argv[1:])
