"""Purposes, notices, rollouts and mails. Choices themselves are in the ledger."""

import copy
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, ClassVar

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.utils import timezone
from django.utils.translation import get_language

from accounts.languages import languages
from accounts.models import Member
from accounts.regions import Region


class Immutable(ValidationError):
    """A published notice stays as members saw it; a change is a new version."""

    def __init__(self) -> None:
        super().__init__("A published notice cannot be changed. Make a new version of it.")


class Frozen(ValidationError):
    """What somebody is asked to publish does not change under their eyes."""

    def __init__(self) -> None:
        super().__init__("It is proposed for publishing. Take the proposal back to change it.")


class Purpose(models.Model):
    """What data would be used for. Choices are per purpose and outlive any notice."""

    code = models.SlugField(max_length=64, primary_key=True)

    def __str__(self) -> str:
        return self.code


class NoticeQuerySet(models.QuerySet["Notice"]):
    def published(self) -> "NoticeQuerySet":
        return self.exclude(published_at=None)

    def before(self, notice: "Notice") -> "Notice | None":
        """The published version that members have seen before this one."""
        older = self.published().filter(purpose=notice.purpose_id, version__lt=notice.version)
        return older.order_by("-version").first()

    def current(self, purpose: str) -> "Notice | None":
        """The newest published notice of the purpose: the one that members are shown."""
        return self.published().filter(purpose=purpose).order_by("-version").first()


class Notice(models.Model):
    """A versioned text about a change; frozen once proposed, immutable once published.

    ``used`` and ``never_used`` are the kinds of data, in the order in which they are shown.
    ``edited_by``, ``proposed_by`` and ``published_by`` are references of staff
    (`consent.publishing`); empty where a command did it.
    """

    purpose = models.ForeignKey(Purpose, on_delete=models.PROTECT, related_name="notices")
    version = models.PositiveIntegerField()
    used = models.JSONField(default=list, help_text="Kinds of data that are used.")
    never_used = models.JSONField(default=list, help_text="Kinds of data that are never used.")
    edited_by = models.CharField(max_length=64, blank=True, editable=False)
    proposed_at = models.DateTimeField(null=True, blank=True, editable=False)
    proposed_by = models.CharField(max_length=64, blank=True, editable=False)
    published_at = models.DateTimeField(null=True, blank=True, editable=False)
    published_by = models.CharField(max_length=64, blank=True, editable=False)

    objects: ClassVar = NoticeQuerySet.as_manager()

    class Meta:
        permissions: ClassVar = [
            ("propose_notice", "Can propose a notice for publishing"),
            ("publish_notice", "Can publish a notice that somebody else proposed"),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["purpose", "version"], name="notice_version_unique"),
            models.CheckConstraint(
                condition=models.Q(published_by="")
                | ~models.Q(published_by=models.F("proposed_by"))
                & ~models.Q(published_by=models.F("edited_by")),
                name="notice_four_eyes",
                violation_error_message="Who wrote or proposed a notice cannot publish it.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.purpose_id} {self.version}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if self.pk:
            require_draft(self.pk)
        super().save(*args, **kwargs)

    @property
    def is_draft(self) -> bool:
        return self.published_at is None and self.proposed_at is None

    @property
    def is_current(self) -> bool:
        return self == Notice.objects.current(self.purpose_id)

    def text(self, language: str | None = None) -> "NoticeText":
        """The text in the language (default: the active one), else in the site's default."""
        wanted = language or get_language() or settings.LANGUAGE_CODE
        found = {
            text.language: text
            for text in self.translations.filter(language__in=[wanted, settings.LANGUAGE_CODE])
        }
        text = found.get(wanted) or found[settings.LANGUAGE_CODE]
        text.notice = self
        return text.filled()

    def require_complete(self) -> None:
        """Raises ValidationError if a text is missing or not complete."""
        translations = list(self.translations.all())
        if not any(text.language == settings.LANGUAGE_CODE for text in translations):
            raise ValidationError(f"The text in {settings.LANGUAGE_CODE!r} is missing.")
        for translation in translations:
            translation.full_clean()

    def publish(self, *, by: str = "") -> None:
        """Show it to members from now on. Raises ValidationError if a text is not complete.

        Staff publish by `consent.publishing`, which asks for two of them.
        """
        with transaction.atomic():
            self.require_complete()
            self.published_at, self.published_by = timezone.now(), by
            super().save()


def require_draft(notice_id: int) -> None:
    """Raises ValidationError for a notice that does not change any more, or not now."""
    notice = Notice.objects.filter(pk=notice_id).only("published_at", "proposed_at").first()
    if notice and notice.published_at:
        raise Immutable
    if notice and notice.proposed_at:
        raise Frozen


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of data, in words."""

    kind: str
    label: str
    detail: str


class NoticeText(models.Model):
    """A notice in one language. Page, mail and receipt say what stands here and nothing else.

    ``{operator}`` and ``{email}`` in a text stand for the operator's name and address.
    ``kinds`` maps each kind of data to ``{"label": …, "detail": …}``.
    """

    notice = models.ForeignKey(Notice, on_delete=models.PROTECT, related_name="translations")
    language = models.CharField(max_length=12, choices=languages)
    purpose_name = models.CharField(max_length=200)
    title = models.CharField(max_length=200)
    summary = models.TextField(help_text="One sentence: what is happening.")
    why = models.TextField()
    basis = models.TextField("legal basis")
    basis_gb = models.TextField("legal basis, United Kingdom")
    basis_ch = models.TextField("legal basis, Switzerland")
    basis_meaning = models.TextField("what the legal basis means")
    right = models.TextField("right to object")
    effect = models.TextField("what objecting does")
    not_undone = models.TextField("what objecting cannot undo")
    recipients = models.TextField("who receives the data")
    retention = models.TextField("for how long")
    contact = models.TextField("whom to ask")
    kinds = models.JSONField(default=dict)

    class Meta:
        verbose_name = "translation"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["notice", "language"], name="notice_text_unique")
        ]

    def __str__(self) -> str:
        return f"{self.notice} ({self.language})"

    def save(self, *args: Any, **kwargs: Any) -> None:
        require_draft(self.notice_id)
        super().save(*args, **kwargs)

    PLACEHOLDER_FIELDS = (
        "purpose_name", "title", "summary", "why", "basis", "basis_gb", "basis_ch",
        "basis_meaning", "right", "effect", "not_undone", "recipients", "retention", "contact",
    )  # fmt: skip

    def filled(self) -> "NoticeText":
        """A copy with the operator's name and address in place of the placeholders."""
        filled = copy.copy(self)
        for name in self.PLACEHOLDER_FIELDS:
            setattr(filled, name, fill(getattr(self, name)))
        return filled

    @property
    def version(self) -> int:
        return self.notice.version

    @property
    def used(self) -> list[Kind]:
        return [self._kind(kind) for kind in self.notice.used]

    @property
    def never(self) -> list[Kind]:
        return [self._kind(kind) for kind in self.notice.never_used]

    def _kind(self, kind: str) -> Kind:
        words = self.kinds[kind]
        return Kind(kind, fill(words["label"]), fill(words["detail"]))

    def clean(self) -> None:
        wanted = {*self.notice.used, *self.notice.never_used}
        if missing := sorted(wanted - set(self.kinds)):
            raise ValidationError({"kinds": f"No text for: {', '.join(missing)}."})


def fill(text: str) -> str:
    """The text with the operator's name and address in place of the placeholders."""
    # Not str.format: a stray brace in a text must not take the page down.
    return text.replace("{operator}", settings.OPERATOR_NAME).replace(
        "{email}", settings.OPERATOR_PRIVACY_EMAIL
    )


def starts_held() -> bool:
    """Whether a rollout has to be cleared before it can start (`consent.launch`)."""
    return bool(settings.LAUNCH_NOTICE_DAYS or settings.LAUNCH_TOLD_PERCENT)


class RolloutQuerySet(models.QuerySet["Rollout"]):
    def of_purpose(self, purpose: str) -> "RolloutQuerySet":
        """Those of all notices of the purpose that have ever been published."""
        return self.filter(notice__purpose=purpose).exclude(notice__published_at=None)


class Rollout(models.Model):
    """A notice in one region: when it was announced, from when data is used, paused or not.

    Change it with `pause`, `resume` and `reschedule`, which keep the history. While it is ``held``
    it does not start, whatever its date: see `consent.launch`.
    """

    notice = models.ForeignKey(Notice, on_delete=models.PROTECT, related_name="rollouts")
    region = models.CharField(max_length=8, choices=[(r.value, r.value) for r in Region])
    announced_on = models.DateField()
    starts_on = models.DateField(help_text="The first day on which data is used.")
    paused_at = models.DateTimeField(null=True, blank=True, editable=False)
    held = models.BooleanField(default=starts_held, editable=False)

    objects: ClassVar = RolloutQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["notice", "region"], name="rollout_unique"),
            models.CheckConstraint(
                condition=models.Q(starts_on__gte=models.F("announced_on")),
                name="rollout_announced_first",
                violation_error_message="A change is announced before it starts.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.notice} in {self.region}"

    def phase(self, today: date | None = None) -> str:
        """``"paused"`` (or held beyond its date), ``"before"`` the start, or ``"since"`` then."""
        if self.paused_at:
            return "paused"
        if (today or timezone.localdate()) < self.starts_on:
            return "before"
        return "paused" if self.held else "since"

    def pause(self, *, by: str, reason: str) -> None:
        self._change("paused", by=by, reason=reason, paused_at=timezone.now())

    def resume(self, *, by: str, reason: str) -> None:
        self._change("resumed", by=by, reason=reason, paused_at=None)

    def reschedule(self, starts_on: date, *, by: str, reason: str) -> None:
        """Move the start; the new one has to be cleared again."""
        self._change("rescheduled", by=by, reason=reason, starts_on=starts_on, held=starts_held())

    def clear(self, *, by: str, reason: str, kind: str = "cleared") -> None:
        """Let it start on its date. Only `consent.launch` decides that."""
        self._change(kind, by=by, reason=reason, held=False)

    def _change(
        self, kind: str, *, by: str, reason: str, **values: date | datetime | bool | None
    ) -> None:
        if not reason.strip():
            raise ValidationError("Give a reason: it is part of the history.")
        with transaction.atomic():
            held = Rollout.objects.select_for_update().get(pk=self.pk)
            if kind in {"paused", "resumed"} and (kind == "paused") == bool(held.paused_at):
                raise ValidationError(f"The rollout is {kind} already.")
            for name, value in values.items():
                setattr(self, name, value)
            self.full_clean(validate_unique=False)
            self.save(update_fields=list(values))
            self.record(kind, by=by, reason=reason)

    def record(self, kind: str, *, by: str, reason: str) -> None:
        """Add to the history what holds from now on."""
        self.history.create(
            kind=kind, by=by, reason=reason, starts_on=self.starts_on, held=self.held
        )


class RolloutChange(models.Model):
    """What happened to a rollout, when, by whom and why. Only ever added to."""

    KINDS = (
        "announced", "paused", "resumed", "rescheduled", "cleared", "override", "overridden"
    )  # fmt: skip

    rollout = models.ForeignKey(Rollout, on_delete=models.PROTECT, related_name="history")
    kind = models.CharField(max_length=12, choices=[(kind, kind) for kind in KINDS])
    at = models.DateTimeField(default=timezone.now)
    by = models.CharField(max_length=254)
    reason = models.TextField()
    starts_on = models.DateField()
    held = models.BooleanField(default=False)

    def __str__(self) -> str:
        return f"{self.rollout} {self.kind} at {self.at}"


class SentMailQuerySet(models.QuerySet["SentMail"]):
    def record(self, member_id: int, **fields: Any) -> "SentMail | None":
        """Note a mail that was handed to the mail server; a repeat adds nothing.

        None where the member has been erased meanwhile: nothing is kept then.
        """
        with transaction.atomic():
            # Locked, so that an erasure comes wholly before this or takes the record with it.
            if not Member.objects.select_for_update().filter(pk=member_id):
                return None
            if fields["kind"] == SentMail.Kind.NOTICE:
                return self.create(member_id=member_id, **fields)
            key = {name: fields.pop(name) for name in ("kind", "purpose", "revision")}
            return self.get_or_create(member_id=member_id, **key, defaults=fields)[0]


class SentMail(models.Model):
    """A mail that a member was sent. The record of it goes when the member is erased.

    ``notice_version`` is that of the notice in the mail, or of the one that the confirmed choice
    answers; ``revision`` is the confirmed choice's. A confirmation is sent once for a choice,
    a notice as often as somebody decides to.
    """

    class Kind(models.TextChoices):
        NOTICE = "notice", "notice"
        CONFIRMATION = "confirmation", "confirmation of a choice"

    member = models.ForeignKey(Member, on_delete=models.CASCADE, related_name="sent_mails")
    kind = models.CharField(max_length=12, choices=Kind)
    purpose = models.CharField(max_length=64)
    notice_version = models.PositiveIntegerField(null=True)
    language = models.CharField(max_length=12)
    revision = models.PositiveIntegerField(null=True)
    sent_at = models.DateTimeField(default=timezone.now)

    objects: ClassVar = SentMailQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["member", "purpose", "revision"],
                condition=models.Q(kind="confirmation"),
                name="sent_confirmation_unique",
            ),
            models.CheckConstraint(
                condition=models.Q(kind="notice", notice_version__isnull=False)
                | models.Q(kind="confirmation", revision__isnull=False),
                name="sent_mail_about_something",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} to {self.member_id} at {self.sent_at}"


class MailCursorQuerySet(models.QuerySet["MailCursor"]):
    def due(self, now: datetime) -> "MailCursorQuerySet":
        """Not backing off, and held by nobody."""
        free = models.Q(leased_until=None) | models.Q(leased_until__lte=now)
        return self.filter(
            free, models.Q(next_attempt_at=None) | models.Q(next_attempt_at__lte=now)
        )

    def claim(self, partition: int, now: datetime, lease: timedelta) -> "MailCursor | None":
        """Take the lease; its new fence shuts out whoever held it before."""
        free = self.filter(partition=partition).due(now)
        claimed = free.update(fence=models.F("fence") + 1, leased_until=now + lease)
        return self.get(partition=partition) if claimed else None

    def held(self, cursor: "MailCursor") -> "MailCursorQuerySet":
        """The row, for as long as this holder's fence is the newest."""
        return self.filter(pk=cursor.pk, fence=cursor.fence)


class MailCursor(models.Model):
    """The position up to which all choices of a partition have been confirmed by mail.

    Those that get none are passed over; a mail that the server refuses is in `ParkedMail`.
    """

    partition = models.PositiveSmallIntegerField(primary_key=True)
    position = models.PositiveBigIntegerField(default=0)
    fence = models.PositiveBigIntegerField(default=0)
    leased_until = models.DateTimeField(null=True, blank=True)
    failures = models.PositiveIntegerField(default=0, help_text="In a row, since the last success.")
    next_attempt_at = models.DateTimeField(null=True, blank=True)
    last_error = models.TextField(blank=True)

    objects: ClassVar = MailCursorQuerySet.as_manager()

    def __str__(self) -> str:
        return f"partition {self.partition} at {self.position}"


class ParkedMailQuerySet(models.QuerySet["ParkedMail"]):
    def due(self, now: datetime) -> "ParkedMailQuerySet":
        return self.filter(retry_at__lte=now)


class ParkedMail(models.Model):
    """A confirmation that the mail server does not take for this member.

    It is tried again until ``retry_at`` is empty: then it has been given up. It goes when the
    mail is taken after all, and with the member.
    """

    member = models.ForeignKey(Member, on_delete=models.CASCADE, related_name="parked_mails")
    purpose = models.CharField(max_length=64)
    revision = models.PositiveIntegerField()
    partition = models.PositiveSmallIntegerField()
    reason = models.TextField()
    attempts = models.PositiveIntegerField(default=1)
    parked_at = models.DateTimeField(default=timezone.now)
    retry_at = models.DateTimeField(null=True, blank=True)

    objects: ClassVar = ParkedMailQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["member", "purpose", "revision"], name="parked_mail_unique"
            )
        ]
        indexes: ClassVar = [models.Index(fields=["partition", "retry_at"], name="parked_mail_due")]

    def __str__(self) -> str:
        return f"confirmation to {self.member_id}: {self.purpose} r{self.revision}"


class Reach(models.Model):
    """How many of the members whom a rollout concerns were told, as counted last."""

    rollout = models.OneToOneField(Rollout, on_delete=models.CASCADE, related_name="reach")
    concerned = models.PositiveBigIntegerField(default=0)
    told = models.PositiveBigIntegerField(default=0)
    counted_at = models.DateTimeField(null=True)
    leased_until = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.rollout}: {self.told} of {self.concerned}"

    @property
    def percent(self) -> float:
        return 100 * self.told / self.concerned if self.concerned else 100.0


class ToldQuerySet(models.QuerySet["Told"]):
    def reached(self) -> "ToldQuerySet":
        """Those who were told, in whichever way."""
        return self.filter(
            models.Q(mailed_at__isnull=False)
            | models.Q(seen_at__isnull=False)
            | models.Q(letter_at__isnull=False)
        )


class Told(models.Model):
    """Whether, when and how a member was told of a notice. It goes when the member is erased.

    Each way has the time at which it first did; a mail that came back did not. `consent.told`
    writes it.
    """

    class Way(models.TextChoices):
        MAIL = "mail", "the mail server accepted the mail"
        PAGE = "page", "the member saw the page"
        LETTER = "letter", "support sent a letter"

    class Address(models.TextChoices):
        """What came last of a mail to the member's address."""

        UNTRIED = "", "no mail was tried"
        ACCEPTED = "accepted", "accepted by the mail server"
        REFUSED = "refused", "refused by the mail server"
        BOUNCED = "bounced", "there is no such address"

    member = models.ForeignKey(Member, on_delete=models.CASCADE, related_name="told")
    notice = models.ForeignKey(Notice, on_delete=models.PROTECT, related_name="told")
    mailed_at = models.DateTimeField(null=True)
    seen_at = models.DateTimeField(null=True)
    letter_at = models.DateTimeField(null=True)
    address = models.CharField(max_length=8, choices=Address, blank=True)
    address_at = models.DateTimeField(null=True)

    objects: ClassVar = ToldQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "told"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["member", "notice"], name="told_unique")
        ]

    def __str__(self) -> str:
        return f"{self.notice} to {self.member_id}: {self.how or 'not told'}"

    @property
    def first(self) -> tuple[datetime, "Told.Way"] | None:
        """When the member was told first, and how; None for not at all."""
        ways = {
            Told.Way.MAIL: self.mailed_at,
            Told.Way.PAGE: self.seen_at,
            Told.Way.LETTER: self.letter_at,
        }
        return min(((at, way) for way, at in ways.items() if at), default=None)

    @property
    def how(self) -> str:
        return self.first[1].value if self.first else ""
