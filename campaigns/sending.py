"""Sending a campaign: claim a batch, look again, hand the mails over, write down what came of it.

What is done is noted after a few mails, and written down in full every second or so. A sender that
is killed in between leaves rows with a lease that ends; `recording.settle_cut_off` decides about
them.
"""

import logging
import random
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from campaigns import checking, claiming, lifecycle, outcomes, recording
from campaigns.carriers import Carrier, ReadyMail, Refused, ServerAway, Uncertain, carrier
from campaigns.models import Campaign, Lane, Message, Recipient, Sender
from campaigns.rendering import Fill, address_of, build, personal
from consent import told
from propagation.backoff import backoff

logger = logging.getLogger(__name__)

WRITE_EVERY = 1.0
"""Seconds after which a sender writes down what it has done."""
IN_HAND, NOTE_EVERY = 25, 0.05
"""Mails, and seconds, after which it is noted which were taken: what a kill can leave in doubt."""
ATTEMPTS = 10
"""Then the mail has failed: with the waits between them, after about two days."""
IN_A_ROW = 5
"""Mails that fail one after the other in ways that are not their own: it is the server, then."""
PUT_OFF = 20
"""Temporary refusals of one provider in one batch, after which it is left alone for a while."""

State, Reason = Recipient.State, Recipient.Reason


def send(campaign_id: int, budget: float = 10.0) -> bool:
    """Send for ``budget`` seconds at most; True if it could go on at once.

    Safe to run at any time: without a free connection it returns without doing anything.
    """
    end = time.monotonic() + budget
    campaign = Campaign.objects.select_related("notice").get(pk=campaign_id)
    with _connection() as sender:

        def go_on() -> bool:
            return (
                sender is not None
                and sender.is_held()
                and time.monotonic() < end
                and lifecycle.may_send(campaign)
            )

        while sender and go_on():
            campaign.refresh_from_db()
            if problem := checking.untrue(campaign):
                lifecycle.pause_by_itself(campaign, problem)
                return False
            lease, recipients = claiming.claim(campaign, timezone.now())
            if not recipients:
                return False
            Batch(campaign, lease, recipients, sender.post, go_on).send()
        return sender is not None


@dataclass(frozen=True, slots=True)
class Connection:
    """One of the MAIL_CONNECTIONS, for as long as its lease is renewed."""

    place: Sender
    post: Carrier

    def is_held(self) -> bool:
        until = timezone.now() + claiming.LEASE
        return bool(self._row().update(leased_until=until))

    def end(self) -> None:
        self.post.close()
        self._row().update(leased_until=None)

    def _row(self) -> QuerySet[Sender]:
        return Sender.objects.filter(pk=self.place.pk, fence=self.place.fence)


@contextmanager
def _connection() -> Iterator[Connection | None]:
    """A connection that is free, or None."""
    place = _take_place()
    if place is None:
        yield None
        return
    connection = Connection(place, carrier())
    try:
        yield connection
    finally:
        connection.end()


def _take_place() -> Sender | None:
    now = timezone.now()
    numbers = range(settings.MAIL_CONNECTIONS)
    Sender.objects.bulk_create([Sender(number=n) for n in numbers], ignore_conflicts=True)
    free = Sender.objects.filter(Q(leased_until=None) | Q(leased_until__lte=now))
    for number in numbers:
        if free.filter(number=number).update(
            fence=F("fence") + 1, leased_until=now + claiming.LEASE
        ):
            return Sender.objects.get(number=number)
    return None


class Batch:
    """Recipients under one lease, and what has come of them so far."""

    def __init__(
        self,
        campaign: Campaign,
        lease: uuid.UUID,
        recipients: list[Recipient],
        post: Carrier,
        go_on: Callable[[], bool],
    ) -> None:
        self.campaign = campaign
        self.lease = lease
        self.waiting = recipients
        self.post = post
        self.go_on = go_on
        self.members = checking.members_of(recipients)
        self.sent: list[Recipient] = []
        self.unnoted: list[int] = []
        self.in_hand: set[int] = set()
        self.ended: list[Ended] = []
        self.strange = 0
        self.put_off: Counter[str] = Counter()
        self.written_at = self.noted_at = time.monotonic()

    def send(self) -> None:
        self._look_again()
        try:
            while self.waiting and self._in_time():
                self._take_in_hand()
                self._send_to(self.waiting.pop(0))
        except ServerAway as problem:
            self._server_away(str(problem))
        finally:
            self._write()
            claiming.give_back(self.lease, [recipient.pk for recipient in self.waiting])

    def _in_time(self) -> bool:
        """Write down what is due, and see whether to go on: pause and kill switch act here."""
        if time.monotonic() - self.written_at < WRITE_EVERY:
            return True
        self._write()
        claiming.renew(self.lease)
        return self.go_on()

    def _look_again(self) -> None:
        now = timezone.now()
        reasons = checking.left_out(self.campaign, self.waiting, self.members, now)
        others = checking.held_by_others(self.campaign, self.members)
        still: list[Recipient] = []
        for recipient in self.waiting:
            if reason := reasons.get(recipient.pk):
                self.ended.append(Ended(recipient, State.SKIPPED, reason))
            elif recipient.member_id in others:
                # Not at the same time, or the two would meet again.
                due = now + timedelta(seconds=random.uniform(60, 180))  # noqa: S311
                self.ended.append(Ended(recipient, State.PENDING, due_at=due))
            else:
                still.append(recipient)
        self.waiting = still

    def _send_to(self, recipient: Recipient) -> None:
        """Hand one mail over. Raises ServerAway, with the recipient among the waiting again."""
        try:
            mail = self._mail(recipient)
            if mail is None:
                self.ended.append(Ended(recipient, State.FAILED, Reason.BAD_ADDRESS))
                return
            self.post.carry(mail)
        except Refused as refusal:
            self._refused(recipient, refusal)
        except ServerAway:
            self.waiting.append(recipient)
            raise
        except Uncertain:
            self._later(recipient, "The connection broke.", possibly_doubled=True)
            self._count_strange()
        except Exception:  # one mail that cannot be built must not stop the others
            logger.exception("a mail of campaign %s was not sent", self.campaign.pk)
            self._later(recipient, "It could not be sent; see the log.")
            self._count_strange()
        else:
            self.sent.append(recipient)
            self.unnoted.append(recipient.pk)
            self.strange = 0
            self.put_off[recipient.provider] = 0

    def _take_in_hand(self) -> None:
        """Note what was taken and what comes next, unless that was done a moment ago."""
        long_ago = time.monotonic() - self.noted_at > NOTE_EVERY
        if self.waiting[0].pk in self.in_hand and not (long_ago and self.unnoted):
            return
        coming = [recipient.pk for recipient in self.waiting[:IN_HAND]]
        recording.take_in_hand(self.lease, coming, self.unnoted)
        self.in_hand, self.unnoted, self.noted_at = set(coming), [], time.monotonic()

    def _count_strange(self) -> None:
        self.strange += 1
        if self.strange >= IN_A_ROW:
            raise ServerAway(f"{IN_A_ROW} mails in a row could not be handed over.")

    def _mail(self, recipient: Recipient) -> ReadyMail | None:
        member = self.members[recipient.member_id or 0]
        address = address_of(member.email)
        if address is None:
            return None
        message, fill = kept_message(
            recipient.campaign_id,
            recipient.language,
            recipient.country,
            recipient.account_country,
            recipient.minor,
        )
        own = personal(recipient, self.campaign.notice_id, address, timezone.now())
        return ReadyMail(address, fill(own), message, own)

    def _refused(self, recipient: Recipient, refusal: Refused) -> None:
        if refusal.permanent:
            state = State.BOUNCED if refusal.gone else State.FAILED
            reason = Reason.HARD_BOUNCE if refusal.gone else Reason.REFUSED
            self.ended.append(Ended(recipient, state, reason, refusal.reply))
            return
        self._later(recipient, refusal.reply)
        self.put_off[recipient.provider] += 1
        if refusal.closing or self.put_off[recipient.provider] >= PUT_OFF:
            self._leave_alone(recipient.provider, refusal.reply)

    def _later(self, recipient: Recipient, reply: str, *, possibly_doubled: bool = False) -> None:
        doubled = possibly_doubled or recipient.possibly_doubled
        if recipient.attempts >= ATTEMPTS:
            end = Ended(recipient, State.FAILED, Reason.NO_ANSWER, reply, doubled=doubled)
        else:
            due = timezone.now() + wait(recipient.attempts)
            end = Ended(
                recipient, State.PENDING, reply=reply, due_at=due, doubled=doubled
            )  # fmt: skip
        self.ended.append(end)

    def _leave_alone(self, provider: str, reply: str) -> None:
        """The provider wants fewer mails: the others go on."""
        lane = Lane.objects.get(campaign=self.campaign, provider=provider)
        Lane.objects.filter(pk=lane.pk).update(
            failures=lane.failures + 1,
            not_before=timezone.now() + backoff(lane.failures + 1),
            problem=reply,
        )
        spared = [recipient for recipient in self.waiting if recipient.provider == provider]
        claiming.give_back(self.lease, [recipient.pk for recipient in spared])
        self.waiting = [recipient for recipient in self.waiting if recipient not in spared]

    def _server_away(self, problem: str) -> None:
        failures = self.campaign.failures + 1
        Campaign.objects.filter(pk=self.campaign.pk).update(
            failures=failures, not_before=timezone.now() + backoff(failures), problem=problem
        )

    def _write(self) -> None:
        """Write down all that has come of mails since the last time, in one transaction."""
        sent, ended = self.sent, self.ended
        self.sent, self.unnoted, self.ended = [], [], []
        self.written_at = self.noted_at = time.monotonic()
        if not sent and not ended:
            return
        with transaction.atomic():
            told.lock_members(self.members)  # before their rows, as an erasure does
            if sent:
                held = Recipient.objects.held(self.lease).filter(pk__in=[r.pk for r in sent])
                recording.write_sent(self.campaign, held, timezone.now())
                self._all_is_well(sent)
            for end in ended:
                end.write(self.lease)

    def _all_is_well(self, sent: list[Recipient]) -> None:
        """What had been wrong is over."""
        well = {"failures": 0, "not_before": None, "problem": ""}
        providers = {recipient.provider for recipient in sent}
        lanes = Lane.objects.filter(campaign=self.campaign, provider__in=providers)
        lanes.filter(failures__gt=0).update(**well)
        if self.campaign.failures:
            Campaign.objects.filter(pk=self.campaign.pk).update(**well)


@dataclass(frozen=True, slots=True)
class Ended:
    """What came of a mail that the server did not take: an end, or another attempt later."""

    recipient: Recipient
    state: Recipient.State
    reason: Recipient.Reason | None = None
    reply: str = ""
    due_at: datetime | None = None
    doubled: bool = False

    def write(self, lease: uuid.UUID) -> None:
        recipient = self.recipient
        written = (
            Recipient.objects.held(lease)
            .filter(pk=recipient.pk)
            .update(
                state=self.state,
                reason=self.reason or "",
                reply=self.reply,
                due_at=self.due_at or recipient.due_at,
                possibly_doubled=self.doubled or recipient.possibly_doubled,
                lease=None,
                leased_until=None,
            )
        )
        if written and self.state in {State.BOUNCED, State.FAILED}:
            gone = self.state == State.BOUNCED
            outcomes.not_reached(recipient, gone=gone, reply=self.reply, at=timezone.now())


def wait(attempts: int) -> timedelta:
    """Before the next attempt: 5 minutes, as greylisting wants, then twice as long, up to 8 h."""
    minutes = min(5 * 2 ** (attempts - 1), 8 * 60)
    return timedelta(minutes=random.uniform(1, 1.3) * minutes)  # noqa: S311 — spreads load


@lru_cache(maxsize=256)
def kept_message(
    campaign_id: int, language: str, country: str, account_country: str, minor: bool
) -> tuple[Message, Fill]:
    """A group's mail and what fills it in; it never changes, so that it is built once."""
    message = Message.objects.select_related("campaign__notice").get(
        campaign=campaign_id,
        language=language,
        country=country,
        account_country=account_country,
        minor=minor,
    )
    return message, build(message)
