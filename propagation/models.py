"""How far each data store has confirmed the ledger. All that relays know is in these tables."""

import uuid
from datetime import datetime, timedelta
from typing import ClassVar

from django.db import IntegrityError, models, transaction
from django.db.models import Exists, F, OuterRef, Q


class StorePauseQuerySet(models.QuerySet["StorePause"]):
    def open(self) -> "StorePauseQuerySet":
        return self.filter(resumed_at=None)


class StorePause(models.Model):
    """A time in which staff keep the relay away from a store. The rows are the log of it."""

    store = models.CharField(max_length=64)
    paused_at = models.DateTimeField()
    by = models.CharField(max_length=254)
    reason = models.TextField()
    resumed_at = models.DateTimeField(null=True, blank=True)
    resumed_by = models.CharField(max_length=254, blank=True)

    objects: ClassVar = StorePauseQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["store"], condition=Q(resumed_at=None), name="store_pause_open"
            )
        ]

    def __str__(self) -> str:
        return f"{self.store} paused by {self.by}"


class CursorQuerySet(models.QuerySet["Cursor"]):
    def due(self, now: datetime) -> "CursorQuerySet":
        """Not backing off, not paused, and held by nobody."""
        free = Q(leased_until=None) | Q(leased_until__lte=now)
        paused = StorePause.objects.open().filter(store=OuterRef("store"))
        return self.filter(
            free, Q(next_attempt_at=None) | Q(next_attempt_at__lte=now), ~Exists(paused)
        )

    def claim(self, store: str, partition: int, now: datetime, lease: timedelta) -> "Cursor | None":
        """Take the lease; its new fence shuts out whoever held it before."""
        claimed = (
            self.filter(store=store, partition=partition)
            .due(now)
            .update(fence=F("fence") + 1, leased_until=now + lease)
        )
        return self.get(store=store, partition=partition) if claimed else None

    def held(self, cursor: "Cursor") -> "CursorQuerySet":
        """The row, for as long as this holder's fence is the newest."""
        return self.filter(pk=cursor.pk, fence=cursor.fence)


class Cursor(models.Model):
    """The position up to which a store has confirmed all choices of a partition.

    A choice that the store refuses for good is in `Parked` and holds nothing up.
    """

    store = models.CharField(max_length=64)
    partition = models.PositiveSmallIntegerField()
    position = models.PositiveBigIntegerField(default=0)
    fence = models.PositiveBigIntegerField(default=0)
    leased_until = models.DateTimeField(null=True, blank=True)
    batch_size = models.PositiveSmallIntegerField(default=500)
    failures = models.PositiveIntegerField(default=0, help_text="In a row, since the last success.")
    next_attempt_at = models.DateTimeField(null=True, blank=True)
    last_error = models.TextField(blank=True)
    last_error_at = models.DateTimeField(null=True, blank=True)
    confirmed_at = models.DateTimeField(null=True, blank=True)

    objects: ClassVar = CursorQuerySet.as_manager()

    class Meta:
        verbose_name = "store"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["store", "partition"], name="cursor_unique")
        ]

    def __str__(self) -> str:
        return f"{self.store} ({self.partition}) at {self.position}"


class Confirmation(models.Model):
    """A batch that a store confirmed: all up to ``position`` since the confirmation before."""

    store = models.CharField(max_length=64)
    partition = models.PositiveSmallIntegerField()
    position = models.PositiveBigIntegerField()
    confirmed_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["store", "partition", "position"], name="confirmation_unique"
            )
        ]

    def __str__(self) -> str:
        return f"{self.store} ({self.partition}) up to {self.position}"


class ParkedQuerySet(models.QuerySet["Parked"]):
    def open(self) -> "ParkedQuerySet":
        return self.filter(confirmed_at=None)

    def due(self, now: datetime) -> "ParkedQuerySet":
        return self.open().filter(retry_at__lte=now)


class Parked(models.Model):
    """A choice that one store refuses. It is retried and shown to staff until it is taken."""

    store = models.CharField(max_length=64)
    partition = models.PositiveSmallIntegerField()
    member_ref = models.CharField(max_length=64)
    purpose = models.CharField(max_length=64)
    revision = models.PositiveIntegerField()
    reason = models.TextField()
    attempts = models.PositiveIntegerField(default=1)
    parked_at = models.DateTimeField()
    retry_at = models.DateTimeField()
    confirmed_at = models.DateTimeField(null=True, blank=True)

    objects: ClassVar = ParkedQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "parked choices"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["store", "member_ref", "purpose"], name="parked_unique")
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["store", "partition", "retry_at"],
                condition=Q(confirmed_at=None),
                name="parked_open",
            ),
            models.Index(
                fields=["store", "partition", "parked_at"],
                condition=Q(confirmed_at=None),
                name="parked_oldest",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.store}: {self.member_ref} {self.purpose}"


class AlarmQuerySet(models.QuerySet["Alarm"]):
    def open(self) -> "AlarmQuerySet":
        return self.filter(cleared_at=None)

    def untold(self) -> "AlarmQuerySet":
        """Of which staff have not had every mail yet."""
        return self.filter(
            Q(late_told_at=None) | Q(cleared_at__isnull=False, recovery_told_at=None)
        )

    def claim(self, now: datetime, lease: timedelta) -> "AlarmQuerySet":
        """Take those that nobody else is telling of; a holder that dies loses them by time."""
        token = uuid.uuid4()
        free = Q(leased_until=None) | Q(leased_until__lte=now)
        self.untold().filter(free).update(lease=token, leased_until=now + lease)
        return self.filter(lease=token)


class Alarm(models.Model):
    """A store was later than its SLA, from when to when, and what staff were told of it when."""

    store = models.CharField(max_length=64)
    since = models.DateTimeField(help_text="When the choice was made that was late first.")
    raised_at = models.DateTimeField()
    cleared_at = models.DateTimeField(null=True, blank=True)
    late_told_at = models.DateTimeField(null=True, blank=True)
    recovery_told_at = models.DateTimeField(null=True, blank=True)
    lease = models.UUIDField(null=True, blank=True)
    leased_until = models.DateTimeField(null=True, blank=True)

    objects: ClassVar = AlarmQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["store"], condition=Q(cleared_at=None), name="alarm_open"
            )
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["raised_at"],
                condition=Q(late_told_at=None) | Q(recovery_told_at=None),
                name="alarm_untold",
            )
        ]

    def __str__(self) -> str:
        return f"{self.store} late since {self.since}"


class ReconciliationQuerySet(models.QuerySet["Reconciliation"]):
    def newest(self, store: str) -> "Reconciliation | None":
        return self.filter(store=store).order_by("-pk").first()

    def running(self, now: datetime) -> "ReconciliationQuerySet":
        return self.filter(finished_at=None, alive_until__gt=now)

    def finished(self) -> "ReconciliationQuerySet":
        return self.exclude(finished_at=None)

    def whole(self) -> "ReconciliationQuerySet":
        """Full passes that came to their end."""
        return self.finished().filter(kind=Reconciliation.Kind.FULL, error="")

    def equal(self) -> "ReconciliationQuerySet":
        """Full passes after which the store was equal to the ledger."""
        drift = F("missing") + F("extra") + F("older") + F("edited")
        return self.whole().filter(repaired__gte=drift)

    def start(
        self, store: str, kind: str, now: datetime, lease: timedelta
    ) -> "Reconciliation | None":
        """Begin a pass, and close one that was cut off; None while another one is at work."""
        self.filter(store=store, finished_at=None, alive_until__lte=now).update(
            finished_at=now, error="It was cut off before its end."
        )
        try:
            with transaction.atomic():
                return self.create(store=store, kind=kind, started_at=now, alive_until=now + lease)
        except IntegrityError:
            return None


class Reconciliation(models.Model):
    """One pass over a store: what was compared, what differed, what was repaired.

    Rows are added and kept. Only the one of a pass at work changes, until it is finished.
    """

    class Kind(models.TextChoices):
        SAMPLE = "sample", "sample"
        FULL = "full", "full"

    store = models.CharField(max_length=64)
    kind = models.CharField(max_length=6, choices=Kind)
    started_at = models.DateTimeField()
    alive_until = models.DateTimeField(help_text="If unfinished after this, it was cut off.")
    finished_at = models.DateTimeField(null=True, blank=True)
    checked = models.PositiveBigIntegerField(default=0)
    missing = models.PositiveBigIntegerField(default=0)
    extra = models.PositiveBigIntegerField(default=0)
    older = models.PositiveBigIntegerField(default=0)
    edited = models.PositiveBigIntegerField(default=0)
    repaired = models.PositiveBigIntegerField(default=0)
    examples = models.JSONField(default=list, help_text="A few of the differences, for staff.")
    error = models.TextField(blank=True)

    objects: ClassVar = ReconciliationQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["store"], condition=Q(finished_at=None), name="reconciliation_one_a_store"
            )
        ]
        indexes: ClassVar = [
            models.Index(fields=["store", "kind", "-id"], name="reconciliation_newest")
        ]

    def __str__(self) -> str:
        return f"{self.store} {self.kind} {self.started_at:%Y-%m-%d %H:%M}"

    @property
    def drift(self) -> int:
        return self.missing + self.extra + self.older + self.edited


class Removal(models.Model):
    """How many rows of an objector a store has deleted so far, by its own word."""

    store = models.CharField(max_length=64)
    member_ref = models.CharField(max_length=64)
    purpose = models.CharField(max_length=64)
    rows = models.PositiveBigIntegerField()
    at = models.DateTimeField(help_text="When the store last said so.")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["member_ref", "purpose", "store"], name="removal_unique"
            )
        ]

    def __str__(self) -> str:
        return f"{self.store}: {self.rows} rows of {self.member_ref}"


class Heartbeat(models.Model):
    """When something that must go on by itself was last seen to do so."""

    name = models.CharField(max_length=32, primary_key=True)
    seen_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.name} at {self.seen_at}"
