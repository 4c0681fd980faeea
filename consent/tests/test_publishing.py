"""Four eyes: one proposes a notice, another one publishes it, and nothing changes in between."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction

from consent import publishing
from consent.loading import DEFAULT, load_notice
from consent.models import Frozen, Immutable, Notice
from consent.publishing import PublishingError

pytestmark = pytest.mark.django_db


@pytest.fixture
def draft(db):
    return load_notice(DEFAULT, publish=False, by="tests")


@pytest.fixture
def proposed(draft):
    publishing.propose(draft, by="jo")
    return draft


def now(notice):
    return Notice.objects.get(pk=notice.pk)


def test_one_proposes_and_another_one_publishes(proposed):
    publishing.publish(proposed, by="kim")
    notice = now(proposed)
    assert notice.published_at
    assert (notice.proposed_by, notice.published_by) == ("jo", "kim")


def test_not_by_who_proposed_it(proposed):
    with pytest.raises(PublishingError, match="somebody else"):
        publishing.publish(proposed, by="jo")
    assert now(proposed).published_at is None


def test_not_by_who_edited_it_last(draft):
    publishing.save_text(draft.translations.get(language="de"), by="kim")
    publishing.propose(draft, by="jo")
    with pytest.raises(PublishingError, match="somebody else"):
        publishing.publish(draft, by="kim")
    publishing.publish(draft, by="lou")


def test_not_by_one_in_the_database_either(proposed):
    with pytest.raises(IntegrityError), transaction.atomic():
        now(proposed).publish(by="jo")


def test_not_unless_proposed(draft):
    with pytest.raises(PublishingError, match="Nobody has proposed"):
        publishing.publish(draft, by="kim")


def test_not_twice(proposed):
    stale = now(proposed)
    publishing.publish(proposed, by="kim")
    with pytest.raises(Immutable):
        publishing.publish(stale, by="lou")
    assert now(proposed).published_by == "kim"


@pytest.mark.django_db(transaction=True)
def test_two_at_once(proposed):
    """One of them wins, and the other one is told."""

    def publish(who):
        try:
            with suppress(Immutable):
                publishing.publish(proposed, by=who)
                return who
        finally:
            connection.close()
        return None

    with ThreadPoolExecutor() as pool:
        published = [who for who in pool.map(publish, ["kim", "lou"]) if who]
    assert published == [now(proposed).published_by]


class TestFrozen:
    def test_the_texts(self, proposed):
        text = proposed.translations.get(language="en")
        text.title = "Nothing to see here"
        with pytest.raises(Frozen):
            publishing.save_text(text, by="kim")
        with pytest.raises(IntegrityError), transaction.atomic():
            proposed.translations.filter(language="en").update(title="Nothing to see here")
        with pytest.raises(IntegrityError), transaction.atomic():
            proposed.translations.filter(language="en").delete()

    def test_the_notice(self, proposed):
        notice = now(proposed)
        notice.used = []
        with pytest.raises(Frozen):
            notice.save()
        for values in ({"used": []}, {"edited_by": "kim"}, {"version": 9}):
            with pytest.raises(IntegrityError), transaction.atomic():
                Notice.objects.update(**values)

    def test_who_proposed_it_is_not_changed_in_publishing(self, proposed):
        with pytest.raises(IntegrityError), transaction.atomic():
            Notice.objects.update(
                proposed_by="lou", published_at=proposed.rollouts.first().history.get().at
            )

    def test_until_it_is_taken_back(self, proposed):
        publishing.withdraw(proposed)
        publishing.save_text(proposed.translations.get(language="en"), by="kim")
        assert now(proposed).is_draft
        assert now(proposed).proposed_by == ""

    def test_not_taken_back_twice(self, draft):
        with pytest.raises(PublishingError, match="not proposed"):
            publishing.withdraw(draft)


def test_not_proposed_twice(proposed):
    with pytest.raises(PublishingError, match="jo has proposed"):
        publishing.propose(proposed, by="kim")


def test_not_while_something_is_missing(draft):
    draft.translations.filter(language="de").update(recipients=" ")
    with pytest.raises(PublishingError, match=r"de: Art. 13\(1\)\(e\)"):
        publishing.propose(draft, by="jo")


def test_not_without_the_text_that_others_fall_back_to(draft):
    draft.translations.filter(language="en").delete()
    with pytest.raises(ValidationError, match="'en' is missing"):
        publishing.propose(draft, by="jo")


def test_a_new_version_begins_with_the_same_texts(notice):
    draft = publishing.new_version(notice, by="jo")
    assert (draft.version, draft.edited_by, draft.published_at) == (2, "jo", None)
    assert draft.translations.count() == notice.translations.count()
    with pytest.raises(PublishingError, match="newer version"):
        publishing.new_version(notice, by="jo")


def test_what_is_published_is_still_published_by_the_set_up_command(db):
    assert load_notice(DEFAULT, publish=True, by="tests").published_by == ""
