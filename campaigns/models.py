"""Notice campaigns: who is told of a notice by mail, when, by whose word, and what came of it."""

import re
import uuid
from datetime import datetime, timedelta
from typing import Any, ClassVar

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator, validate_email
from django.db import models
from django.db.models import Q
from django.utils import timezone

from accounts.models import Member
from accounts.regions import Region, country_for
from campaigns.providers import PROVIDERS
from consent.models import Notice

UNKNOWN = "unknown"
"""In the place of a region: members whose country nobody has said."""
FIELDS = ("operator", "email", "title")
"""What ``{…}`` in a subject or an intro may name."""
_FIELD = re.compile(r"\{([^{}]*)\}")
TEXT_KEYS = {"subject", "intro", "minor_subject", "minor_intro"}


class CampaignQuerySet(models.QuerySet["Campaign"]):
    def running(self, now: datetime) -> "CampaignQuerySet":
        """Those that may send now, the kill switch apart."""
        return self.filter(
            Q(not_before=None) | Q(not_before__lte=now),
            state=Campaign.State.RUNNING,
            sent_elsewhere=False,
        )

    def under_way(self) -> "CampaignQuerySet":
        return self.filter(state__in=Campaign.UNDER_WAY)


class Campaign(models.Model):
    """One notice, mailed to an audience.

    From ``prepared`` on the rule and the texts do not change, from ``released`` on the counts
    neither: a trigger refuses it (`campaigns.triggers`). States change in `campaigns.lifecycle`.
    """

    class State(models.TextChoices):
        DRAFT = "draft", "draft"
        PREPARED = "prepared", "prepared"
        RELEASED = "released", "released"
        RUNNING = "running", "running"
        PAUSED = "paused", "paused"
        FINISHED = "finished", "finished"
        KILLED = "killed", "killed"

    UNDER_WAY = (State.RELEASED, State.RUNNING, State.PAUSED)

    class WhoWasTold(models.TextChoices):
        NOT_TOLD = "not_told", "not told of this notice yet"
        UNANSWERED = "unanswered", "told, but no choice made: a reminder"
        ANY = "any", "told or not"

    class WhoObjected(models.TextChoices):
        ANY = "any", "objected or not"
        OBJECTED = "objected", "has objected"
        NOT_OBJECTED = "not_objected", "has not objected"

    class Minors(models.TextChoices):
        LEFT_OUT = "left_out", "members under 18 are left out"
        OWN_TEXT = "own_text", "members under 18 get a text of their own"

    name = models.CharField(max_length=120, unique=True)
    notice = models.ForeignKey(Notice, on_delete=models.PROTECT, related_name="campaigns")

    # The audience. An empty list leaves nobody out.
    regions = models.JSONField(
        default=list, blank=True, help_text='Of eu_eea, gb, ch, and "unknown" for no known country.'
    )
    countries = models.JSONField(default=list, blank=True, help_text="ISO 3166-1 codes.")
    languages = models.JSONField(
        default=list, blank=True, help_text="Of the site's languages: those members get mails in."
    )
    joined_before = models.DateTimeField(null=True, blank=True)
    told = models.CharField(max_length=10, choices=WhoWasTold, default=WhoWasTold.NOT_TOLD)
    told_days = models.PositiveSmallIntegerField(
        default=7, help_text="For a reminder: told at least so many days ago."
    )
    objected = models.CharField(max_length=12, choices=WhoObjected, default=WhoObjected.ANY)
    minors = models.CharField(max_length=8, choices=Minors, default=Minors.LEFT_OUT)

    texts = models.JSONField(
        default=dict,
        blank=True,
        help_text=(
            "By language: subject, intro, minor_subject, minor_intro. What is not given follows "
            "from the notice."
        ),
    )
    seeds = models.JSONField(default=list, blank=True, help_text="Addresses that tests go to.")

    sent_elsewhere = models.BooleanField(
        default=False,
        help_text=(
            "Another system sends the mails: it gets the personal links from here, and tells what "
            "became of each mail."
        ),
    )

    # When and how fast. These may change while it runs.
    starts_at = models.DateTimeField(default=timezone.now)
    stops_at = models.DateTimeField(null=True, blank=True)
    per_minute = models.PositiveIntegerField(
        default=600, validators=[MinValueValidator(1)], help_text="Mails a minute, at most."
    )
    ramp_from = models.PositiveIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text="Mails a minute at the beginning, if it is to warm up.",
    )
    ramp_hours = models.PositiveSmallIntegerField(
        default=0, validators=[MaxValueValidator(24 * 30)], help_text="How long it warms up."
    )
    limits = models.JSONField(
        default=dict, blank=True, help_text="Mails a minute by mailbox provider."
    )
    quiet_from = models.TimeField(null=True, blank=True, help_text="In the member's time zone.")
    quiet_until = models.TimeField(null=True, blank=True)

    state = models.CharField(
        max_length=8, choices=State, default=State.DRAFT, editable=False, db_index=True
    )
    prepared_by = models.CharField(max_length=254, blank=True, editable=False)
    prepared_at = models.DateTimeField(null=True, editable=False)
    released_by = models.CharField(max_length=254, blank=True, editable=False)
    released_at = models.DateTimeField(null=True, editable=False)
    audience = models.JSONField(null=True, editable=False, help_text="Its counts, when released.")

    started_at = models.DateTimeField(null=True, editable=False)
    finished_at = models.DateTimeField(null=True, editable=False)
    figures = models.JSONField(default=dict, editable=False, help_text="What came of it so far.")
    failures = models.PositiveIntegerField(default=0, editable=False)
    not_before = models.DateTimeField(null=True, editable=False)
    problem = models.TextField(blank=True, editable=False, help_text="What keeps it from sending.")

    objects: ClassVar = CampaignQuerySet.as_manager()

    class Meta:
        permissions: ClassVar = [
            ("prepare_campaign", "Can prepare a campaign, pause and resume it"),
            ("release_campaign", "Can release a campaign that somebody else prepared"),
            ("stop_campaigns", "Can stop all campaigns at once"),
            ("export_unreached", "Can export whom a campaign did not reach"),
        ]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(released_by="") | ~Q(released_by=models.F("prepared_by")),
                name="campaign_four_eyes",
                violation_error_message="Who prepared a campaign cannot release it.",
            )
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_reminder(self) -> bool:
        return self.told == self.WhoWasTold.UNANSWERED

    def clean(self) -> None:
        self._clean_audience()
        self._clean_texts()
        self._clean_times()

    def _clean_audience(self) -> None:
        _only("regions", self.regions, {*Region, UNKNOWN})
        _only("languages", self.languages, {code for code, _name in settings.LANGUAGES})
        _list("countries", self.countries)
        for code in self.countries:
            if not country_for(code) or code != code.upper():
                raise ValidationError({"countries": f"There is no country {code!r}."})
        if self.is_reminder and self.objected == self.WhoObjected.OBJECTED:
            raise ValidationError(
                {"objected": "A reminder goes to those who have made no choice: nobody is both."}
            )
        _list("seeds", self.seeds)
        for address in self.seeds:
            validate_email(address)

    def _clean_texts(self) -> None:
        if not isinstance(self.texts, dict):
            raise ValidationError({"texts": "Give the texts by language."})
        _only("texts", list(self.texts), {code for code, _name in settings.LANGUAGES})
        for language, texts in self.texts.items():
            if not isinstance(texts, dict):
                raise ValidationError({"texts": f"{language}: give subject and intro by name."})
            _only("texts", list(texts), TEXT_KEYS)
            for name, text in texts.items():
                if problem := text_problem(text, one_line=name.endswith("subject")):
                    raise ValidationError({"texts": f"{language}, {name}: {problem}"})

    def _clean_times(self) -> None:
        if (self.quiet_from is None) != (self.quiet_until is None):
            raise ValidationError({"quiet_until": "Quiet hours have a beginning and an end."})
        if self.quiet_from is not None and self.quiet_from == self.quiet_until:
            raise ValidationError({"quiet_until": "These quiet hours would never end."})
        if self.stops_at and self.stops_at <= self.starts_at:
            raise ValidationError({"stops_at": "It would stop before it starts."})
        if bool(self.ramp_from) != bool(self.ramp_hours):
            raise ValidationError({"ramp_hours": "A warm-up has a pace and a duration."})
        if not isinstance(self.limits, dict):
            raise ValidationError({"limits": "Give mails a minute by provider."})
        _only("limits", list(self.limits), set(PROVIDERS))
        for provider, limit in self.limits.items():
            if type(limit) is not int or limit < 1:
                raise ValidationError({"limits": f"{provider}: give a whole number from 1 on."})


def _list(field: str, values: Any) -> None:
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise ValidationError({field: "Give a list of words."})


def _only(field: str, values: Any, known: set[str]) -> None:
    _list(field, values)
    if unknown := sorted(set(values) - known):
        raise ValidationError(
            {field: f"Unknown: {', '.join(unknown)}. Known: {', '.join(sorted(known))}."}
        )


def text_problem(text: Any, *, one_line: bool) -> str:
    """What is wrong with a subject (``one_line``) or an intro, in words; or nothing."""
    longest = 200 if one_line else 2_000
    if not isinstance(text, str) or "\0" in text or len(text) > longest:
        return f"Give a text of at most {longest:,} characters."
    if one_line and len(text.splitlines()) > 1:
        return "A subject is one line."
    for name in _FIELD.findall(text):
        if name not in FIELDS:
            known = ", ".join(f"{{{field}}}" for field in FIELDS)
            return f"It has an unknown field {{{name}}}. Known: {known}."
    return ""


class CampaignChange(models.Model):
    """What happened to a campaign, when, by whom and why. Only ever added to."""

    KINDS = (
        "prepared", "withdrawn", "released", "started", "paused", "resumed", "changed",
        "finished", "killed", "tested", "exported",
    )  # fmt: skip

    campaign = models.ForeignKey(Campaign, on_delete=models.PROTECT, related_name="history")
    kind = models.CharField(max_length=10, choices=[(kind, kind) for kind in KINDS])
    at = models.DateTimeField(default=timezone.now)
    by = models.CharField(max_length=254)
    reason = models.TextField(blank=True)

    def __str__(self) -> str:
        return f"{self.campaign} {self.kind} at {self.at}"


class MailStopQuerySet(models.QuerySet["MailStop"]):
    def open(self) -> "MailStopQuerySet":
        return self.filter(lifted_at=None)


class MailStop(models.Model):
    """A time in which no campaign sends anything: the kill switch. The rows are the log of it."""

    stopped_at = models.DateTimeField(default=timezone.now)
    by = models.CharField(max_length=254)
    reason = models.TextField()
    lifted_at = models.DateTimeField(null=True, blank=True)
    lifted_by = models.CharField(max_length=254, blank=True)
    what = models.CharField(max_length=9, default="campaigns", editable=False)

    objects: ClassVar = MailStopQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["what"], condition=Q(lifted_at=None), name="mail_stop_open"
            )
        ]

    def __str__(self) -> str:
        return f"stopped by {self.by} at {self.stopped_at}"


class WalkQuerySet(models.QuerySet["Walk"]):
    def due(self, now: datetime) -> "WalkQuerySet":
        free = Q(leased_until=None) | Q(leased_until__lte=now)
        return self.filter(free, done_at=None)

    def claim(self, pk: int, now: datetime, lease: timedelta) -> "Walk | None":
        """Take the lease; its new fence shuts out whoever held it before."""
        claimed = (
            self.filter(pk=pk).due(now).update(
                fence=models.F("fence") + 1, leased_until=now + lease
            )
        )  # fmt: skip
        return self.get(pk=pk) if claimed else None

    def held(self, walk: "Walk") -> "WalkQuerySet":
        return self.filter(pk=walk.pk, fence=walk.fence)


class Walk(models.Model):
    """A pass over all members in the order of their keys, in small steps: it counts a campaign's
    audience, or freezes it; or over its recipients, for its figures. ``position`` is the last key
    that is done, so that any process can go on."""

    class Kind(models.TextChoices):
        COUNT = "count", "count"
        FREEZE = "freeze", "freeze"
        FIGURES = "figures", "figures"

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="walks")
    kind = models.CharField(max_length=7, choices=Kind)
    position = models.PositiveBigIntegerField(default=0)
    counts = models.JSONField(default=dict)
    started_at = models.DateTimeField(default=timezone.now)
    done_at = models.DateTimeField(null=True)
    fence = models.PositiveBigIntegerField(default=0)
    leased_until = models.DateTimeField(null=True)

    objects: ClassVar = WalkQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["campaign", "kind"], name="walk_unique")
        ]

    def __str__(self) -> str:
        return f"{self.kind} of {self.campaign} at {self.position}"


class Message(models.Model):
    """The notice mail as one group of a campaign's recipients gets it, the personal parts left
    open (`campaigns.wording.SLOTS`). Kept as it was sent; a trigger refuses any change."""

    campaign = models.ForeignKey(Campaign, on_delete=models.PROTECT, related_name="messages")
    language = models.CharField(max_length=12)
    country = models.CharField(max_length=2, blank=True)
    account_country = models.CharField(max_length=2, blank=True)
    minor = models.BooleanField()
    subject = models.CharField(max_length=400)
    text = models.TextField()
    html = models.TextField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["campaign", "language", "country", "account_country", "minor"],
                name="message_unique",
            )
        ]

    def __str__(self) -> str:
        return f"{self.campaign} in {self.language} for {self.country or 'no known country'}"


class RecipientQuerySet(models.QuerySet["Recipient"]):
    def pending(self) -> "RecipientQuerySet":
        return self.filter(state=Recipient.State.PENDING)

    def held(self, lease: uuid.UUID) -> "RecipientQuerySet":
        """Those that a sender has claimed and nobody has taken from it."""
        return self.filter(state=Recipient.State.SENDING, lease=lease)

    def cut_off(self, now: datetime) -> "RecipientQuerySet":
        """Claimed by a sender that did not come back."""
        return self.filter(state=Recipient.State.SENDING, leased_until__lte=now)


class Recipient(models.Model):
    """One member in the frozen audience of one campaign, and what came of the mail.

    When the member is erased the row stays as a number, with nothing in it that leads to anybody.
    ``country`` is where the member lives as far as is known, ``account_country`` what the account
    says where that differs.
    """

    class State(models.TextChoices):
        PENDING = "pending", "waits"
        SENDING = "sending", "is being sent"
        SENT = "sent", "accepted by the mail server"
        BOUNCED = "bounced", "came back: no such address"
        FAILED = "failed", "refused by the mail server"
        SKIPPED = "skipped", "left out"

    class Reason(models.TextChoices):
        """Why a mail was left out, failed or came back."""

        ERASED = "erased", "the member was erased"
        LEFT = "left", "no longer a member"
        TOLD = "told", "told by another campaign already"
        ANSWERED = "answered", "has made a choice"
        REMINDERS = "reminders", "wants no reminders"
        ADDRESS = "address", "mails to this address come back"
        BAD_ADDRESS = "bad_address", "the address cannot be written to"
        RULE = "rule", "no longer in the audience"
        STOPPED = "stopped", "the campaign ended before"
        REFUSED = "refused", "the mail server refused it"
        NO_ANSWER = "no_answer", "the mail server put it off too often"
        HARD_BOUNCE = "hard_bounce", "there is no such address"
        SOFT_BOUNCE = "soft_bounce", "could not be delivered for now"

    campaign = models.ForeignKey(
        Campaign, on_delete=models.PROTECT, related_name="recipients", db_index=False
    )
    member = models.ForeignKey(Member, on_delete=models.SET_NULL, null=True, related_name="+")
    provider = models.CharField(max_length=16)
    language = models.CharField(max_length=12)
    country = models.CharField(max_length=2, blank=True)
    account_country = models.CharField(max_length=2, blank=True)
    minor = models.BooleanField(default=False)
    state = models.CharField(max_length=8, choices=State, default=State.PENDING)
    reason = models.CharField(max_length=12, choices=Reason, blank=True)
    reply = models.CharField(
        max_length=200, blank=True, help_text="What the mail server said, without addresses."
    )
    attempts = models.PositiveSmallIntegerField(default=0)
    due_at = models.DateTimeField()
    lease = models.UUIDField(null=True)
    leased_until = models.DateTimeField(null=True)
    in_hand = models.BooleanField(
        default=False, help_text="Its sender is handing it over, or just did."
    )
    sent_at = models.DateTimeField(null=True)
    possibly_doubled = models.BooleanField(default=False)
    seen_at = models.DateTimeField(null=True)
    complained_at = models.DateTimeField(null=True)

    objects: ClassVar = RecipientQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["campaign", "member"], name="recipient_unique")
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["campaign", "provider", "country", "due_at"],
                condition=Q(state="pending"),
                name="recipient_pending",
            ),
            models.Index(
                fields=["leased_until"], condition=Q(state="sending"), name="recipient_sending"
            ),
            models.Index(fields=["campaign", "id"], name="recipient_walk"),
        ]

    def __str__(self) -> str:
        return f"{self.campaign} to {self.member_id}: {self.state}"

    @property
    def was_tried(self) -> bool:
        """Whether a mail may have gone out, so that something can come back."""
        return self.attempts > 0


class ReceivedEvent(models.Model):
    """An event that another system has told of, so that a repeat of it is known as one."""

    source = models.CharField(max_length=40, help_text="The name of the API token.")
    event_id = models.CharField(max_length=100)
    received_at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["source", "event_id"], name="received_event_unique")
        ]

    def __str__(self) -> str:
        return f"{self.event_id} of {self.source} at {self.received_at}"


class Lane(models.Model):
    """The mails of a campaign to one mailbox provider, or (``provider`` empty) all of them: how
    many may go out now, and whether the provider has asked to be left alone for a while."""

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="lanes")
    provider = models.CharField(max_length=16, blank=True)
    tokens = models.FloatField(default=0)
    filled_at = models.DateTimeField(default=timezone.now)
    failures = models.PositiveIntegerField(default=0)
    not_before = models.DateTimeField(null=True)
    problem = models.TextField(blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["campaign", "provider"], name="lane_unique")
        ]

    def __str__(self) -> str:
        return f"{self.campaign} to {self.provider or 'all'}"


class Sender(models.Model):
    """A place for one connection to the mail server: there are MAIL_CONNECTIONS of them, so that
    mails never take all workers."""

    number = models.PositiveSmallIntegerField(primary_key=True)
    fence = models.PositiveBigIntegerField(default=0)
    leased_until = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"sender {self.number}"


class Undeliverable(models.Model):
    """Mails to this address of the member come back. A new address of the member is not meant."""

    member = models.OneToOneField(Member, on_delete=models.CASCADE, related_name="undeliverable")
    email = models.CharField(max_length=254)
    since = models.DateTimeField(default=timezone.now)
    reply = models.CharField(max_length=200, blank=True)

    def __str__(self) -> str:
        return f"{self.member_id} since {self.since}"


class NoReminders(models.Model):
    """The member wants no reminders. It is no objection, and a new notice is told of once."""

    class How(models.TextChoices):
        ASKED = "asked", "asked for it"
        COMPLAINED = "complained", "marked a mail as spam"

    member = models.OneToOneField(Member, on_delete=models.CASCADE, related_name="no_reminders")
    since = models.DateTimeField(default=timezone.now)
    how = models.CharField(max_length=10, choices=How)

    def __str__(self) -> str:
        return f"{self.member_id} since {self.since}"
