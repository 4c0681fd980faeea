"""The member's page: masked until a reason is given, every look logged, nothing in it works."""

import uuid

import pytest

from accounts.models import Member, MemberAccess
from campaigns.models import Campaign, Recipient
from consent.models import SentMail, Told
from desk.models import StaffAction
from desk.roles import Role
from ledger.models import Channel, Decision
from ledger.seal import seal
from propagation.models import Parked
from tests.people import choose, make_member, sign_in_staff

pytestmark = pytest.mark.django_db

BASE = "/admin/desk/memberpage/"


@pytest.fixture
def anna(notice):
    return make_member("anna@private.example", name="Anna <script>alert(1)</script>")


@pytest.fixture
def agent(staff):
    return staff(Role.SUPPORT_AGENT)


def opened(browser, member, reason="ticket 4711"):
    answer = browser.post(f"{BASE}{member.member_ref}/open/", {"reason": reason}, follow=True)
    assert answer.status_code == 200
    return answer.content.decode()


def test_nothing_personal_is_shown_before_a_reason(agent, anna):
    choose(anna.member_ref)
    page = agent.get(f"{BASE}anna/").content.decode()
    assert "a•••@p•••.example" in page
    assert "A•••" in page
    for personal in ("private.example", "alert(1)", "objected", "Timeline", "Germany"):
        assert personal not in page
    assert agent.get(f"{BASE}anna/sees/").status_code == 403
    assert agent.get(f"{BASE}anna/do/note/").status_code == 302


def test_a_reason_opens_it_for_this_agent_and_this_member_only(agent, anna, staff, other):
    page = opened(agent, anna)
    assert "anna@private.example" in page
    assert "Timeline" in page
    assert "b•••@e•••.org" in agent.get(f"{BASE}ben/").content.decode()
    lead = staff(Role.SUPPORT_LEAD)
    assert "anna@private.example" not in lead.get(f"{BASE}anna/").content.decode()


def test_it_closes_after_a_while(agent, anna, monkeypatch):
    opened(agent, anna)
    monkeypatch.setattr(
        "desk.opening.time.time", lambda: __import__("datetime").datetime(2100, 1, 1).timestamp()
    )
    assert "anna@private.example" not in agent.get(f"{BASE}anna/").content.decode()


@pytest.mark.parametrize("reason", ["", "  ", "abc", "\0\0\0\0\0"])
def test_a_reason_that_is_none_opens_nothing(agent, anna, reason):
    assert "anna@private.example" not in opened(agent, anna, reason)
    assert not MemberAccess.objects.filter(what="shown").exists()


def test_every_look_is_logged_with_who_whom_why(agent, anna):
    agent.get(f"{BASE}anna/")
    opened(agent, anna)
    agent.get(f"{BASE}anna/")
    looks = list(
        MemberAccess.objects.order_by("pk").values_list("by", "member_ref", "what", "reason")
    )
    assert looks == [
        ("support-agent", "anna", "viewed", ""),
        ("support-agent", "anna", "shown", "ticket 4711"),
        ("support-agent", "anna", "viewed", "ticket 4711"),
        ("support-agent", "anna", "viewed", "ticket 4711"),
    ]


def test_nothing_is_shown_that_cannot_be_logged(agent, anna, monkeypatch):
    opened(agent, anna)

    def fails(**_values):
        raise RuntimeError("the log is full")

    monkeypatch.setattr("desk.member_admin.note", fails)
    with pytest.raises(RuntimeError):
        agent.get(f"{BASE}anna/")


def test_the_timeline_has_all_of_it(agent, anna, notice):
    choose("anna", channel=Channel.MAIL_LINK, notice_version=1, notice_language="de")
    choose("anna", Decision.ALLOWED, notice_version=1, notice_language="de")
    seal(0)
    SentMail.objects.create(
        member=anna, kind="notice", purpose="genai-training", notice_version=1, language="de"
    )
    now = notice.published_at
    Told.objects.create(
        member=anna, notice=notice, seen_at=now, mailed_at=now, address="bounced", address_at=now
    )
    campaign = Campaign.objects.create(name="Spring", notice=notice)
    Recipient.objects.create(
        campaign=campaign,
        member=anna,
        provider="other",
        language="de",
        state="bounced",
        reason="hard_bounce",
        due_at=now,
        sent_at=now,
    )
    StaffAction.objects.create(by="lea", member_ref="anna", kind="note", reason="<b>called</b>")
    page = opened(agent, anna)
    for words in (
        "Objected (choice 1)", "Allowed (choice 2)", "By mail link", "By dashboard",
        "/de/notice/1/", "Receipt number", "Mail sent: notice", "Saw the page", "came back",
        "Campaign “Spring”: came back: no such address", "lea wrote a note",
        "&lt;b&gt;called&lt;/b&gt;",
    ):  # fmt: skip
        assert words in page, words
    assert "<b>called" not in page


def test_who_looked_is_for_those_who_may_see_the_log(agent, anna, staff):
    opened(agent, anna)
    assert "support-agent: personal details shown" not in agent.get(f"{BASE}anna/").content.decode()
    auditor = staff(Role.AUDITOR)
    assert "support-agent: personal details shown" in opened(auditor, anna, "audit of March")


def test_what_is_delayed_and_why(agent, anna, sql_store):
    choose("anna")
    seal(0)
    Parked.objects.create(
        store="sql",
        partition=0,
        member_ref="anna",
        purpose="genai-training",
        revision=1,
        reason="permission denied",
        parked_at=anna.joined_at,
        retry_at=anna.joined_at,
    )
    from propagation.models import Cursor

    Cursor.objects.create(store="sql", partition=0, position=1)
    assert "It refused our sign-in" in opened(agent, anna)


def test_the_rules_and_why(agent, notice):
    for country, words in [("", "Nobody has said"), ("US", "does not apply where")]:
        member = make_member(f"m{country}@example.org", country)
        assert words in opened(agent, member)


def test_what_the_member_sees_is_a_picture_in_their_language(agent, anna):
    anna.language = "de"
    anna.save()
    choose("anna")
    opened(agent, anna)
    answer = agent.get(f"{BASE}anna/sees/")
    page = answer.content.decode()
    assert "Sie haben widersprochen" in page
    for works in ("<form", "<script", "<input", "data-hx-", "<a href", 'href="/receipt'):
        assert works not in page
    assert page.count("<button") == page.count("<button disabled") > 0
    policy = answer["Content-Security-Policy"]
    assert "sandbox" in policy.split("; ")
    assert "frame-ancestors 'self'" in policy
    assert answer["X-Frame-Options"] == "SAMEORIGIN"


def test_a_member_who_was_erased_leaves_choices(agent, notice):
    choose("gone")
    page = agent.post(f"{BASE}gone/open/", {"reason": "ticket 1"}, follow=True).content.decode()
    assert "Not known here" in page
    assert "Objected (choice 1)" in page
    answer = agent.post(
        f"{BASE}gone/do/object/",
        {"press": uuid.uuid4(), "reason": "x", "way": "phone"},
        follow=True,
    ).content.decode()
    assert "not known here" in answer
    assert agent.get(f"{BASE}nobody/").status_code == 404


def test_whose_role_was_taken_away(agent, anna):
    opened(agent, anna)
    agent.member.groups.clear()
    for path in ("anna/", "anna/sees/", "anna/do/object/"):
        assert "/login/" in agent.get(f"{BASE}{path}")["Location"]


@pytest.mark.parametrize("role", [Role.CAMPAIGN_MANAGER, Role.OPERATOR])
def test_the_page_is_not_for_other_roles(staff, anna, role):
    browser = staff(role)
    for path in ("", "anna/", "anna/sees/", "anna/do/note/"):
        assert browser.get(f"{BASE}{path}").status_code in {302, 403}, path
    assert browser.post(f"{BASE}anna/open/", {"reason": "ticket 1"}).status_code == 403


def test_members_and_nobody_are_sent_away(client, anna):
    assert client.get(f"{BASE}anna/").status_code == 302
    client.force_login(anna)
    assert client.get(f"{BASE}anna/").status_code == 302


def test_the_pages_are_kept_by_no_cache(agent, anna):
    opened(agent, anna)
    for path in ("", "anna/", "anna/sees/", "anna/do/note/"):
        assert "no-store" in agent.get(f"{BASE}{path}")["Cache-Control"]


def test_django_has_no_other_page_for_it(staff, anna):
    """Django's own change page would show all without a reason."""
    auditor = staff(Role.AUDITOR)
    for path in (f"{anna.pk}/change/", f"{anna.pk}/history/", f"{anna.pk}/delete/", "add/"):
        assert auditor.get(f"{BASE}{path}").status_code == 404
    assert auditor.get("/admin/accounts/member/").status_code == 403


def test_the_superusers_page_leads_there(client, anna):
    sign_in_staff(client, Member.objects.create_superuser("boss@example.org"))
    page = client.get(f"/admin/accounts/member/{anna.pk}/change/").content.decode()
    assert f'href="{BASE}anna/"' in page
