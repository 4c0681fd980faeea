"""Evidence packs that were made: who asked for which, when, and the hash of the file."""

import uuid
from datetime import datetime
from typing import ClassVar

from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from accounts.models import Member
from accounts.regions import Region

_MEMBER = Member.objects.filter(member_ref=OuterRef("member_ref"))


class EvidencePackQuerySet(models.QuerySet["EvidencePack"]):
    def due(self, now: datetime) -> "EvidencePackQuerySet":
        """Asked for, and not being made by anybody who is alive."""
        free = Q(leased_until=None) | Q(leased_until__lte=now)
        return self.filter(free, finished_at=None)

    def to_purge(self, before: datetime) -> "EvidencePackQuerySet":
        """Kept for long enough, or about somebody who was erased."""
        kept = self.filter(finished_at__isnull=False, purged_at=None)
        return kept.filter(Q(finished_at__lte=before) | ~Q(member_ref="") & ~Exists(_MEMBER))


class EvidencePack(models.Model):
    """One pack. The row is the log of it: once finished, only ``purged_at`` is ever set.

    ``region`` is empty for all; ``member_ref`` is empty unless it is about one member. The file
    lies in PACKS_FOLDER under ``key`` until it is purged; a command writes it where it is told to.
    """

    key = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    region = models.CharField(
        max_length=8, blank=True, choices=[(region.value, region.value) for region in Region]
    )
    since = models.DateField("from")
    until = models.DateField("to")
    member_ref = models.CharField("about one member", max_length=64, blank=True)
    asked_by = models.CharField(max_length=64, help_text="Reference, or the command line.")
    asked_at = models.DateTimeField(default=timezone.now)
    step = models.CharField("progress", max_length=100, blank=True)
    leased_until = models.DateTimeField(null=True, editable=False)
    finished_at = models.DateTimeField(null=True)
    size = models.PositiveBigIntegerField("bytes", default=0)
    sha256 = models.CharField("SHA-256", max_length=64, blank=True)
    error = models.TextField(blank=True)
    purged_at = models.DateTimeField(null=True)

    objects: ClassVar = EvidencePackQuerySet.as_manager()

    class Meta:
        default_permissions = ("view",)
        permissions: ClassVar = [("make_evidencepack", "Can make an evidence pack")]
        indexes: ClassVar = [
            models.Index(fields=["id"], condition=Q(finished_at=None), name="pack_unfinished"),
            models.Index(fields=["finished_at"], condition=Q(purged_at=None), name="pack_to_purge"),
        ]

    def __str__(self) -> str:
        about = "one member" if self.member_ref else self.region or "all regions"
        return f"{about}, {self.since} to {self.until}"

    @property
    def is_there(self) -> bool:
        """Whether there is a file to download; of a member, only while they are one."""
        if not self.sha256 or self.purged_at:
            return False
        return not self.member_ref or Member.objects.filter(member_ref=self.member_ref).exists()

    @property
    def file_name(self) -> str:
        about = "member" if self.member_ref else self.region or "all"
        return f"evidence-{about}-{self.since}-{self.until}.zip"
