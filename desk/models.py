"""What the support desk keeps: actions, evidence, requests, corrections, and mails to be sent.

Members are named by their reference, so that the record of what staff did outlives an erasure;
what holds something of a member's own (evidence, mails) goes with the member.
"""

import uuid
from datetime import date, datetime, timedelta
from typing import ClassVar

from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from accounts.models import Member
from desk import counters, packs  # noqa: F401 (Django finds their models here)

REMIND_BEFORE = timedelta(days=7)


class MemberPage(Member):
    """A member as the support desk sees them: searched for, and opened with a reason."""

    class Meta:
        proxy = True
        default_permissions = ("view",)
        verbose_name = "member's page"
        verbose_name_plural = "find a member"
        permissions: ClassVar = [
            ("record_objection", "Can record an objection that a member made to support"),
            ("send_mails", "Can send a member their link or receipt again"),
            ("correct_country", "Can correct a member's country"),
            ("retry_delivery", "Can retry or explain a delivery that is delayed"),
            ("write_note", "Can write a note about a member"),
            ("export_member", "Can download all that is held about a member"),
            ("erase_member", "Can erase a member at their request"),
        ]


class Evidence(models.Model):
    """A file that a member sent to support, kept in EVIDENCE_DIR under ``key``.

    It goes when the member is erased; its hash stays in the action and in the ledger.
    """

    key = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    member = models.ForeignKey(Member, on_delete=models.CASCADE, related_name="evidence")
    name = models.CharField(max_length=200, help_text="As the file was called; shown, never used.")
    kind = models.CharField(max_length=4, help_text="By its content: pdf, png, jpeg, text or eml.")
    size = models.PositiveBigIntegerField()
    sha256 = models.CharField(max_length=64, db_index=True)
    kept_at = models.DateTimeField(default=timezone.now)
    kept_by = models.CharField(max_length=64)

    class Meta:
        default_permissions = ("view",)
        verbose_name_plural = "evidence"

    def __str__(self) -> str:
        return f"{self.name} ({self.kind}, {self.size} bytes)"


class MemberRequestQuerySet(models.QuerySet["MemberRequest"]):
    def open(self) -> "MemberRequestQuerySet":
        return self.filter(closed_at=None)

    def closed(self) -> "MemberRequestQuerySet":
        return self.exclude(closed_at=None)

    def overdue(self, today: date) -> "MemberRequestQuerySet":
        return self.open().filter(due_on__lt=today)

    def near(self, today: date) -> "MemberRequestQuerySet":
        """Not late yet, but within the time in which a reminder is sent."""
        return self.open().filter(due_on__gte=today, due_on__lte=today + REMIND_BEFORE)

    def to_remind(self, today: date, now: datetime) -> "MemberRequestQuerySet":
        """Near or late, and nobody was told of that yet or is being told now."""
        untold = Q(reminded_at=None) | Q(due_on__lt=today, overdue_told_at=None)
        free = Q(leased_until=None) | Q(leased_until__lte=now)
        return self.open().filter(untold, free, due_on__lte=today + REMIND_BEFORE)


class MemberRequest(models.Model):
    """Something that a member asked for and that must be answered in time (GDPR Art. 12(3)).

    Kind, member and day of arrival never change, and no row is deleted (`desk.triggers`). Changed
    by `desk.requests` only, which keeps the history in StaffAction.
    """

    class Kind(models.TextChoices):
        OBJECTION = "objection", "objection that needs an answer (Art. 21)"
        ACCESS = "access", "access to their data (Art. 15)"
        ERASURE = "erasure", "erasure (Art. 17)"
        COMPLAINT = "complaint", "complaint"

    member_ref = models.CharField("member", max_length=64, db_index=True)
    kind = models.CharField(max_length=9, choices=Kind)
    received_on = models.DateField(help_text="The day on which it reached us, by any way.")
    due_on = models.DateField(help_text="One month after it arrived; three when extended.")
    extended_at = models.DateTimeField(null=True)
    owner = models.CharField(max_length=64, blank=True, help_text="Reference of who answers it.")
    opened_at = models.DateTimeField(default=timezone.now)
    opened_by = models.CharField(max_length=64)
    closed_at = models.DateTimeField(null=True)
    reminded_at = models.DateTimeField(null=True)
    overdue_told_at = models.DateTimeField(null=True)
    leased_until = models.DateTimeField(null=True)

    objects: ClassVar = MemberRequestQuerySet.as_manager()

    class Meta:
        default_permissions = ("view",)
        verbose_name = "request"
        permissions: ClassVar = [
            ("open_memberrequest", "Can note a request of a member"),
            ("handle_memberrequest", "Can assign, work on, extend and close requests"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["due_on", "id"], condition=Q(closed_at=None), name="request_open"),
            models.Index(fields=["owner", "due_on"], name="request_by_owner"),
            models.Index(fields=["closed_at"], name="request_closed"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} of {self.member_ref}, due {self.due_on}"

    @property
    def overdue(self) -> bool:
        return self.closed_at is None and self.due_on < timezone.localdate()

    @property
    def state(self) -> str:
        if self.closed_at:
            return "done"
        if self.overdue:
            return "overdue"
        return "near its deadline" if self.days_left <= REMIND_BEFORE.days else "open"

    @property
    def days_left(self) -> int:
        """Negative for a request that is late."""
        return (self.due_on - timezone.localdate()).days


class Todo(models.Model):
    """One step on the way to the answer."""

    request = models.ForeignKey(MemberRequest, on_delete=models.PROTECT, related_name="todos")
    text = models.CharField(max_length=200)
    done_at = models.DateTimeField(null=True)
    done_by = models.CharField(max_length=64, blank=True)

    class Meta:
        default_permissions = ()
        ordering: ClassVar = ["pk"]

    def __str__(self) -> str:
        return self.text


class CorrectionQuerySet(models.QuerySet["Correction"]):
    def asked(self) -> "CorrectionQuerySet":
        return self.filter(state=Correction.State.ASKED)


class Correction(models.Model):
    """An objection that support recorded for the wrong person: one asks, another decides, once.

    What becomes of it is in docs/adr/0017-corrections-never-allow.md.
    """

    class State(models.TextChoices):
        ASKED = "asked", "waits for a second person"
        AGREED = "agreed", "agreed"
        REFUSED = "refused", "refused"

    member_ref = models.CharField("recorded for", max_length=64)
    purpose = models.CharField(max_length=64)
    revision = models.PositiveIntegerField("choice number")
    meant_ref = models.CharField("meant for", max_length=64, blank=True)
    reason = models.TextField()
    asked_by = models.CharField(max_length=64)
    asked_at = models.DateTimeField(default=timezone.now)
    state = models.CharField(max_length=7, choices=State, default=State.ASKED)
    decided_by = models.CharField(max_length=64, blank=True)
    decided_at = models.DateTimeField(null=True)
    answer = models.TextField(blank=True, help_text="Why the second person decided so.")

    objects: ClassVar = CorrectionQuerySet.as_manager()

    class Meta:
        default_permissions = ("view",)
        permissions: ClassVar = [
            ("ask_correction", "Can ask for a correction"),
            ("decide_correction", "Can decide about a correction that somebody else asked for"),
        ]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(decided_by="") | ~Q(decided_by=F("asked_by")),
                name="correction_four_eyes",
                violation_error_message="Who asked for a correction cannot decide about it.",
            ),
            models.UniqueConstraint(
                fields=["member_ref", "purpose", "revision"],
                condition=~Q(state="refused"),
                name="correction_once",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["asked_at"], condition=Q(state="asked"), name="correction_asked")
        ]

    def __str__(self) -> str:
        return f"{self.member_ref} choice {self.revision}: {self.state}"


class StaffAction(models.Model):
    """What staff did for or about a member, when, why, and with which evidence. Only ever added
    to: the database refuses all else (`desk.triggers`)."""

    class Kind(models.TextChoices):
        OBJECTED = "objected", "recorded an objection"
        LINK = "link", "sent the link again"
        RECEIPT = "receipt", "sent a receipt again"
        COUNTRY = "country", "corrected the country"
        RETRIED = "retried", "had a delivery tried again"
        EXPLAINED = "explained", "explained a delay"
        NOTE = "note", "wrote a note"
        REQUEST = "request", "worked on a request"
        ASKED = "asked", "asked for a correction"
        AGREED = "agreed", "agreed to a correction"
        REFUSED = "refused", "refused a correction"
        ERASED = "erased", "erased the member"

    at = models.DateTimeField(default=timezone.now)
    by = models.CharField("member of staff", max_length=64)
    member_ref = models.CharField("member", max_length=64)
    kind = models.CharField(max_length=9, choices=Kind)
    reason = models.TextField()
    outcome = models.TextField(blank=True, help_text="What came of it, in words.")
    evidence_sha256 = models.CharField("evidence", max_length=64, blank=True)
    request = models.ForeignKey(
        MemberRequest, on_delete=models.PROTECT, null=True, related_name="history"
    )
    press = models.UUIDField(
        default=uuid.uuid4, unique=True, help_text="Of the form: one press, one action."
    )

    class Meta:
        default_permissions = ("view",)
        indexes: ClassVar = [
            models.Index(fields=["member_ref", "id"], name="action_by_member"),
            models.Index(fields=["by", "id"], name="action_by_staff"),
        ]

    def __str__(self) -> str:
        return f"{self.by} {self.get_kind_display()}: {self.member_ref}"


class SupportMailQuerySet(models.QuerySet["SupportMail"]):
    def due(self, now: datetime) -> "SupportMailQuerySet":
        return self.filter(sent_at=None, retry_at__lte=now)

    def claim(self, pk: int, now: datetime, lease: timedelta) -> bool:
        """Take it for a while, by putting its next attempt off; False if somebody else has."""
        return bool(self.due(now).filter(pk=pk).update(retry_at=now + lease))


class SupportMail(models.Model):
    """A mail that staff have asked to be sent to a member; sent by `desk.mails`."""

    class Kind(models.TextChoices):
        LINK = "link", "the notice with the member's link"
        RECEIPT = "receipt", "a receipt"
        CORRECTION = "correction", "about an objection recorded by mistake"

    member = models.ForeignKey(Member, on_delete=models.CASCADE, related_name="support_mails")
    kind = models.CharField(max_length=10, choices=Kind)
    purpose = models.CharField(max_length=64)
    revision = models.PositiveIntegerField(null=True, help_text="Of the choice that it is about.")
    asked_at = models.DateTimeField(default=timezone.now)
    sent_at = models.DateTimeField(null=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    retry_at = models.DateTimeField(
        null=True, default=timezone.now, help_text="Empty: sent, or given up."
    )
    problem = models.TextField(blank=True)

    objects: ClassVar = SupportMailQuerySet.as_manager()

    class Meta:
        default_permissions = ("view",)
        indexes: ClassVar = [
            models.Index(fields=["retry_at"], condition=Q(sent_at=None), name="support_mail_due")
        ]

    def __str__(self) -> str:
        return f"{self.kind} to {self.member_id}"
