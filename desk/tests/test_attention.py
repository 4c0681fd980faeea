"""The first page of admin says what needs the attention of whoever looks, and only that."""

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import Member, UnusualAccess
from campaigns.models import Campaign, MailStop
from consent.models import ParkedMail
from desk import attention, needs
from desk.attention import Item, Urgency, attention_for, register
from desk.roles import Role
from propagation.models import Alarm, Parked, StorePause
from tests.people import make_member, sign_in_staff

pytestmark = pytest.mark.django_db

INDEX = reverse("admin:index")


@pytest.fixture
def trouble(notice, member):
    """One row of everything that needs somebody."""
    now = timezone.now()
    Alarm.objects.create(store="sql", since=now, raised_at=now)
    StorePause.objects.create(store="sql", paused_at=now, by="x", reason="x")
    Parked.objects.create(
        store="sql", partition=0, member_ref="anna", purpose="genai-training", revision=1,
        reason="no", parked_at=now, retry_at=now,
    )  # fmt: skip
    ParkedMail.objects.create(
        member=member, partition=0, purpose="genai-training", revision=1, reason="no", parked_at=now
    )
    MailStop.objects.create(by="x", reason="x")
    Campaign.objects.create(name="ready", notice=notice, state=Campaign.State.PREPARED)
    Campaign.objects.create(
        name="stuck", notice=notice, state=Campaign.State.RUNNING, problem="no server"
    )
    rollout = notice.rollouts.first()
    rollout.held, rollout.starts_on = True, now.date()
    rollout.announced_on = now.date() - timedelta(days=1)
    rollout.save()
    notice.__class__.objects.create(purpose=notice.purpose, version=2)
    UnusualAccess.objects.create(
        kind="many", by="a", day=now.date(), members=60, first_at=now, last_at=now
    )


STORES = {"store later than promised", "store paused by staff"}
REFUSED = {"choice refused by a store"}
MAILS = {"confirmation that the mail server"}
STOP = {"stop in force", "campaign kept from sending"}
RELEASE = {"campaign prepared"}
NOTICES = {"notice not published", "rollout held beyond"}
UNUSUAL = {"report of unusual access"}
SEEN = {
    Role.SUPPORT_AGENT: REFUSED | MAILS,
    Role.SUPPORT_LEAD: REFUSED | MAILS | UNUSUAL,
    Role.CAMPAIGN_MANAGER: STOP | RELEASE,
    Role.PRIVACY_OFFICER: {"store later than promised", "store paused by staff"}
    | REFUSED | MAILS | STOP | RELEASE | NOTICES | UNUSUAL,
    Role.AUDITOR: STORES | REFUSED | MAILS | STOP | UNUSUAL,
    Role.OPERATOR: STORES | REFUSED,
}  # fmt: skip


@pytest.mark.parametrize("role", Role)
def test_each_role_sees_what_is_theirs(trouble, staff, role):
    texts = [item.text for item in attention_for(staff(role).member)]
    shown = {words for words in set().union(*SEEN.values()) if any(words in t for t in texts)}
    assert shown == SEEN[role]
    assert all(text.startswith("1 ") for text in texts)


def test_the_page_leads_there(trouble, staff):
    officer = staff(Role.PRIVACY_OFFICER)
    page = officer.get(INDEX).content.decode()
    assert page.index("Now:") < page.index("1 choice refused")
    assert "Your role: privacy officer" in page
    for item in attention_for(officer.member):
        if item.url:
            assert f'href="{item.url}"'.replace("&", "&amp;") in page
            assert officer.get(item.url).status_code == 200


def test_nothing_to_do(staff):
    assert "Nothing at the moment" in staff(Role.OPERATOR).get(INDEX).content.decode()


def test_superusers_see_who_has_no_second_factor(db):
    boss = Member.objects.create_superuser("boss@example.org", member_ref="boss")
    client = Client()
    sign_in_staff(client, boss)
    make_member("new@staff.example", is_staff=True)
    page = client.get(INDEX).content.decode()
    assert "1 member of staff without a second factor" in page


def test_many_are_counted_to_a_bound(staff, monkeypatch):
    monkeypatch.setattr(attention, "COUNTED", 3)
    now = timezone.now()
    Parked.objects.bulk_create(
        Parked(
            store="sql", partition=0, member_ref=f"m{n}", purpose="p", revision=1, reason="",
            parked_at=now, retry_at=now,
        )
        for n in range(9)
    )  # fmt: skip
    texts = [item.text for item in attention_for(staff(Role.OPERATOR).member)]
    assert texts[0].startswith("More than 3 choices refused")


def test_others_add_theirs(staff, monkeypatch):
    monkeypatch.setattr(attention, "_sources", [])

    @register
    def requests(member):
        yield Item("2 requests are due tomorrow", "/somewhere/")
        yield Item("<script>alert(1)</script>", urgency=Urgency.NOW)

    page = staff(Role.PRIVACY_OFFICER).get(INDEX).content.decode()
    assert "2 requests are due tomorrow" in page
    assert "<script>alert" not in page
    assert page.index("&lt;script&gt;") < page.index("2 requests")


def test_all_needs_are_for_permissions_that_exist(db):
    from django.contrib.auth.models import Permission

    for need in needs.NEEDS:
        app, _, codename = need.permission.partition(".")
        assert Permission.objects.filter(content_type__app_label=app, codename=codename).exists()


def test_lists_say_what_they_show(staff):
    page = staff(Role.PRIVACY_OFFICER).get(reverse("admin:ledger_entry_changelist"))
    assert "no row ever changes" in page.content.decode()
