"""The append-only record of all choices. Knows members by ``member_ref`` only."""

from typing import ClassVar

from django.db import models


class Decision(models.TextChoices):
    OBJECTED = "objected", "objected"
    ALLOWED = "allowed", "allowed"


class Channel(models.TextChoices):
    DASHBOARD = "dashboard", "dashboard"
    MAIL_LINK = "mail_link", "mail link"
    SUPPORT = "support", "support"
    IMPORT = "import", "import"
    API = "api", "API"
    GPC = "gpc", "browser signal (GPC)"


class CurrentChoiceQuerySet(models.QuerySet["CurrentChoice"]):
    def objects_to(self, member_ref: str, purpose: str) -> bool:
        """Whether the member's objection to the purpose holds now."""
        return self.filter(
            member_ref=member_ref, purpose=purpose, decision=Decision.OBJECTED
        ).exists()


class CurrentChoice(models.Model):
    """What holds now for a member and purpose. Its row lock gives each choice its revision."""

    member_ref = models.CharField(max_length=64)
    purpose = models.CharField(max_length=64)
    decision = models.CharField(max_length=8, choices=Decision)
    revision = models.PositiveIntegerField()
    changed_at = models.DateTimeField()

    objects: ClassVar = CurrentChoiceQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["member_ref", "purpose"], name="current_choice_unique")
        ]

    def __str__(self) -> str:
        return f"{self.member_ref} {self.purpose} r{self.revision}: {self.decision}"


class EntryQuerySet(models.QuerySet["Entry"]):
    def of(self, member_ref: str, purpose: str) -> "EntryQuerySet":
        """A member's choices for a purpose, the newest first."""
        return self.filter(member_ref=member_ref, purpose=purpose).order_by("-revision")

    def unsealed(self, partition: int) -> "EntryQuerySet":
        return self.filter(partition=partition, position=None).order_by("pk")

    def after(self, partition: int, position: int) -> "EntryQuerySet":
        """Sealed choices behind a position, in order."""
        return self.filter(partition=partition, position__gt=position).order_by("position")


class Entry(models.Model):
    """One choice. Its content never changes; triggers refuse it (`ledger.triggers`).

    ``position`` is null until the choice is sealed, then its place in the order of its
    partition: 1, 2, 3 … without a gap.
    """

    partition = models.PositiveSmallIntegerField(default=0)
    position = models.PositiveBigIntegerField(null=True)
    member_ref = models.CharField(max_length=64)
    purpose = models.CharField(max_length=64)
    decision = models.CharField(max_length=8, choices=Decision)
    revision = models.PositiveIntegerField()
    channel = models.CharField(max_length=12, choices=Channel)
    notice_version = models.PositiveIntegerField(
        null=True, help_text="Version of the notice that the member saw; empty where none is known."
    )
    notice_language = models.CharField(max_length=12, blank=True)
    request_id = models.UUIDField()
    recorded_at = models.DateTimeField()
    # Not "": a column that is null was added to the large table without writing each row.
    evidence_sha256 = models.CharField(  # noqa: DJ001
        "evidence",
        max_length=64,
        null=True,
        editable=False,
        help_text="SHA-256 of the file by which support recorded it, in hex.",
    )

    objects: ClassVar = EntryQuerySet.as_manager()

    class Meta:
        verbose_name = "choice"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["member_ref", "purpose", "revision"], name="entry_revision_unique"
            ),
            # With the member in it: a request id of somebody else is simply a new one. It comes
            # first, so that the same index finds a choice by the number of its receipt.
            models.UniqueConstraint(
                fields=["request_id", "member_ref", "purpose"], name="entry_request_unique"
            ),
            models.UniqueConstraint(fields=["partition", "position"], name="entry_position_unique"),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["partition", "id"], condition=models.Q(position=None), name="entry_unsealed"
            )
        ]

    def __str__(self) -> str:
        return f"{self.member_ref} {self.purpose} r{self.revision}: {self.decision}"


class Head(models.Model):
    """The last position given in a partition. Who holds its row lock is the one sealer."""

    partition = models.PositiveSmallIntegerField(primary_key=True)
    position = models.PositiveBigIntegerField(default=0)
    sealed_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"partition {self.partition}: {self.position}"
