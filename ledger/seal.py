"""Sealing: committed choices get their positions, in batches, from one sealer at a time.

An id is taken before its transaction commits, so ids become visible out of order and a reader
that goes by id can skip one for good. Positions are given to visible rows only, under a lock.
"""

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from ledger.models import Head

BATCH = 5_000

# Ids of one member rise with the revisions: they are taken under the current-choice lock.
_SEAL = """
UPDATE ledger_entry SET position = %s + batch.n
FROM (
    SELECT id, row_number() OVER (ORDER BY id) AS n
    FROM (
        SELECT id FROM ledger_entry
        WHERE "partition" = %s AND position IS NULL ORDER BY id LIMIT %s
    ) AS unsealed
) AS batch
WHERE ledger_entry.id = batch.id
"""


def partitions() -> list[int]:
    """Those in use now, and those that were: their choices still count."""
    return sorted({*range(settings.LEDGER_PARTITIONS), *Head.objects.values_list("pk", flat=True)})


def seal(partition: int, limit: int = BATCH) -> int:
    """Give positions to up to ``limit`` choices of the partition; return how many got one."""
    Head.objects.get_or_create(partition=partition)
    with transaction.atomic():
        # Waits for another sealer: skipping could leave a choice that it did not see yet.
        head = Head.objects.select_for_update().get(partition=partition)
        with connection.cursor() as cursor:
            cursor.execute(_SEAL, [head.position, partition, limit])
            sealed: int = cursor.rowcount
        if sealed:
            head.position += sealed
            head.sealed_at = timezone.now()
            head.save()
    return sealed


def seal_all(partition: int) -> int:
    """Seal until nothing is left; return how many choices got a position."""
    total = 0
    while sealed := seal(partition):
        total += sealed
    return total
