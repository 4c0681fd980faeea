"""Compares what members were told with the ledger and with the stores.

Plain values in, findings in words out: one line for each promise that was not kept.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

type Key = tuple[str, str]
type State = tuple[int, str]
"""``(revision, decision)``"""
type Told = Literal["saved", "refused", "unknown"]


@dataclass(frozen=True, slots=True)
class Click:
    """One choice that a member asked for, under one request id, however often it was sent.

    ``told`` is the last word: "unknown" if none ever came. ``sent`` is when it was sent first and
    ``answered`` when that word came, in seconds of one clock.
    """

    member_ref: str
    request_id: str
    decision: str
    told: Told
    sent: float
    answered: float
    attempts: int = 1


@dataclass(frozen=True, slots=True)
class Row:
    """One entry of the ledger."""

    member_ref: str
    purpose: str
    revision: int
    decision: str
    request_id: str
    position: int | None

    @property
    def key(self) -> Key:
        return (self.member_ref, self.purpose)


def check_answers(clicks: Sequence[Click], ledger: Sequence[Row]) -> Iterator[str]:
    """Every member who was told "saved" is in the ledger, once, in the order that they saw."""
    found: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in ledger:
        found[row.member_ref, row.request_id].append(row)
    clicked = {(click.member_ref, click.request_id) for click in clicks}
    for click in clicks:
        rows = found[click.member_ref, click.request_id]
        name = f"{click.member_ref}, request {click.request_id}"
        if click.told == "unknown":
            yield f"never settled: {name}"
        if click.told == "saved" and not rows:
            yield f"lost: {name} was told saved"
        if click.told == "refused" and rows:
            yield f"recorded although refused: {name}"
        if len(rows) > 1:
            yield f"doubled: {name} is in the ledger {len(rows)} times"
        if any(row.decision != click.decision for row in rows):
            yield f"changed: {name} asked for {click.decision}"
    for (member_ref, request_id), rows in found.items():
        if rows and (member_ref, request_id) not in clicked:
            yield f"from nobody: {member_ref}, request {request_id}"
    yield from _check_order(clicks, found)


def _check_order(
    clicks: Sequence[Click], found: Mapping[tuple[str, str], list[Row]]
) -> Iterator[str]:
    """A choice that was answered before another was sent has the lower revision."""
    by_member: dict[str, list[Click]] = defaultdict(list)
    for click in clicks:
        if click.told == "saved":
            by_member[click.member_ref].append(click)
    for member_ref, made in by_member.items():
        for earlier, later in pairwise(sorted(made, key=lambda click: click.sent)):
            first = found[member_ref, earlier.request_id]
            second = found[member_ref, later.request_id]
            if earlier.answered > later.sent or not (first and second):
                continue
            if first[0].revision >= second[0].revision:
                yield f"out of order: {member_ref}, {earlier.request_id}, {later.request_id}"


def check_ledger(ledger: Sequence[Row]) -> Iterator[str]:
    """Revisions of a member are 1, 2, 3 … and stand in that order; positions are without a gap."""
    positions = sorted(row.position for row in ledger if row.position is not None)
    if positions != list(range(1, len(positions) + 1)):
        yield "positions have a gap or come twice"
    by_key: dict[Key, list[Row]] = defaultdict(list)
    for row in ledger:
        by_key[row.key].append(row)
    for key, rows in by_key.items():
        rows.sort(key=lambda row: row.revision)
        if [row.revision for row in rows] != list(range(1, len(rows) + 1)):
            yield f"revisions of {key[0]} have a gap or come twice"
        places = [row.position for row in rows if row.position is not None]
        if places != sorted(places):
            yield f"a later choice of {key[0]} stands before an earlier one"


def newest(ledger: Iterable[Row], up_to: int | None = None) -> dict[Key, State]:
    """What holds for each key by the sealed choices up to a position, or by all choices."""
    states: dict[Key, State] = {}
    for row in ledger:
        if up_to is not None and (row.position is None or row.position > up_to):
            continue
        if row.revision > states.get(row.key, (0, ""))[0]:
            states[row.key] = (row.revision, row.decision)
    return states


def check_store(
    name: str, held: Mapping[Key, State], ledger: Sequence[Row], parked: Iterable[Key] = ()
) -> Iterator[str]:
    """The store holds exactly what holds by the ledger, but for what it refuses."""
    expected = newest(ledger)
    excused = set(parked)
    for key in sorted(expected.keys() | held.keys()):
        if key not in excused and held.get(key) != expected.get(key):
            ours, theirs = _words(expected.get(key)), _words(held.get(key))
            yield f"{name}: {key[0]} has {theirs}, by the ledger {ours}"


def check_cursor(
    name: str,
    cursor: int,
    held: Mapping[Key, State],
    confirmed: Mapping[Key, State],
    parked: Iterable[Key] = (),
) -> Iterator[str]:
    """What is ``newest`` up to the cursor is in the store, which was read after the cursor was."""
    excused = set(parked)
    for key, (revision, _) in confirmed.items():
        if key not in excused and held.get(key, (0, ""))[0] < revision:
            yield (
                f"{name}: the cursor ({cursor}) is past revision {revision} of {key[0]}, which "
                f"has {_words(held.get(key))}"
            )


def check_never_back(
    name: str, before: Mapping[Key, State], after: Mapping[Key, State]
) -> Iterator[str]:
    """No choice in the store has given way to an older one, or to none."""
    for key, (revision, _) in before.items():
        if after.get(key, (0, ""))[0] < revision:
            yield f"{name}: {key[0]} went back from revision {revision} to {_words(after.get(key))}"


def _words(state: State | None) -> str:
    return f"revision {state[0]} {state[1]}" if state else "nothing"
