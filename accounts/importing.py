"""Loads members from the host platform, who is the source for all that it sends.

Lines count in the order of the file, so of two lines for one member the last wins. Choices,
passwords, sign-in rights and staff are never touched: a line for a member of staff is refused.
Who had their data here deleted is left out, and said to be.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from allauth.account.models import EmailAddress
from django.contrib.auth.hashers import make_password
from django.db import IntegrityError, transaction
from django.db.models import CharField, Q, Value
from django.db.models.functions import Cast, Concat

from accounts.addresses import forget_stale_addresses
from accounts.import_lines import MemberLine, Problem
from accounts.models import Member
from accounts.suppression import require_keys, suppressed

ATTEMPTS = 5
FIELDS = ("email", "name", "country", "language", "is_minor")


@dataclass(frozen=True, slots=True)
class Summary:
    """Numbers of lines by what came of them."""

    created: int = 0
    changed: int = 0
    unchanged: int = 0
    bad: int = 0
    erased: int = 0

    def __add__(self, other: "Summary") -> "Summary":
        return Summary(
            self.created + other.created,
            self.changed + other.changed,
            self.unchanged + other.unchanged,
            self.bad + other.bad,
            self.erased + other.erased,
        )


class Erased(Problem):
    """A line for somebody who is not taken in again; nothing is wrong with it."""


def import_members(
    lines: Iterable[MemberLine | Problem],
    *,
    batch_size: int,
    report: Callable[[Problem], object],
) -> Summary:
    """Load the good lines and report the others. Each batch is one transaction; run again, the
    same lines change nothing.

    Raises KeyMissing where it cannot be told who was erased: then nothing is loaded.
    """
    require_keys()
    total = Summary()

    def count(problem: Problem) -> None:
        nonlocal total
        total += Summary(erased=1) if isinstance(problem, Erased) else Summary(bad=1)
        report(problem)

    for batch in _batches(lines, batch_size, count):
        loaded, refused = _load(batch)
        for problem in refused:
            count(problem)
        total += loaded
    return total


def _batches(
    lines: Iterable[MemberLine | Problem], size: int, report: Callable[[Problem], object]
) -> Iterator[list[MemberLine]]:
    """Batches in which each member is there once, so that a repeated one comes later."""
    batch: dict[str, MemberLine] = {}
    for line in lines:
        if isinstance(line, Problem):
            report(line)
            continue
        if len(batch) == size or line.member_ref in batch:
            yield list(batch.values())
            batch = {}
        batch[line.member_ref] = line
    if batch:
        yield list(batch.values())


def _load(batch: list[MemberLine]) -> tuple[Summary, list[Problem]]:
    for attempt in range(1, ATTEMPTS + 1):
        try:
            with transaction.atomic():
                return _load_once(batch)
        except IntegrityError:
            # Somebody else took an address after we had looked. Look again.
            if attempt == ATTEMPTS:
                raise
    raise AssertionError("not reached")


def _load_once(batch: list[MemberLine]) -> tuple[Summary, list[Problem]]:
    known = _Known(batch)
    wanted, refused = _settle(batch, known)
    changed = [line for line in wanted if known.differs(line)]
    _write(changed, known)
    created = sum(line.member_ref not in known.by_ref for line in changed)
    summary = Summary(created, len(changed) - created, len(wanted) - len(changed))
    return summary, refused


class _Known:
    """The members that a batch is about, and those who have an address that it names; locked."""

    def __init__(self, batch: list[MemberLine]) -> None:
        refs = [line.member_ref for line in batch]
        emails = [line.email for line in batch]
        members = list(
            Member.objects.select_for_update()
            .filter(Q(member_ref__in=refs) | Q(email__in=emails))
            .order_by("pk")
        )
        wanted = set(refs)
        self.by_ref = {m.member_ref: m for m in members if m.member_ref in wanted}
        self.owner_of = {m.email: m.member_ref for m in members}
        # Asked after the rows are locked: an erasure under way then is either waited for, or
        # waits itself and takes what is written here.
        self.erased = suppressed((line.member_ref, line.email) for line in batch)
        # An address by which allauth lets a member of staff sign in is theirs as well.
        self.staff_addresses = dict(
            EmailAddress.objects.filter(email__in=emails)
            .filter(Q(user__is_staff=True) | Q(user__is_superuser=True))
            .values_list("email", "user__member_ref")
        )

    def refusal(self, line: MemberLine) -> Problem | None:
        """Why this line is not for an import, whatever the others say."""
        member = self.by_ref.get(line.member_ref)
        if member and (member.is_staff or member.is_superuser):
            return Problem(line.number, "is for a member of staff, which an import must not change")
        if (line.member_ref, line.email) in self.erased:
            return Erased(line.number, "erased at the member's own request, so not loaded")
        return None

    def differs(self, line: MemberLine) -> bool:
        member = self.by_ref.get(line.member_ref)
        return member is None or any(
            getattr(line, name) not in (None, getattr(member, name)) for name in FIELDS
        )


def _settle(batch: list[MemberLine], known: _Known) -> tuple[list[MemberLine], list[Problem]]:
    """The lines that can be written together, and the others.

    Members of one batch may pass addresses on or swap them. A refused line leaves its member
    with the old address, which may refuse another line, so this repeats until all fit.
    """
    refusals = {line.number: known.refusal(line) for line in batch}
    problems = [problem for problem in refusals.values() if problem]
    wanted = [line for line in batch if not refusals[line.number]]
    while clashes := _owned_by_others(wanted, known) or _named_twice(wanted):
        problems += clashes
        refused = {problem.number for problem in clashes}
        wanted = [line for line in wanted if line.number not in refused]
    return wanted, sorted(problems, key=lambda problem: problem.number)


def _owned_by_others(wanted: list[MemberLine], known: _Known) -> list[Problem]:
    future = {line.member_ref: line.email for line in wanted}
    problems = []
    for line in wanted:
        owner = known.owner_of.get(line.email, line.member_ref)
        kept = owner != line.member_ref and future.get(owner, line.email) == line.email
        if kept or known.staff_addresses.get(line.email, line.member_ref) != line.member_ref:
            problems.append(
                Problem(
                    line.number,
                    "email belongs to another member; if that one gets a new address "
                    "further down in this file, run the import again",
                )
            )
    return problems


def _named_twice(wanted: list[MemberLine]) -> list[Problem]:
    first: dict[str, int] = {}
    return [
        Problem(line.number, f"email is that of line {first[line.email]}, for another member")
        for line in wanted
        if first.setdefault(line.email, line.number) != line.number
    ]


def _write(changed: list[MemberLine], known: _Known) -> None:
    if not changed:
        return
    _vacate(changed, known)
    Member.objects.bulk_create(
        [_row(line, known.by_ref.get(line.member_ref)) for line in changed],
        update_conflicts=True,
        unique_fields=["member_ref"],
        update_fields=FIELDS,
    )
    moved = [
        member.pk
        for line in changed
        if (member := known.by_ref.get(line.member_ref)) and member.email != line.email
    ]
    forget_stale_addresses(members=moved, emails=[line.email for line in changed])


def _vacate(changed: list[MemberLine], known: _Known) -> None:
    """Free the addresses that go from one member of the batch to another.

    The unique index is checked row by row, so a swap would fail in one statement.
    """
    email_of = {line.member_ref: line.email for line in changed}
    taken = set(email_of.values())
    movers = [
        member.pk
        for ref, member in known.by_ref.items()
        if member.email in taken and email_of.get(ref, member.email) != member.email
    ]
    if movers:
        Member.objects.filter(pk__in=movers).update(
            email=Concat(Value("moving-"), Cast("pk", CharField()), Value("@invalid"))
        )


def _row(line: MemberLine, member: Member | None) -> Member:
    """A row for the upsert; the password is for new members only, who have none."""
    known = {name: getattr(member, name) for name in FIELDS} if member else {}
    said = {name: value for name in FIELDS if (value := getattr(line, name)) is not None}
    return Member(member_ref=line.member_ref, password=make_password(None), **{**known, **said})
