"""``python -m tests.faults.mail_sender``: sends the campaign to its end, as Celery's tasks do.

For each line of its input it starts a sender, by a fork, so that one that was killed is soon
followed by another; it says each one's process id. ``… prepare MEMBERS`` makes the members and the
running campaign first.
"""

import os
import signal
import sys
import time
from datetime import timedelta

import django

from tests.servers import _die_with_parent

LEASE = 3.0
"""Seconds; longer than the suite's mail server may take for a mail."""


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


def keep_sending() -> None:
    """Ends when a sender comes to its end by itself, with what that one ended with."""
    for _line in sys.stdin:
        sender = os.fork()
        if not sender:
            _die_with_parent(signal.SIGKILL)
            send()
            sys.exit()
        print(sender, flush=True)  # noqa: T201
        _pid, status = os.waitpid(sender, 0)
        if not os.WIFSIGNALED(status):
            sys.exit(os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    django.setup()
    if sys.argv[1:2] == ["prepare"]:
        prepare(int(sys.argv[2]))
    else:
        keep_sending()
