"""Finding a member among millions: by what they have in hand when they call or write.

Each way is a range of one index, read in its own order and up to a page; nothing is counted. The
indexes are those that Django makes for prefixes (`text_pattern_ops`), which sort byte by byte
whatever the database's language is; hence the operators below.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db.models import BooleanField, F, Func, Q, QuerySet, Value
from django.db.models.expressions import OrderBy
from django.db.models.functions import Lower, StrIndex, Substr

from accounts.models import Member
from consent.links import KIND, LENGTH, REMINDERS, BadToken, read_token
from consent.receipt_check import TOKEN, check_receipt
from ledger.models import Entry

PAGE = 20
LONGEST = 254
"""Characters of the longest thing that is looked for by its beginning: an e-mail address."""
LONGEST_PASTED = 256 * 1024
SHORTEST_NUMBER = 8
"""Digits of a receipt number from which on it is looked for by its beginning."""
_LINK = re.compile(rf"(?<![\w-])[\w-]{{{LENGTH}}}(?![\w-])", re.ASCII)
_NUMBER = re.compile(rf"[0-9a-f]{{{SHORTEST_NUMBER},32}}")


@dataclass(frozen=True, slots=True)
class Found:
    """``member`` is None for a reference that is in the ledger only: erased, or never imported."""

    member_ref: str
    member: Member | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """What was found in one way; ``after`` is where the next page begins, "" for no more."""

    way: str
    title: str
    found: list[Found] = field(default_factory=list)
    after: str = ""


class _ByteOrder(OrderBy):
    def as_postgresql(self, compiler: Any, connection: Any) -> Any:
        # The comment is for Django, which looks for the direction in what it has made.
        return self.as_sql(compiler, connection, template="%(expression)s USING ~<~ /* ASC */")


class _Behind(Func):
    """Whether the first comes after the second, byte by byte."""

    template = "(%(expressions)s)"
    arg_joiner = " > "
    output_field = BooleanField()

    def as_postgresql(self, compiler: Any, connection: Any) -> Any:
        return self.as_sql(compiler, connection, arg_joiner=" ~>~ ")


def search(term: str, *, way: str = "", after: str = "") -> list[Group]:
    """The groups in which something was found; with ``way`` and ``after`` the next page of one.

    Whatever is searched for, the answer is quick and safe; what cannot be anything is not found.
    """
    term = term.replace("\0", "").strip()
    if not term or len(term) > LONGEST_PASTED:
        return []
    if pasted := list(_pasted(term)):
        return [Group("pasted", "By the link or receipt", pasted)]
    if len(term) > LONGEST:
        return []
    groups = [find(term, after if way == name else "") for name, find in WAYS.items()
              if way in {"", name}]  # fmt: skip
    return [group for group in groups if group.found]


def _pasted(text: str) -> Iterator[Found]:
    """Whose link or receipt it is. A receipt counts only if we signed it."""
    for token in _LINK.findall(text)[:5]:
        for kind in (KIND, REMINDERS):
            try:
                link = read_token(token, kind)
            except BadToken:
                continue
            for member in Member.objects.filter(pk=link.member_id):
                yield Found(member.member_ref, member)
    if text.startswith("{") or TOKEN.search("".join(text.split())):
        checked = check_receipt(text)
        if checked.outcome == "valid":
            yield from _with_members([str(checked.payload["pii_principal_id"])])


def _by_email(term: str, after: str) -> Group:
    rows = Member.objects.annotate(key=F("email")).filter(key__startswith=term.lower())
    return _page("email", "By e-mail address", rows, after)


def _by_ref(term: str, after: str) -> Group:
    rows = Member.objects.annotate(key=F("member_ref")).filter(key__startswith=term)
    group = _page("ref", "By reference", rows, after)
    # The ledger keeps the choices of who was erased, and of who was never imported.
    known = term in {found.member_ref for found in group.found}
    if not after and not known and Entry.objects.filter(member_ref=term).exists():
        group.found.insert(0, Found(term))
    return group


def _by_name(term: str, after: str) -> Group:
    return _page("name", "By name", _named(F("name"), term), after)


def _by_family_name(term: str, after: str) -> Group:
    """What follows the first word of a name."""
    rest = Substr("name", StrIndex("name", Value(" ")) + 1)
    rows = _named(rest, term).filter(name__contains=" ")
    return _page("family", "By family name", rows, after)


def _named(part: F | Substr, term: str) -> QuerySet[Any]:
    # In lower case by the database's own idea of it, as in its index.
    wanted = Lower(Value(" ".join(term.split())))
    # Without the names that are empty: so it is the condition of the index.
    named: QuerySet[Any] = Member.objects.exclude(name="").annotate(key=Lower(part))
    return named.filter(key__startswith=wanted)


def _page(way: str, title: str, rows: QuerySet[Any], after: str) -> Group:
    """The next page of rows with a ``key``; ``after`` is the key and the primary key before it."""
    key, _, pk = after.rpartition("/")
    if key and pk.isdecimal():
        rows = rows.filter(Q(_Behind(F("key"), Value(key))) | Q(key=key, pk__gt=pk[:18]))
    page = list(rows.order_by(_ByteOrder(F("key")), "pk")[: PAGE + 1])
    last = page[PAGE - 1] if len(page) > PAGE else None
    found = [Found(member.member_ref, member) for member in page[:PAGE]]
    return Group(way, title, found, f"{last.key}/{last.pk}" if last else "")


def _by_number(term: str, after: str) -> Group:
    """By a receipt's number, or the beginning of it."""
    group = Group("number", "By receipt number")
    digits = term.lower().replace("-", "")
    if not _NUMBER.fullmatch(digits):
        return group
    first, last = UUID(digits.ljust(32, "0")), UUID(digits.ljust(32, "f"))
    refs = Entry.objects.filter(request_id__range=(first, last)).order_by("request_id")
    group.found.extend(_with_members(list(refs.values_list("member_ref", flat=True)[:PAGE])))
    return group


def _with_members(refs: list[str]) -> Iterator[Found]:
    members = {m.member_ref: m for m in Member.objects.filter(member_ref__in=refs)}
    for ref in dict.fromkeys(refs):
        yield Found(ref, members.get(ref))


WAYS = {
    "email": _by_email,
    "ref": _by_ref,
    "name": _by_name,
    "family": _by_family_name,
    "number": _by_number,
}
