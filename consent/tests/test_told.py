"""Who was told of a notice, when first, and how; and what a mail that came back changes."""

from datetime import UTC, datetime, timedelta

import pytest

from consent import told
from consent.models import Told

pytestmark = pytest.mark.django_db

NOON = datetime(2025, 9, 18, 12, tzinfo=UTC)
LATER = NOON + timedelta(days=3)


def row(member):
    return Told.objects.get(member=member)


def test_by_mail_to_many(notice, member, other):
    told.mail_accepted(notice, [other.pk, member.pk], NOON)
    assert row(member).first == (NOON, Told.Way.MAIL)
    assert row(other).address == Told.Address.ACCEPTED


def test_the_first_time_counts_and_the_last_state_of_the_address(notice, member):
    told.mail_accepted(notice, [member.pk], NOON)
    told.mail_accepted(notice, [member.pk], LATER)
    assert (row(member).mailed_at, row(member).address_at) == (NOON, LATER)


@pytest.mark.parametrize(
    ("tell", "way"), [(told.page_seen, Told.Way.PAGE), (told.letter_sent, Told.Way.LETTER)]
)
def test_by_page_or_letter(notice, member, tell, way):
    tell(notice, member.pk, NOON)
    tell(notice, member.pk, LATER)
    assert row(member).first == (NOON, way)
    assert row(member).address == Told.Address.UNTRIED


def test_a_mail_that_came_back_told_nothing(notice, member):
    told.mail_accepted(notice, [member.pk], NOON)
    told.mail_failed(notice, member.pk, Told.Address.BOUNCED, LATER, sent_at=NOON)
    assert row(member).first is None
    assert row(member).address == Told.Address.BOUNCED
    assert not Told.objects.reached().exists()


def test_an_earlier_mail_or_the_page_still_counts(notice, member):
    told.mail_accepted(notice, [member.pk], NOON)
    told.mail_accepted(notice, [member.pk], LATER)
    told.page_seen(notice, member.pk, LATER)
    told.mail_failed(notice, member.pk, Told.Address.BOUNCED, LATER, sent_at=LATER)
    assert row(member).first == (NOON, Told.Way.MAIL)
    told.mail_failed(notice, member.pk, Told.Address.BOUNCED, LATER, sent_at=NOON)
    assert row(member).first == (LATER, Told.Way.PAGE)


def test_refused_at_once(notice, member):
    told.mail_failed(notice, member.pk, Told.Address.REFUSED, NOON, sent_at=None)
    assert (row(member).first, row(member).address) == (None, Told.Address.REFUSED)


def test_nothing_of_a_member_who_is_gone(notice, member):
    gone = member.pk
    told.mail_accepted(notice, [gone], NOON)
    member.delete()
    told.mail_accepted(notice, [gone], LATER)
    told.page_seen(notice, gone, LATER)
    told.mail_failed(notice, gone, Told.Address.BOUNCED, LATER, sent_at=NOON)
    assert not Told.objects.exists()
