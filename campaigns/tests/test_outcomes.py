"""Bounces, complaints and deliveries that are reported after a mail was sent."""

from datetime import timedelta

import pytest
from django.utils import timezone

from campaigns import claiming, outcomes, sending
from campaigns.models import NoReminders, Recipient, Undeliverable
from campaigns.tests.campaigns import running
from consent.models import Told

pytestmark = pytest.mark.django_db


@pytest.fixture
def sent(notice, member, server):
    sending.send(running(notice).pk)
    return Recipient.objects.get()


def again(recipient):
    return Recipient.objects.get(pk=recipient.pk)


def test_a_hard_bounce(sent, member):
    now = timezone.now()
    for _ in range(2):
        outcomes.came_back(sent, hard=True, reply="550 5.1.1 unknown", at=now)
    row = again(sent)
    assert (row.state, row.reason, row.reply) == ("bounced", "hard_bounce", "550 5.1.1 unknown")
    assert Undeliverable.objects.get().email == member.email
    assert Told.objects.get().first is None
    assert Told.objects.get().address == Told.Address.BOUNCED


def test_a_soft_bounce_does_not_condemn_the_address(sent):
    outcomes.came_back(sent, hard=False, reply="452 4.2.2 full", at=timezone.now())
    assert again(sent).state == "failed"
    assert not Undeliverable.objects.exists()
    assert Told.objects.get().first is None


@pytest.mark.parametrize("order", [(True, False), (False, True)])
def test_in_any_order_the_hard_bounce_counts(sent, order):
    for hard in order:
        outcomes.came_back(sent, hard=hard, reply="no", at=timezone.now())
    assert again(sent).state == "bounced"
    assert Undeliverable.objects.exists()


def test_nothing_comes_back_of_what_was_never_tried(notice, member):
    running(notice)
    row, now = Recipient.objects.get(), timezone.now()
    outcomes.came_back(row, hard=True, reply="550", at=now)
    outcomes.complained(row, at=now)
    assert (again(row).state, again(row).complained_at) == ("pending", None)
    assert not Undeliverable.objects.exists()
    assert not NoReminders.objects.exists()


def test_the_bounce_of_an_address_with_letters_beyond_ascii(notice, member, server):
    type(member).objects.update(email="jörg@bücher.example")
    sending.send(running(notice).pk)
    address = "jörg@xn--bcher-kva.example"
    outcomes.came_back(
        Recipient.objects.get(), hard=True, reply="550", at=timezone.now(), address=address
    )
    assert Undeliverable.objects.exists()


def test_the_bounce_of_an_address_that_the_member_has_left(sent, member):
    member.email = "new@example.org"
    member.save()
    outcomes.came_back(sent, hard=True, reply="550", at=timezone.now(), address="ANNA@example.org")
    assert again(sent).state == "bounced"
    assert not Undeliverable.objects.exists()


def test_who_saw_the_page_was_told_whatever_came_back(sent, member, notice):
    from consent import told

    told.page_seen(notice, member.pk, timezone.now())
    outcomes.came_back(sent, hard=True, reply="550", at=timezone.now())
    assert Told.objects.get().how == "page"


def test_a_complaint_ends_reminders_and_is_no_objection(sent, member):
    now = timezone.now()
    outcomes.complained(sent, at=now)
    outcomes.complained(sent, at=now + timedelta(days=1))
    assert (again(sent).state, again(sent).complained_at) == ("sent", now)
    assert NoReminders.objects.get(member=member).how == "complained"


def test_a_delivery_settles_a_mail_whose_sender_was_killed(notice, member):
    campaign = running(notice)
    claiming.claim(campaign, timezone.now())
    row, now = Recipient.objects.get(), timezone.now()
    outcomes.delivered(row, at=now)
    outcomes.delivered(row, at=now + timedelta(days=1))
    assert (again(row).state, again(row).sent_at) == ("sent", now)
    assert Told.objects.get().first == (now, Told.Way.MAIL)


def test_a_delivery_of_what_was_never_tried(notice, member):
    running(notice)
    outcomes.delivered(Recipient.objects.get(), at=timezone.now())
    assert Recipient.objects.get().state == "pending"


def test_of_a_member_who_is_erased(sent, member):
    member.delete()
    row = again(sent)
    outcomes.complained(row, at=timezone.now())
    outcomes.delivered(row, at=timezone.now())
    outcomes.came_back(row, hard=True, reply="550", at=timezone.now())
    assert again(row).state == "bounced"
    assert not Undeliverable.objects.exists()
    assert not NoReminders.objects.exists()
