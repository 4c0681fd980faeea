"""Whom a campaign is for, in rows and in numbers; the same in Python and SQL."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import Member
from campaigns import lifecycle, walking
from campaigns.audience import Numbers
from campaigns.models import Message, Recipient, Walk
from campaigns.providers import PROVIDER_OF, provider_expression, provider_of
from campaigns.tests.campaigns import prepared, released, walk_to_the_end
from consent import told
from ledger.models import Decision
from tests.people import choose, make_member

pytestmark = pytest.mark.django_db


def refs(campaign):
    return set(campaign.recipients.values_list("member__member_ref", flat=True))


@pytest.fixture
def people(db):
    make_member("de@example.org", "DE", language="de")
    make_member("re@example.org", "RE", language="fr")
    make_member("gb@gmail.com", "GB")
    make_member("us@outlook.com", "US")
    make_member("none@example.org", "", language="")
    make_member("moved@example.org", "US", stated_country="CH", language="de-CH")
    make_member("minor@example.org", "FR", language="fr", is_minor=True)
    make_member("left@example.org", "DE", is_active=False)
    make_member("staff@example.org", "DE", is_staff=True)
    Member.objects.filter(member_ref="re").update(joined_at=timezone.now() - timedelta(days=30))


ALL = {"de", "re", "gb", "us", "none", "moved"}


@pytest.mark.parametrize(
    ("rule", "wanted"),
    [
        ({}, ALL),
        ({"minors": "own_text"}, ALL | {"minor"}),
        ({"regions": ["eu_eea"]}, {"de", "re"}),
        ({"regions": ["eu_eea", "ch"]}, {"de", "re", "moved"}),
        ({"regions": ["unknown"]}, {"none"}),
        ({"regions": ["gb"], "countries": ["DE", "US"]}, {"gb", "de", "us", "moved"}),
        ({"languages": ["de"]}, {"de", "moved"}),
        ({"languages": ["en", "fr"]}, {"re", "gb", "us", "none"}),
        ({"joined_before": timezone.now() - timedelta(days=1)}, {"re"}),
    ],
)
def test_rules(notice, people, rule, wanted):
    assert refs(released(notice, **rule)) == wanted


def test_told_and_objected(notice, people):
    by_ref = {member.member_ref: member.pk for member in Member.objects.all()}
    long_ago = timezone.now() - timedelta(days=30)
    told.mail_accepted(notice, [by_ref["de"], by_ref["gb"]], long_ago)
    choose("gb", Decision.OBJECTED)
    choose("us", Decision.OBJECTED)
    for name, rule, wanted in [
        ("not told", {}, ALL - {"de", "gb"}),
        ("reminder", {"told": "unanswered"}, {"de"}),
        ("objected", {"told": "any", "objected": "objected"}, {"gb", "us"}),
        ("did not", {"told": "any", "objected": "not_objected"}, ALL - {"gb", "us"}),
        ("both", {"objected": "not_objected"}, ALL - {"de", "gb", "us"}),
    ]:
        assert refs(released(notice, name=name, **rule)) == wanted


def test_numbers_before_and_after(notice, people):
    campaign = prepared(notice, minors="own_text")
    numbers = lifecycle.numbers_of(campaign)
    assert (numbers.size, numbers.minors) == (7, 1)
    assert numbers.regions == {"eu_eea": 3, "gb": 1, "ch": 1, "elsewhere": 1, "unknown": 1}
    assert numbers.countries == {"DE": 1, "RE": 1, "GB": 1, "US": 1, "": 1, "CH": 1, "FR": 1}
    assert numbers.languages == {"de": 2, "fr": 2, "en": 3}
    assert numbers.providers == {"google": 1, "microsoft": 1, "other": 5}
    assert numbers.fallbacks == {}
    lifecycle.release(campaign, by="kim")
    walk = walk_to_the_end(campaign, Walk.Kind.FREEZE)
    assert Numbers.read(walk.counts) == numbers == lifecycle.numbers_of(campaign)


def test_languages_that_the_notice_is_not_in(notice):
    make_member("jp@example.org", "DE", language="ja")  # German is the nearest
    make_member("gb@example.org", "GB", language="tr")
    make_member("lu@example.org", "LU", language="")
    numbers = lifecycle.numbers_of(prepared(notice))
    assert numbers.fallbacks == {"ja": 1, "tr": 1}
    assert numbers.languages == {"de": 1, "en": 1, "fr": 1}


def test_each_row_says_what_its_mail_depends_on(notice, people):
    released(notice)
    row = Recipient.objects.get(member__member_ref="moved")
    assert (row.language, row.country, row.account_country) == ("de", "CH", "US")
    kept = {(m.language, m.country, m.account_country, m.minor) for m in Message.objects.all()}
    assert ("de", "CH", "US", False) in kept
    rows = Recipient.objects.values_list("language", "country", "account_country", "minor")
    assert set(rows) == kept


def test_providers_are_the_same_in_sql(db):
    domains = [*PROVIDER_OF, "example.org", "notgmail.com", "gmail.com.example", "mail.gmail.com"]
    for number, domain in enumerate(domains):
        make_member(f"m{number}@{domain}")
    rows = Member.objects.annotate(of=provider_expression()).values_list("email", "of")
    assert dict(rows) == {email: provider_of(email) for email, _of in rows}


class TestInSteps:
    def test_in_any_size_of_steps(self, notice, people, monkeypatch):
        monkeypatch.setattr(walking, "STEP", 2)
        assert refs(released(notice)) == ALL

    def test_another_process_goes_on_after_a_crash(self, notice, people, monkeypatch):
        monkeypatch.setattr(walking, "STEP", 2)
        campaign = prepared(notice)
        lifecycle.release(campaign, by="kim")
        walk = Walk.objects.get(kind=Walk.Kind.FREEZE)
        assert walking.walk_on(walk.pk, budget=0)
        some = Recipient.objects.count()
        assert 0 < some < len(ALL)
        # One that was killed holds its lease until that ends.
        held = Walk.objects.claim(walk.pk, timezone.now(), walking.LEASE)
        assert not walking.walk_on(walk.pk)
        Walk.objects.update(leased_until=timezone.now())
        walk = walk_to_the_end(campaign, Walk.Kind.FREEZE)
        assert refs(campaign) == ALL
        assert walk.counts["size"] == len(ALL)
        # Late, it finds that it has lost the walk.
        assert not walking._step(held)
        assert Recipient.objects.count() == len(ALL)

    def test_done_twice_it_adds_nothing(self, notice, people):
        campaign = released(notice)
        walking.start(campaign, Walk.Kind.FREEZE)
        walk_to_the_end(campaign, Walk.Kind.FREEZE)
        assert Recipient.objects.count() == len(ALL)
