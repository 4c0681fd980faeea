"""The launch interlock in admin: what is missing, and two people who let a rollout start."""

import pytest
from django.urls import reverse

from consent.models import Reach, Rollout
from tests.people import Role

pytestmark = pytest.mark.django_db


@pytest.fixture
def held(settings, notice):
    """A rollout that was announced today, and whose notice nobody was told of."""
    settings.LAUNCH_NOTICE_DAYS, settings.LAUNCH_TOLD_PERCENT = 30, 90
    rollout = notice.rollouts.get(region="eu_eea")
    Rollout.objects.update(held=True)
    return rollout


@pytest.fixture
def ada(staff):
    return staff(Role.PRIVACY_OFFICER, name="ada")


@pytest.fixture
def bob(staff):
    return staff(Role.PRIVACY_OFFICER, name="bob")


def look(browser, rollout):
    return browser.get(reverse("admin:consent_launch", args=[rollout.pk]))


def press(browser, rollout, what, reason="The court said so"):
    path = reverse("admin:consent_override", args=[rollout.pk, what])
    return browser.post(path, {"reason": reason})


def is_held(rollout):
    return Rollout.objects.get(pk=rollout.pk).held


def test_what_is_missing(ada, held):
    shown = look(ada, held).content.decode()
    assert "the notice period is over on" in shown
    assert "It is not known yet how many of the members concerned were told." in shown
    Reach.objects.create(rollout=held, concerned=10, told=8, counted_at=held.notice.published_at)
    assert "8 of the 10 members concerned were told: 80.0 %" in look(ada, held).content.decode()
    listed = ada.get(reverse("admin:consent_rollout_changelist")).content.decode()
    assert f'<a href="{reverse("admin:consent_launch", args=[held.pk])}">held</a>' in listed


def test_two_people_let_it_start(ada, bob, held):
    assert press(ada, held, "ask").status_code == 302
    assert is_held(held)
    assert "The court said so" in look(bob, held).content.decode()
    assert press(bob, held, "agree", "It did").status_code == 302
    assert not is_held(held)
    assert list(held.history.order_by("pk").values_list("kind", "by"))[-2:] == [
        ("override", "ada"), ("overridden", "bob"),
    ]  # fmt: skip
    assert "cleared" in look(ada, held).content.decode()


def test_one_is_not_enough(ada, held):
    press(ada, held, "ask")
    assert "You asked for it yourself" in look(ada, held).content.decode()
    answer = press(ada, held, "agree", "And I agree")
    assert answer.status_code == 422
    assert "somebody else has to agree" in answer.content.decode()
    assert "And I agree" in answer.content.decode()
    assert is_held(held)


def test_nobody_has_asked(bob, held):
    assert "Nobody has asked for it." in press(bob, held, "agree").content.decode()
    assert is_held(held)


def test_the_second_to_agree_is_told(ada, bob, staff, held):
    press(ada, held, "ask")
    press(bob, held, "agree")
    late = press(staff(Role.PRIVACY_OFFICER, name="cy"), held, "agree")
    assert late.status_code == 422
    assert "The rollout is not held." in late.content.decode()


@pytest.mark.parametrize("reason", ["", "  "])
def test_without_a_reason(ada, held, reason):
    assert press(ada, held, "ask", reason).status_code == 422
    assert not held.history.filter(kind="override").exists()


@pytest.mark.parametrize("what", ["ask", "agree"])
def test_a_get_does_nothing(ada, held, what):
    path = reverse("admin:consent_override", args=[held.pk, what])
    assert ada.get(path).status_code == 405


@pytest.mark.parametrize("role", set(Role) - {Role.PRIVACY_OFFICER})
def test_the_wrong_role(staff, held, role):
    browser = staff(role)
    assert press(browser, held, "ask").status_code == 403
    assert press(browser, held, "agree").status_code == 403
    assert is_held(held)
    sees = role != Role.OPERATOR
    assert look(browser, held).status_code == (200 if sees else 403)
    if sees:
        assert "Ask to override" not in look(browser, held).content.decode()


def test_what_there_is_not(ada, held):
    assert press(ada, held, "clear").status_code == 403
    held.pk += 99
    assert look(ada, held).status_code == 404
