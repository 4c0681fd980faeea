"""What an evidence pack is about: a region, days, and maybe one member."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from accounts.models import MEMBER_REF, Member
from accounts.regions import Region


class PackError(Exception):
    """No pack is made; the message says why, in words for staff."""


@dataclass(frozen=True, slots=True)
class Scope:
    """``region`` is empty for all. ``since`` and ``until`` are days in UTC, both included."""

    region: str
    since: date
    until: date
    member: Member | None = None

    @property
    def begins(self) -> datetime:
        return datetime.combine(self.since, time(), UTC)

    @property
    def ends(self) -> datetime:
        """The first moment that is no longer in it."""
        return datetime.combine(self.until, time(), UTC) + timedelta(days=1)

    @property
    def regions(self) -> list[str]:
        return [self.region] if self.region else [region.value for region in Region]

    def as_json(self) -> dict[str, str | bool]:
        return {
            "region": self.region or "all",
            "from": self.since.isoformat(),
            "to": self.until.isoformat(),
            "about_one_member": self.member is not None,
        }


def scope_of(*, region: str, since: date, until: date, member_ref: str = "") -> Scope:
    """Raises PackError for what there is not."""
    known = [region.value for region in Region]
    if region and region not in known:
        raise PackError(f"There is no region {region!r}. There are: {', '.join(known)}.")
    if since > until:
        raise PackError(f"It would begin ({since}) after it ends ({until}).")
    if until.year > 9_998 or since.year < 1_900:
        raise PackError("These days are too far away.")
    member = None
    if member_ref:
        if MEMBER_REF.match(member_ref):
            member = Member.objects.filter(member_ref=member_ref).first()
        if member is None:
            raise PackError("There is no such member, or they were erased.")
    return Scope(region, since, until, member)
