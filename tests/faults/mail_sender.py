"""``python -m tests.faults.mail_sender``: sends the campaign to its end, as Celery's tasks do.

``… prepare MEMBERS`` makes the members and the running campaign first.
"""

import sys
import time
from datetime import timedelta

import django

LEASE = 3.0
"""Seconds; longer than the suite's mail server may take for a mail."""
TIMEOUT = 2


def prepare(count: int) -> None:
    from django.core.management import call_command
    from django.utils import timezone

    from accounts.models import Member
    from campaigns import lifecycle, walking
    from campaigns.models import Campaign, Walk
    from consent.models import Notice

    call_command("migrate", verbosity=0)
    call_command("load_notice", publish=True, by="faults", stdout=sys.stderr)
    Member.objects.bulk_create(
        Member(
            member_ref=f"m-{number}",
            email=f"m-{number}@example.org",
            country="IE",
            language="en",
            password="!",
        )
        for number in range(count)
    )
    campaign = Campaign.objects.create(
        name="Faults", notice=Notice.objects.get(), per_minute=1_000_000
    )
    lifecycle.prepare(campaign, by="one")
    walking.walk_on(campaign.walks.get(kind=Walk.Kind.COUNT).pk, budget=60)
    lifecycle.release(campaign, by="another")
    walking.walk_on(campaign.walks.get(kind=Walk.Kind.FREEZE).pk, budget=60)
    lifecycle.start_due(timezone.now())


def send() -> None:
    from django.utils import timezone

    from campaigns import claiming, lifecycle, recording, sending
    from campaigns.models import Campaign, Recipient
    from propagation import backoff

    # Fails where one of them is no longer there, rather than shortening nothing.
    assert claiming.LEASE
    assert sending.wait(1)
    claiming.LEASE = timedelta(seconds=LEASE)
    backoff.LONGEST = 1.0
    sending.wait = lambda attempts: timedelta(seconds=1)
    while campaign := Campaign.objects.filter(state=Campaign.State.RUNNING).first():
        recording.settle_cut_off(timezone.now())
        lifecycle.finish_due(timezone.now())
        if not sending.send(campaign.pk, budget=5):
            time.sleep(0.1)
    assert not Recipient.objects.exclude(state=Recipient.State.SENT).exists()


if __name__ == "__main__":
    django.setup()
    if sys.argv[1:2] == ["prepare"]:
        prepare(int(sys.argv[2]))
    else:
        send()
