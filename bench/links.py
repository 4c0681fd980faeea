"""Personal links for another mail system, against the plainest way to write as many lines.

Ours: `campaigns.elsewhere` and its CSV, as `manage.py export_links` and the API use them: whom a
mail must not go to any more is left out, and each line has two encrypted links. The plainest way:
the same rows by one SELECT, and random words in the place of the links.
"""

import csv
import io
import secrets
import time
from collections.abc import Callable

from django.db import connection

from bench.table import Row
from campaigns import elsewhere
from campaigns.link_files import FORMATS
from campaigns.models import Campaign
from consent.links import LENGTH


def measure(campaign: Campaign, rounds: int) -> Row:
    """The campaign is one that is sent elsewhere, with its audience written down."""
    size = (campaign.audience or {})["size"]
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE campaigns_recipient")
    ours, theirs = [], []
    for _ in range(rounds):
        theirs.append(size / _seconds(_plainly, campaign))
        ours.append(size / _seconds(_exported, campaign))
    return Row("links exported", "a SELECT and random words as CSV", ours, theirs, 0.20)


def _seconds(work: Callable[[Campaign], None], campaign: Campaign) -> float:
    started = time.perf_counter()
    work(campaign)
    return time.perf_counter() - started


def _exported(campaign: Campaign) -> None:
    write = FORMATS["csv"](heading=True)
    lines = sum(write(page).count("\n") for page in elsewhere.pages(campaign))
    if lines != (campaign.audience or {})["size"] + 1:
        raise SystemExit("Some links were not exported.")


def _plainly(campaign: Campaign) -> None:
    rows = csv.writer(io.StringIO())
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT r.id, m.member_ref, r.language, r.minor FROM campaigns_recipient r"
            " JOIN accounts_member m ON m.id = r.member_id WHERE r.campaign_id = %s ORDER BY r.id",
            [campaign.pk],
        )
        for row in cursor:
            word = secrets.token_urlsafe(44)[:LENGTH]
            rows.writerow(
                [*row, f"https://bench.example/o/{word}/", f"https://bench.example/r/{word}/"]
            )
