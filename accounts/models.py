"""Members: the data subjects, as the host platform knows them."""

import re
import uuid
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.contrib.sessions.backends.base import SessionBase
from django.contrib.sessions.base_session import AbstractBaseSession
from django.core.validators import RegexValidator
from django.db import models
from django.utils import timezone

from accounts.regions import Country, Region, countries, country_for
from accounts.residence import Residence

MEMBER_REF = re.compile(r"\A[A-Za-z0-9][A-Za-z0-9._:-]{0,63}\Z")


if TYPE_CHECKING:
    _EmailField = models.EmailField[str, str]  # generic in django-stubs only
else:
    _EmailField = models.EmailField


class LowercaseEmailField(_EmailField):
    """Kept and compared in lower case: a plain unique index then serves every look-up.

    allauth looks addresses up by their lower-case form.
    """

    def to_python(self, value: Any) -> Any:
        value = super().to_python(value)
        return value.lower() if isinstance(value, str) else value


LOCAL = "local-"
"""Begins the reference of an account that was made here. Those of the host begin otherwise."""


def local_ref() -> str:
    return f"{LOCAL}{uuid.uuid4().hex}"


class MemberQuerySet(models.QuerySet["Member"]):
    def with_email(self, email: str) -> "MemberQuerySet":
        return self.filter(email=email.strip())

    def living_in(self, region: Region) -> "MemberQuerySet":
        """Those whom their account or they themselves place in the region; members of unknown
        country are in none."""
        codes = [country.code for country in countries(region)]
        return self.filter(models.Q(country__in=codes) | models.Q(stated_country__in=codes))


class MemberManager(BaseUserManager["Member"].from_queryset(MemberQuerySet)):  # type: ignore[misc]
    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "Member":
        """A member; without a password, sign-in is by a code sent to the address."""
        fields.setdefault("member_ref", local_ref())
        member = Member(email=email.strip().lower(), **fields)
        member.set_password(password)
        member.save(using=self._db)
        return member

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "Member":
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)

    def get_by_natural_key(self, username: str | None) -> "Member":
        member: Member = self.get(email=username)
        return member


class Member(AbstractBaseUser, PermissionsMixin):
    """A person whose data the change concerns, or a member of staff.

    ``member_ref`` is the only name by which the ledger and the data stores know a member.
    """

    member_ref = models.CharField(
        "member reference",
        max_length=64,
        unique=True,
        validators=[RegexValidator(MEMBER_REF, "Up to 64 letters, digits and . _ : -")],
        help_text="The opaque id that the host platform uses for this member.",
    )
    email = LowercaseEmailField(
        "e-mail address",
        max_length=254,
        unique=True,
        error_messages={"unique": "Another member has this e-mail address."},
    )
    name = models.CharField(
        max_length=150,
        blank=True,
        default="",
        db_default="",
        help_text="As the host platform knows it; for support, who are called by people.",
    )
    country = models.CharField(
        max_length=2, blank=True, help_text="ISO 3166-1 code of where the member lives."
    )
    stated_country = models.CharField(
        "country, as the member says",
        max_length=2,
        blank=True,
        help_text="The member's own correction. The host platform's word does not replace it.",
    )
    language = models.CharField(
        max_length=12, blank=True, help_text="Language tag, for example de or pt-BR."
    )
    is_minor = models.BooleanField(
        "under 18", default=False, help_text="Data of members under 18 is never used."
    )
    is_staff = models.BooleanField(default=False)
    is_active = models.BooleanField(default=True)
    joined_at = models.DateTimeField(auto_now_add=True)

    objects: ClassVar[MemberManager] = MemberManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        indexes: ClassVar = [
            # Staff are a handful among millions.
            models.Index(fields=["id"], condition=models.Q(is_staff=True), name="member_staff")
        ]

    _rank: tuple[bool, ...] = ()

    def __str__(self) -> str:
        return self.email

    @classmethod
    def from_db(cls, db: str | None, field_names: Any, values: Any, **options: Any) -> "Member":
        member = super().from_db(db, field_names, values, **options)
        member._rank = member._rank_now()
        return member

    def _rank_now(self) -> tuple[bool, ...]:
        """What the member may be, where that is loaded."""
        known = vars(self).keys() >= {"is_active", "is_staff", "is_superuser"}
        return (self.is_active, self.is_staff, self.is_superuser) if known else ()

    def save(self, *, force_update: bool = False, **kwargs: Any) -> None:
        """Raises Member.NotUpdated for a member who has been erased since they were read.

        Django would insert the row again, and so undo the erasure.
        """
        inserts = self._state.adding or kwargs.get("force_insert", False)
        super().save(force_update=force_update or not inserts, **kwargs)
        before, self._rank = self._rank, self._rank_now()
        if any(had and not has for had, has in zip(before, self._rank, strict=False)):
            self.sessions.all().delete()  # whoever loses rights is signed out everywhere

    @property
    def is_made_here(self) -> bool:
        """Whether it is an account of staff that the host platform knows nothing of."""
        return self.member_ref.startswith(LOCAL)

    @property
    def residence(self) -> Residence:
        """Where the member lives, as far as is known, and who says so."""
        return Residence(country_for(self.country), country_for(self.stated_country))

    def state_country(self, code: str) -> None:
        """Keep where the member says they live; what the account says already is no correction."""
        self.stated_country = "" if code == self.country.upper() else code
        self.save(update_fields=["stated_country"])

    @property
    def lives_in(self) -> Country | None:
        """The country, or None where it is unknown: then the more protective answer holds."""
        return self.residence.country


class Session(AbstractBaseSession):
    """A browser's session, kept by `accounts.sessions`; empty ``member``: nobody has signed in."""

    member = models.ForeignKey(
        Member, null=True, on_delete=models.CASCADE, related_name="sessions", editable=False
    )

    @classmethod
    def get_session_store_class(cls) -> type[SessionBase]:
        from accounts.sessions import SessionStore  # noqa: PLC0415 (it imports this model)

        return SessionStore


class Suppression(models.Model):
    """The keyed hash of a reference or address that belonged to somebody who had their data here
    deleted (`accounts.suppression`). ``key_id`` tells which key made it.
    """

    digest = models.CharField(max_length=64, primary_key=True)
    key_id = models.CharField(max_length=8, db_index=True)
    erased_on = models.DateField(default=timezone.localdate)

    def __str__(self) -> str:
        return f"erased on {self.erased_on}"


class MemberAccess(models.Model):
    """What staff did with a member's data. Only ever added to: the database refuses all else
    (`consent.triggers`). Written by `accounts.access_log.note`.

    ``by`` and ``member_ref`` are references, so that the log keeps nobody's address, and outlives
    both accounts. ``reason`` is what the member of staff gave as theirs: a ticket, or words.
    """

    class What(models.TextChoices):
        VIEWED = "viewed", "viewed"
        CHANGED = "changed", "changed"
        ADDED = "added", "added"
        SEARCHED = "searched", "found in a search"
        SHOWN = "shown", "personal details shown"
        EXPORTED = "exported", "exported"
        ACTED = "acted", "acted for the member"

    at = models.DateTimeField(default=timezone.now)
    by = models.CharField("member of staff", max_length=64)
    member_ref = models.CharField("member", max_length=64)
    what = models.CharField(max_length=8, choices=What)
    reason = models.CharField(max_length=500, blank=True, default="", db_default="")

    class Meta:
        verbose_name = "access to a member"
        verbose_name_plural = "access to members"
        indexes: ClassVar = [
            models.Index(fields=["member_ref", "id"], name="access_by_member"),
            models.Index(fields=["by", "id"], name="access_by_staff"),
            models.Index(fields=["at"], name="access_by_time"),
        ]

    def __str__(self) -> str:
        return f"{self.by} {self.what} {self.member_ref} at {self.at}"


class UnusualAccessQuerySet(models.QuerySet["UnusualAccess"]):
    def untold(self, now: datetime) -> "UnusualAccessQuerySet":
        """Those that nobody was mailed about, and that no process is mailing about now."""
        free = models.Q(leased_until=None) | models.Q(leased_until__lte=now)
        return self.filter(free, told_at=None)

    def since(self, day: date) -> "UnusualAccessQuerySet":
        return self.filter(day__gte=day).order_by("-day", "kind", "by")


class UnusualAccess(models.Model):
    """What stood out in the log of access (`desk.unusual`): one row a day for each kind and each
    member of staff, so that staff are told once. ``members``: the most in an hour for MANY, else
    how many that day.
    """

    class Kind(models.TextChoices):
        MANY = "many", "many members within an hour"
        KNOWN = "known", "well-known members"
        HOURS = "hours", "outside working hours"

    kind = models.CharField(max_length=5, choices=Kind)
    by = models.CharField("member of staff", max_length=64)
    day = models.DateField()
    members = models.PositiveIntegerField()
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()
    told_at = models.DateTimeField(null=True)
    leased_until = models.DateTimeField(null=True)

    objects: ClassVar = UnusualAccessQuerySet.as_manager()

    class Meta:
        verbose_name = "unusual access"
        verbose_name_plural = "unusual access"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["day", "kind", "by"], name="unusual_access_once_a_day")
        ]

    def __str__(self) -> str:
        return f"{self.by}: {self.get_kind_display()} on {self.day}"
