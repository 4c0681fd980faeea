"""The record of mails: what was sent to whom, and nothing of a member who is gone."""

import pytest
from django.db import IntegrityError

from consent.models import SentMail

pytestmark = pytest.mark.django_db

NOTICE = {"kind": "notice", "purpose": "genai-training", "notice_version": 1, "language": "de"}
CONFIRMATION = {**NOTICE, "kind": "confirmation", "revision": 1}


def test_a_confirmation_is_recorded_once_for_a_choice(member, other):
    first = SentMail.objects.record(member.pk, **CONFIRMATION)
    assert SentMail.objects.record(member.pk, **CONFIRMATION) == first
    assert SentMail.objects.record(member.pk, **CONFIRMATION | {"revision": 2}) != first
    assert SentMail.objects.record(other.pk, **CONFIRMATION) != first
    assert SentMail.objects.count() == 3


def test_a_notice_is_recorded_as_often_as_it_is_sent(member):
    for _ in range(2):
        SentMail.objects.record(member.pk, **NOTICE)
    assert member.sent_mails.count() == 2


def test_nothing_is_recorded_of_a_member_who_is_gone(member):
    gone = member.pk
    member.delete()
    assert SentMail.objects.record(gone, **NOTICE) is None
    assert SentMail.objects.record(gone, **CONFIRMATION) is None
    assert not SentMail.objects.exists()


def test_the_record_goes_with_the_member(member):
    SentMail.objects.record(member.pk, **NOTICE)
    member.delete()
    assert not SentMail.objects.exists()


@pytest.mark.parametrize(
    "about_nothing", [NOTICE | {"notice_version": None}, CONFIRMATION | {"revision": None}]
)
def test_a_mail_is_about_a_notice_or_a_choice(member, about_nothing):
    with pytest.raises(IntegrityError):
        SentMail.objects.create(member=member, **about_nothing)
