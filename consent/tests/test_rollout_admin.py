"""Rollouts in Django admin: announced, started, paused and resumed with a reason."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from consent.models import Rollout
from tests.people import Role, make_member

pytestmark = pytest.mark.django_db


@pytest.fixture
def officer(staff):
    return staff(Role.PRIVACY_OFFICER)


@pytest.fixture
def rollout(notice):
    return notice.rollouts.get(region="gb")


def act(browser, rollout, action, **values):
    path = reverse("admin:consent_rollout_act", args=[rollout.pk, action])
    return browser.post(path, {"reason": "asked by the authority", **values}, follow=True)


def kinds(rollout):
    return list(rollout.history.order_by("pk").values_list("kind", flat=True))


def test_members_read_at_once_what_was_done(officer, rollout, client):
    client.force_login(make_member("sam@example.org", "GB"))
    act(officer, rollout, "pause")
    assert "has been paused since" in client.get("/").content.decode()
    act(officer, rollout, "resume")
    assert "use your data for this, unless you object" in client.get("/").content.decode()
    tomorrow = timezone.localdate() + timedelta(days=1)
    act(officer, rollout, "move", starts_on=tomorrow)
    assert "will use your data for this" in client.get("/").content.decode()
    act(officer, rollout, "start")
    assert "will use your data for this" not in client.get("/").content.decode()
    assert kinds(rollout) == ["announced", "paused", "resumed", "rescheduled", "rescheduled"]
    assert rollout.history.order_by("pk").last().by == officer.member.member_ref


def test_the_page_offers_what_makes_sense(officer, rollout):
    path = reverse("admin:consent_rollout_change", args=[rollout.pk])
    shown = officer.get(path).content.decode()
    assert "Pause …" in shown
    assert "Resume …" not in shown
    assert "Start today …" not in shown
    assert "announced" in shown
    act(officer, rollout, "pause")
    shown = officer.get(path).content.decode()
    assert "Resume …" in shown
    assert "Pause …" not in shown
    assert "asked by the authority" in shown


def test_the_dates_are_not_changed_by_the_form(officer, rollout):
    path = reverse("admin:consent_rollout_change", args=[rollout.pk])
    officer.post(path, {"starts_on": "2030-01-01", "held": "on"})
    rollout.refresh_from_db()
    assert rollout.starts_on.year == 2025
    assert not rollout.held


def test_not_announced_twice_or_nowhere(officer, notice):
    path = reverse("admin:consent_rollout_add")
    values = {
        "notice": notice.pk, "region": "gb", "announced_on": "2026-01-01",
        "starts_on": "2026-02-01", "reason": "As announced",
    }  # fmt: skip
    assert b"already exists" in officer.post(path, values).content
    values |= {"region": "mars"}
    assert b"not one of the available choices" in officer.post(path, values).content


def test_announced_in_a_new_region(officer, notice):
    from consent.publishing import new_version

    draft = new_version(notice, by="jo")
    path = reverse("admin:consent_rollout_add")
    values = {
        "notice": draft.pk, "region": "gb", "announced_on": "2026-01-01",
        "starts_on": "2026-02-01", "reason": "As announced",
    }  # fmt: skip
    assert officer.post(path, values | {"reason": ""}).status_code == 200
    early = officer.post(path, values | {"starts_on": "2025-12-31"})
    assert b"A change is announced before it starts." in early.content
    assert officer.post(path, values).status_code == 302
    made = draft.rollouts.get()
    assert kinds(made) == ["announced"]
    assert made.history.get().by == officer.member.member_ref


@pytest.mark.parametrize(
    ("action", "values", "problem"),
    [
        ("pause", {"reason": " "}, "This field is required"),
        ("pause", {"reason": "x" * 10_000}, "at most 2000"),
        ("resume", {}, "The rollout is resumed already"),
        ("move", {"starts_on": "yesterday"}, "Enter a valid date"),
        ("move", {"starts_on": "2020-01-01"}, "A change is announced before it starts"),
        ("move", {"starts_on": "9999-99-99"}, "Enter a valid date"),
    ],
)
def test_bad_input_changes_nothing(officer, rollout, action, values, problem):
    assert problem in act(officer, rollout, action, **values).content.decode()
    assert kinds(rollout) == ["announced"]


def test_paused_by_two_at_once(officer, rollout):
    stale = Rollout.objects.get(pk=rollout.pk)
    act(officer, rollout, "pause")
    assert b"paused already" in act(officer, stale, "pause").content
    assert kinds(rollout) == ["announced", "paused"]


def test_a_get_asks_and_does_nothing(officer, rollout):
    path = reverse("admin:consent_rollout_act", args=[rollout.pk, "pause"])
    assert b"no data is used" in officer.get(path).content
    assert kinds(rollout) == ["announced"]
    unknown = reverse("admin:consent_rollout_act", args=[rollout.pk, "erase"])
    assert officer.get(unknown).status_code == 404


@pytest.mark.parametrize("role", set(Role) - {Role.PRIVACY_OFFICER})
def test_others_do_nothing(staff, rollout, role):
    assert act(staff(role), rollout, "pause").status_code == 403
    assert kinds(rollout) == ["announced"]


def test_the_interlock_holds_a_start(officer, rollout, settings):
    settings.LAUNCH_NOTICE_DAYS, settings.LAUNCH_TOLD_PERCENT = 0, 95
    act(officer, rollout, "move", starts_on=timezone.localdate() + timedelta(days=3))
    shown = act(officer, rollout, "start").content.decode()
    assert "It is not known yet how many of the members concerned were told." in shown
    rollout.refresh_from_db()
    assert rollout.held
    assert rollout.phase() == "paused"


def test_a_script_in_a_reason_is_text(officer, rollout):
    act(officer, rollout, "pause", reason="<script>alert(1)</script>")
    path = reverse("admin:consent_rollout_change", args=[rollout.pk])
    assert "<script>alert" not in officer.get(path).content.decode()
