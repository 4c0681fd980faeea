"""What the dashboard shows, counted once and kept: choices, and how long stores took for them.

`desk.counting` keeps the numbers; nothing that shows them counts the ledger.
"""

import math
from datetime import date
from typing import ClassVar

from django.db import models

STEPS = 4
"""Buckets within each doubling of a time: a percentile is at most 19 % too long."""


def bucket_of(seconds: float) -> int:
    """The bucket of a time: 0 up to a second, then each up to `bound_of` of it."""
    return max(0, math.ceil(math.log2(seconds) * STEPS - 1e-9)) if seconds > 1 else 0


def bound_of(bucket: int) -> float:
    """The longest time in the bucket, in seconds."""
    return float(2 ** (bucket / STEPS))


class ChoiceCountQuerySet(models.QuerySet["ChoiceCount"]):
    def objections(self, purpose: str, since: date, until: date) -> "ChoiceCountQuerySet":
        return self.filter(purpose=purpose, decision="objected", day__gte=since, day__lte=until)


class ChoiceCount(models.Model):
    """How many sealed choices were made on a day (UTC), by region, channel and decision.

    ``region``: where the member lived when they were counted, seconds after the choice; the ledger
    knows nobody's country. "elsewhere": outside all regions; "unknown": not known, disputed, or
    erased meanwhile.
    """

    day = models.DateField()
    purpose = models.CharField(max_length=64)
    region = models.CharField(max_length=9)
    channel = models.CharField(max_length=12)
    decision = models.CharField(max_length=8)
    number = models.PositiveBigIntegerField(default=0)

    objects: ClassVar = ChoiceCountQuerySet.as_manager()

    class Meta:
        default_permissions = ()
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["purpose", "day", "region", "channel", "decision"],
                name="choice_count_unique",
            )
        ]

    def __str__(self) -> str:
        return f"{self.day} {self.region} {self.channel} {self.decision}: {self.number}"


class LatencyCountQuerySet(models.QuerySet["LatencyCount"]):
    def between(self, since: date, until: date) -> "LatencyCountQuerySet":
        return self.filter(day__gte=since, day__lte=until)


class LatencyCount(models.Model):
    """How many choices of a day (UTC) a store confirmed within a time, from the choice on.

    ``worst`` is the longest of them, in seconds. A choice that the store refused is not among
    them: it is shown as parked.
    """

    store = models.CharField(max_length=64)
    day = models.DateField()
    bucket = models.PositiveSmallIntegerField()
    number = models.PositiveBigIntegerField(default=0)
    worst = models.FloatField(default=0)

    objects: ClassVar = LatencyCountQuerySet.as_manager()

    class Meta:
        default_permissions = ()
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["store", "day", "bucket"], name="latency_count_unique")
        ]

    def __str__(self) -> str:
        return f"{self.store} {self.day} up to {bound_of(self.bucket):.0f} s: {self.number}"


class Counted(models.Model):
    """The position up to which a partition was counted; ``store`` is empty for the choices.

    Who holds its row lock is the one that counts on.
    """

    store = models.CharField(max_length=64, blank=True)
    partition = models.PositiveSmallIntegerField()
    position = models.PositiveBigIntegerField(default=0)

    class Meta:
        default_permissions = ()
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["store", "partition"], name="counted_unique")
        ]

    def __str__(self) -> str:
        return f"{self.store or 'choices'} ({self.partition}) up to {self.position}"


class Dashboard(ChoiceCount):
    """The dashboard's place in admin, and the right to see it."""

    class Meta:
        proxy = True
        default_permissions = ("view",)
        verbose_name = verbose_name_plural = "dashboard"
