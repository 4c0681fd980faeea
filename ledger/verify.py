"""What must hold in the ledger, asked of the database itself."""

from collections.abc import Iterator

from django.db import connection

from ledger.models import Decision
from ledger.triggers import ENTRIES

SHOWN = 20
"""Examples given for each kind of finding."""

_CHECKS = {
    "positions have a gap or do not start at 1": """
        SELECT "partition", count(*), min(position), max(position) FROM ledger_entry
        WHERE position IS NOT NULL GROUP BY "partition"
        HAVING min(position) <> 1 OR max(position) <> count(*)""",
    "head is not the last position": """
        SELECT h."partition", h.position, coalesce(max(e.position), 0) FROM ledger_head h
        LEFT JOIN ledger_entry e ON e."partition" = h."partition"
        GROUP BY h."partition", h.position HAVING h.position <> coalesce(max(e.position), 0)""",
    "positions without a head": """
        SELECT DISTINCT e."partition" FROM ledger_entry e
        LEFT JOIN ledger_head h ON h."partition" = e."partition"
        WHERE e.position IS NOT NULL AND h."partition" IS NULL""",
    "revisions of a member have a gap": """
        SELECT member_ref, purpose, count(*), max(revision) FROM ledger_entry
        GROUP BY member_ref, purpose HAVING max(revision) <> count(*) OR min(revision) <> 1""",
    "a later revision stands before an earlier one": """
        SELECT member_ref, purpose, revision, position FROM (
            SELECT member_ref, purpose, revision, position,
                lag(position) OVER w AS before, lag(revision) OVER w AS older
            FROM ledger_entry
            WINDOW w AS (PARTITION BY "partition", member_ref, purpose ORDER BY revision)
        ) AS ordered
        WHERE older IS NOT NULL AND position IS NOT NULL AND (before IS NULL OR before > position)
        """,
    "a choice repeats the one before it": """
        SELECT member_ref, purpose, revision FROM (
            SELECT member_ref, purpose, revision, decision,
                lag(decision) OVER (PARTITION BY member_ref, purpose ORDER BY revision) AS before
            FROM ledger_entry
        ) AS ordered WHERE before = decision""",
    "current choice is not the newest entry": """
        SELECT coalesce(e.member_ref, c.member_ref), coalesce(e.purpose, c.purpose),
            c.revision, e.revision
        FROM (
            SELECT n.member_ref, n.purpose, n.revision, n.decision FROM ledger_entry n
            JOIN (SELECT member_ref, purpose, max(revision) AS revision FROM ledger_entry
                  GROUP BY member_ref, purpose) m
            ON m.member_ref = n.member_ref AND m.purpose = n.purpose AND m.revision = n.revision
        ) AS e
        FULL JOIN ledger_currentchoice c
            ON c.member_ref = e.member_ref AND c.purpose = e.purpose
        WHERE c.revision IS NULL OR e.revision IS NULL OR c.revision <> e.revision
            OR c.decision <> e.decision""",
    "unknown decision": "SELECT id, decision FROM ledger_entry WHERE decision NOT IN (%s, %s)",
}


def findings() -> Iterator[str]:
    """One line for each thing that does not hold; none at all in a sound ledger."""
    for trigger in ENTRIES.missing(connection):
        yield f"trigger {trigger} is missing or does not always fire"
    for name, sql in _CHECKS.items():
        with connection.cursor() as cursor:
            cursor.execute(f"{sql} LIMIT {SHOWN + 1}", list(Decision) if "%s" in sql else None)
            rows = cursor.fetchall()
        for row in rows[:SHOWN]:
            yield f"{name}: {', '.join(str(value) for value in row)}"
        if len(rows) > SHOWN:
            yield f"{name}: and more"
