"""The dashboard: right numbers, few queries, for those who may see it."""

import xml.etree.ElementTree as ET
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.models import UnusualAccess
from consent.models import Reach
from desk import charts, counting
from desk.counters import bucket_of
from desk.dashboard import overview, quantile
from desk.models import MemberRequest
from desk.roles import Role
from ledger.models import Channel
from ledger.seal import seal_all
from propagation.models import Cursor, Parked, Reconciliation
from propagation.relay import relay
from tests.people import choose, make_member

pytestmark = pytest.mark.django_db
PATH = "/admin/desk/dashboard/"


@pytest.fixture
def officer(staff):
    return staff(Role.PRIVACY_OFFICER)


def tables(answer):
    """All cells of the page, by the caption of their table."""
    found = {}
    for part in answer.content.decode().split("<table>")[1:]:
        table = ET.fromstring("<table>" + part.partition("</table>")[0] + "</table>")
        rows = [["".join(cell.itertext()).strip() for cell in row] for row in table.iter("tr")]
        found["".join(table.find("caption").itertext()).strip()] = rows
    return found


def test_the_numbers(officer, notice, sql_store):
    for number, country in enumerate(["DE", "DE", "GB", ""]):
        make_member(f"m{number}@example.org", country)
        choose(f"m{number}", channel=Channel.MAIL_LINK if number else Channel.DASHBOARD)
    choose("old", recorded_at=timezone.now() - timedelta(days=20))
    seal_all(0)
    relay("sql", 0)
    counting.count_on()
    shown = tables(officer.get(PATH))
    assert shown["Objections by day, in numbers"][1][1] == "4"
    assert sorted(shown["Objections by region, in numbers"][1:]) == [
        ["EU and EEA", "2"], ["United Kingdom", "1"], ["unknown", "2"],
    ]  # fmt: skip
    assert sorted(shown["Objections by channel, in numbers"][1:]) == [
        ["dashboard", "2"], ["mail link", "3"],
    ]  # fmt: skip
    [row] = shown["Time from choice to confirmed, by store, in numbers"][1:]
    assert row[:2] == ["sql", "5"]
    assert row[4:] == ["20 d", "15 min", "no"]
    assert b"All choices are counted." in officer.get(PATH).content
    week = tables(officer.get(PATH + "?days=7"))
    assert len(week["Objections by day, in numbers"]) == 8
    assert week["Time from choice to confirmed, by store, in numbers"][1][1] == "4"


def test_what_needs_attention(officer, notice, sql_store, member):
    choose("anna", recorded_at=timezone.now() - timedelta(hours=1))
    seal_all(0)
    now = timezone.now()
    Parked.objects.create(
        store="sql", partition=0, member_ref="anna", purpose="genai-training", revision=1,
        reason="no", parked_at=now, retry_at=now,
    )  # fmt: skip
    Reconciliation.objects.create(
        store="sql", kind="full", started_at=now, alive_until=now, finished_at=now, missing=3
    )
    shown = officer.get(PATH).content.decode()
    assert "overdue" in shown
    assert "1 parked." in shown
    assert "3 differed from the ledger" in shown
    assert "anna" not in shown  # nobody is named
    counting.count_reach_due()
    Reach.objects.filter(rollout__region="eu_eea").update(told=3, concerned=4)
    told = tables(officer.get(PATH))["Told of the current notice"]
    assert ["genai-training 1 in eu_eea", "3", "4", "75.0 %"] in [row[:4] for row in told]


def test_requests_near_their_deadline_and_unusual_access(officer, notice):
    today = timezone.localdate()
    for kind, days in [("access", 3), ("complaint", -1), ("erasure", 20)]:
        MemberRequest.objects.create(
            member_ref="anna", kind=kind, received_on=today, due_on=today + timedelta(days=days),
            opened_by="x",
        )  # fmt: skip
    now = timezone.now()
    UnusualAccess.objects.create(
        kind="many", by="agent-7", day=today, members=61, first_at=now, last_at=now
    )
    answer = officer.get(PATH)
    shown = tables(answer)
    states = [row[2] for row in shown["Requests near their deadline"][1:]]
    assert states == ["overdue", "near its deadline"]
    assert shown["Unusual access of staff, the last 30 days"][1][2:] == ["agent-7", "61"]
    assert b"anna" not in answer.content


def test_choices_that_are_not_counted_yet_are_said_to_be_so(officer, notice):
    choose("anna")
    seal_all(0)
    assert b"1 choices are not counted yet." in officer.get(PATH).content


def test_with_nothing_at_all(officer, settings):
    settings.DATA_STORES = {}
    assert officer.get(PATH).status_code == 200


@pytest.mark.parametrize("days", ["0", "-1", "99999999", "x", "30;", "%00", ""])
def test_bad_spans(officer, days):
    assert officer.get(f"{PATH}?days={days}").context["overview"].days == 30


@pytest.mark.parametrize(
    ("role", "status"),
    [(role, 200 if role in {Role.PRIVACY_OFFICER, Role.AUDITOR} else 403) for role in Role],
)
def test_who_may_see_it(staff, role, status):
    browser = staff(role)
    assert browser.get(PATH).status_code == status
    assert browser.post(PATH, {"action": "delete_selected"}).status_code in {200, 403}
    row = reverse("admin:desk_dashboard_change", args=[1])
    assert browser.get(row).status_code == status


def test_a_handful_of_queries_that_do_not_grow(officer, notice, sql_store):
    def queries():
        with CaptureQueriesContext(connection) as captured:
            assert officer.get(PATH).status_code == 200
        return captured.captured_queries

    choose("m")
    seal_all(0)
    counting.count_on()
    few = queries()
    for number in range(300):
        choose(f"m{number}")
    seal_all(0)
    Cursor.objects.update_or_create(store="sql", partition=0, defaults={"position": 100})
    counting.count_on()
    many = queries()
    assert len(many) <= len(few) + 1 <= 30


def test_the_ledger_is_never_scanned(officer, notice, sql_store):
    """What the database says that it will do with each query of the page."""
    for number in range(500):
        choose(f"m{number}")
    seal_all(0)
    counting.count_on()
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")
    with CaptureQueriesContext(connection) as captured:
        overview(30)
    scans = [plan for query in captured for plan in plans(query["sql"]) if is_scan(plan)]
    assert scans == []


def plans(sql):
    explain = "EXPLAIN" if connection.vendor == "postgresql" else "EXPLAIN QUERY PLAN"
    with connection.cursor() as cursor:
        cursor.execute(f"{explain} {sql}".replace("%", "%%") if "%" in sql else f"{explain} {sql}")
        return [str(row[-1]) for row in cursor.fetchall()]


def is_scan(plan):
    """Of a table that has a row for each choice or member."""
    large = ("ledger_entry", "accounts_member", "propagation_confirmation", "consent_told")
    whole = "Seq Scan on" in plan or plan.startswith("SCAN ")
    return whole and any(name in plan for name in large) and "USING" not in plan


def test_percentiles():
    numbers = {bucket_of(1): 50, bucket_of(10): 49, bucket_of(1000): 1}
    assert quantile(numbers, 0.5) == 1
    assert quantile(numbers, 0.99) == pytest.approx(10, rel=0.19)
    assert quantile(numbers, 1) == pytest.approx(1000, rel=0.19)
    assert quantile({}, 0.5) == 0


def test_longer_times_have_longer_bars():
    times = [charts.Times("s", 10, 1, 60, 3600, timedelta(minutes=15))]
    chart = charts.against_limits("t", "Times", times)
    assert all(a.width < b.width for a, b in pairwise(chart.shapes))
    assert [shape.kind for shape in chart.shapes] == ["within", "within", "over"]
    assert chart.summary.startswith("99 of 100")


def test_days_without_any_are_there():
    day = datetime(2026, 11, 20, tzinfo=UTC).date()
    chart = charts.by_day("d", "Days", {day: 0, day + timedelta(days=1): 4})
    assert chart.rows == [["2026-11-21", "4"], ["2026-11-20", "0"]]
    assert len(chart.shapes) == 1
