"""The ledger's side of a reconciliation: what a store must hold.

Ranges go by key in the order of code points, which is the order of the stores, whatever order
the site's database sorts words in.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from django.db import connection
from django.db.models import BigIntegerField, Count, F, Func, Q, QuerySet, Sum
from django.db.models.functions import Collate

from ledger.models import CurrentChoice, Entry
from propagation.choice import Choice
from propagation.models import Cursor, Parked
from propagation.relay import choice_from
from propagation.stores.base import Digest, Key, row_digest

type State = tuple[int, str]
"""``(revision, decision)``"""

BINARY = {"postgresql": "C", "sqlite": "BINARY"}
LAST = "\U0010ffff"


def parts(
    after: Key | None, until: Key | None, size: int
) -> Iterator[tuple[Key | None, Key | None]]:
    """Cut the range into parts with ``size`` keys of the ledger each; together they are all of it,
    so that what a store holds between or beyond the ledger's keys lies in one of them."""
    while True:
        keys = _range(after, until).order_by(_binary("member_ref"), _binary("purpose"))
        last = keys.values_list("member_ref", "purpose")[size - 1 : size].first()
        yield after, last or until
        if last is None or last == until:
            return
        after = last


def current(after: Key | None, until: Key | None) -> dict[Key, State]:
    """What holds now for the keys of a range: confirmed by the store, or on its way there."""
    return _states(_range(after, until))


def current_of(keys: Sequence[Key]) -> dict[Key, State]:
    states = _states(CurrentChoice.objects.filter(member_ref__in=_refs(keys)))
    return {key: states[key] for key in keys if key in states}


def digest(after: Key | None, until: Key | None) -> Digest:
    """What a store that holds all of `current` sums up the range to."""
    if connection.vendor == "postgresql":
        found = _range(after, until).aggregate(count=Count("*"), total=Sum(_ROW_DIGEST))
        return Digest(found["count"], int(found["total"] or 0) % 2**63)
    rows = _range(after, until).values_list(
        "member_ref", "purpose", "decision", "revision", "changed_at"
    )
    count = total = 0
    for member_ref, purpose, decision, revision, changed_at in rows.iterator():
        count += 1
        total += row_digest(Choice(member_ref, purpose, decision, revision, changed_at))
    return Digest(count, total % 2**63)


# `row_digest` in PostgreSQL's words.
_ROW_DIGEST = Func(
    *map(F, ("member_ref", "purpose", "decision", "revision")),
    template="('x' || left(md5(convert_to(%(expressions)s, 'UTF8')), 15))::bit(60)::bigint",
    arg_joiner=" || '|' || ",
    output_field=BigIntegerField(),
)


def _range(after: Key | None, until: Key | None) -> QuerySet[CurrentChoice]:
    """``ref >= …`` beside the exact condition is what an index can be asked."""
    rows = CurrentChoice.objects.alias(ref=_binary("member_ref"), what=_binary("purpose"))
    if after:
        ref, what = _askable(after)
        rows = rows.filter(Q(ref__gt=ref) | Q(what__gt=what), ref__gte=ref)
    if until:
        ref, what = _askable(until)
        rows = rows.filter(Q(ref__lt=ref) | Q(what__lte=what), ref__lte=ref)
    return rows


def _binary(column: str) -> Collate:
    return Collate(column, BINARY[connection.vendor])


def _askable(key: Key) -> Key:
    """The key, or the place where it would be, if PostgreSQL cannot be asked for it."""
    ref, nul, _ = key[0].partition("\0")
    return ref, LAST if nul else key[1].partition("\0")[0]


def _states(rows: QuerySet[CurrentChoice]) -> dict[Key, State]:
    found = rows.values_list("member_ref", "purpose", "revision", "decision")
    return {(ref, purpose): (revision, decision) for ref, purpose, revision, decision in found}


def _refs(keys: Iterable[Key]) -> set[str]:
    return {member_ref for member_ref, _ in keys if "\0" not in member_ref}


@dataclass(frozen=True, slots=True)
class Confirmed:
    """How far the store has confirmed, and what it refuses of that.

    Taken before the store is read: what it holds then is at least this.
    """

    positions: dict[int, int]
    parked: set[Key]

    @classmethod
    def of(cls, store: str, keys: Sequence[Key]) -> "Confirmed":
        positions = Cursor.objects.filter(store=store).values_list("partition", "position")
        parked = Parked.objects.open().filter(store=store, member_ref__in=_refs(keys))
        return cls(dict(positions), set(parked.values_list("member_ref", "purpose")))

    def includes(self, entry: Entry) -> bool:
        position = entry.position
        return position is not None and position <= self.positions.get(entry.partition, 0)


@dataclass(frozen=True, slots=True)
class Expected:
    """What the ledger says of one key.

    ``due`` is the newest choice that the store has confirmed, ``given`` are all choices that
    there ever were: one that is newer than ``due`` is on its way, and may be there already.
    """

    due: Choice | None
    partition: int
    given: frozenset[State]


NOTHING = Expected(None, 0, frozenset())


def expected(keys: Sequence[Key], confirmed: Confirmed) -> dict[Key, Expected]:
    """Keys of which the ledger knows nothing are left out."""
    wanted = set(keys)
    entries: dict[Key, list[Entry]] = {}
    for entry in Entry.objects.filter(member_ref__in=_refs(keys)).order_by("revision"):
        key = (entry.member_ref, entry.purpose)
        if key in wanted:
            entries.setdefault(key, []).append(entry)
    return {key: _expected(known, confirmed) for key, known in entries.items()}


def _expected(entries: Sequence[Entry], confirmed: Confirmed) -> Expected:
    due = [entry for entry in entries if confirmed.includes(entry)]
    return Expected(
        choice_from(due[-1]) if due else None,
        due[-1].partition if due else 0,
        frozenset((entry.revision, entry.decision) for entry in entries),
    )
