"""A store of a chosen kind, filled with confirmed choices, for tests that compare it."""

import uuid
from datetime import UTC, datetime, timedelta

from ledger.models import Channel, CurrentChoice, Decision, Entry, Head
from ledger.seal import partitions, seal_all
from propagation.choice import Choice
from propagation.models import Cursor
from propagation.registry import store_for
from propagation.relay import choice_from, relay

PURPOSE = "genai-training"
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def configure(settings, backend="propagation.tests.stores.MemoryStore", **options):
    settings.DATA_STORES = {
        "store": {
            "BACKEND": backend,
            "LABEL": "Store",
            "SLA": timedelta(minutes=15),
            "OPTIONS": options,
        }
    }


def fill(count, start=0):
    """That many members object, all sealed and confirmed; quicker than one by one."""
    head, _ = Head.objects.get_or_create(partition=0)
    entries = [
        Entry(
            position=head.position + n + 1,
            member_ref=f"m-{start + n:07}",
            purpose=PURPOSE,
            decision=Decision.OBJECTED,
            revision=1,
            channel=Channel.DASHBOARD,
            request_id=uuid.uuid4(),
            recorded_at=NOW,
        )
        for n in range(count)
    ]
    Entry.objects.bulk_create(entries)
    CurrentChoice.objects.bulk_create(
        CurrentChoice(
            member_ref=e.member_ref,
            purpose=PURPOSE,
            decision=e.decision,
            revision=1,
            changed_at=NOW,
        )
        for e in entries
    )
    head.position += count
    head.save()
    Cursor.objects.update_or_create(
        store="store", partition=0, defaults={"position": head.position}
    )
    store_for("store").write([choice_from(entry) for entry in entries])


def carry():
    for partition in partitions():
        seal_all(partition)
        while relay("store", partition):
            pass


def ledger():
    return {
        (c.member_ref, c.purpose): (c.revision, c.decision) for c in CurrentChoice.objects.all()
    }


def held(store):
    return {c.key: (c.revision, c.decision) for c in store.scan(None, 100_000)}


def own(member_ref, decision="objected", revision=1):
    return Choice(member_ref, PURPOSE, decision, revision, NOW)


def key(member_ref):
    return (member_ref, PURPOSE)


def counts(report):
    return {str(drift): number for drift, number in report.found.items()}
