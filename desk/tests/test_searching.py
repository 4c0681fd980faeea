"""Finding members: by what they have at hand, masked, quick, and safe whatever is typed."""

import json
import re
import uuid

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Member, MemberAccess
from campaigns.mailing import link_for
from consent.links import REMINDERS, Link, make_token
from consent.receipts import issue_receipt
from desk.roles import Role
from desk.searching import PAGE, search
from ledger.models import Entry
from tests.people import choose, make_member

pytestmark = pytest.mark.django_db
BASE = "/admin/desk/memberpage/"


def refs(term, **more):
    return [found.member_ref for group in search(term, **more) for found in group.found]


@pytest.fixture
def people(notice):
    return [
        make_member("anna@private.example", name="Anna Berg"),
        make_member("annabel@private.example", name="Annabel Ost"),
        make_member("zoe@private.example", name="ÉLISE Zoë"),
    ]


@pytest.mark.parametrize(("term", "found"), [
    ("anna@private.example", ["anna"]),
    ("ANNA@Private", ["anna"]),
    ("zoe", ["zoe", "zoe"]),
    ("  anna berg ", ["anna"]),
    ("Anna  B", ["anna"]),
    ("berg", ["anna"]),
    ("OST", ["annabel"]),
    ("nobody", []),
])  # fmt: skip
def test_by_address_reference_and_name(people, term, found):
    assert refs(term) == found


def test_a_name_in_any_case_and_script(people):
    with connection.cursor() as cursor:
        cursor.execute("SELECT lower('É')")
        knows = cursor.fetchone()[0] == "é"
    assert refs("ÉLI") == ["zoe"]
    assert refs("éli") == (["zoe"] if knows else [])


@pytest.mark.parametrize("part", [slice(None), slice(0, 8), slice(0, 20)])
def test_by_receipt_number(people, part):
    choose("anna", request_id=uuid.UUID("12345678-9abc-4def-8123-456789abcdef"))
    choose("zoe", request_id=uuid.UUID("12345679-9abc-4def-8123-456789abcdef"))
    assert refs("12345678-9ABC-4def-8123-456789abcdef"[part]) == ["anna"]
    assert refs("1234567") == []  # too short to be looked for


def test_by_a_pasted_link(people, notice):
    anna = people[0]
    assert refs(f"It says {link_for(anna, notice)} – what is that?") == ["anna"]
    assert refs(make_token(Link(anna.pk, notice.pk), REMINDERS)) == ["anna"]
    token = make_token(Link(anna.pk, notice.pk))
    assert refs(token[:30] + ("A" if token[30] != "A" else "B") + token[31:]) == []


def test_by_a_pasted_receipt(people):
    choose("anna")
    receipt = issue_receipt(people[0], Entry.objects.get())
    assert refs(receipt.as_json().decode()) == ["anna"]
    assert refs(receipt.signed) == ["anna"]
    forged = json.loads(receipt.as_json())
    forged["receipt"]["pii_principal_id"] = "zoe"
    assert refs(json.dumps(forged)) == []


def test_who_was_erased_is_found_by_what_the_ledger_has(notice):
    choose("gone", request_id=uuid.UUID("aaaaaaaa-9abc-4def-8123-456789abcdef"))
    assert refs("gone") == ["gone"]
    assert refs("aaaaaaaa-9abc") == ["gone"]


@pytest.mark.parametrize("term", [
    "%", "_", "%%%", "a%", "\0", "anna\0", "'; DROP TABLE accounts_member; --", "\\", "\ud800",
    "x" * 10_000, "{" * 10_000, "eyJ" * 3_000, "-_" * 5_000, "\u202e", "🙂", "0" * 32, "{}", "[1]",
])  # fmt: skip
def test_whatever_is_typed_is_safe(agent, people, term):
    if term == "\ud800":
        assert refs("x") == []
        return
    answer = agent.post(BASE, {"q": term})
    assert answer.status_code == 200
    if term in {"%", "_", "%%%", "a%"}:
        assert refs(term) == []
    assert Member.objects.filter(member_ref="anna").exists()


def test_pages_follow_one_another_without_a_gap(notice):
    wanted = [make_member(f"m-{n:03}@example.org", name="Same Name").member_ref for n in range(45)]
    for way, term in (("email", "m-"), ("name", "same")):
        seen, after = [], ""
        while True:
            (group,) = (g for g in search(term, way=way, after=after) if g.way == way)
            seen += [found.member_ref for found in group.found]
            after = group.after
            if not after:
                break
        assert seen == wanted
    assert PAGE == 20


@pytest.mark.parametrize("after", ["x", "/", "a/b", "/" * 300, "a/99999999999999999999999"])
def test_a_page_that_nobody_gave_out(people, after):
    search("anna", way="name", after=after)


def test_results_are_masked_and_logged(agent, people):
    page = agent.post(BASE, {"q": "anna"}).content.decode()
    assert "a•••@p•••.example" in page
    assert "A••• B•••" in page
    assert "private.example" not in page
    assert set(MemberAccess.objects.values_list("what", "member_ref")) == {
        ("searched", "anna"), ("searched", "annabel"),
    }  # fmt: skip


def test_what_was_looked_for_is_in_no_address(agent, people):
    page = agent.get(BASE, {"q": "anna"}).content.decode()
    assert "A••• B•••" not in page  # an address that carries a name does not search


def test_stored_script_in_a_name_is_text(agent, notice):
    make_member("eve@example.org", name="<script>alert(1)</script>")
    assert "<script>alert" not in agent.post(BASE, {"q": "eve"}).content.decode()


@pytest.mark.parametrize("role", [Role.OPERATOR, Role.CAMPAIGN_MANAGER])
def test_it_is_not_for_other_roles(staff, people, role):
    assert staff(role).post(BASE, {"q": "anna"}).status_code == 403


def test_each_way_is_a_range_of_an_index(db):
    """Asked of the planner itself: with an index to use, nothing is read from end to end."""
    if connection.vendor != "postgresql":
        pytest.skip("it is PostgreSQL that has millions of members")
    with connection.cursor() as cursor:
        cursor.execute("SET enable_seqscan = off; SET enable_bitmapscan = off")
    with CaptureQueriesContext(connection) as asked:
        search("12345678")
    plans = []
    for query in asked.captured_queries:
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN {query['sql']}")
            plans.append("\n".join(row[0] for row in cursor.fetchall()))
    for plan in plans:
        assert "Index Cond" in plan, plan
    found = "\n".join(plans)
    for index in ("email", "member_ref", "by_name", "by_family_name", "entry_request_unique"):
        assert re.search(rf"using \S*{index}", found), found
