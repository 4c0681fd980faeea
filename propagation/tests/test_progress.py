from datetime import timedelta

import pytest
from django.utils import timezone

from ledger.models import Decision, Entry
from ledger.seal import seal_all
from propagation.models import Parked
from propagation.progress import deliveries, history
from propagation.relay import relay
from propagation.tests.stores import refuses, reset
from tests.people import choose, toggle

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _stores(settings):
    reset()
    memory = {
        "BACKEND": "propagation.tests.stores.MemoryStore",
        "LABEL": {"en": "Memory", "de": "Gedächtnis"},
        "SLA": timedelta(minutes=15),
    }
    settings.DATA_STORES = {"first": memory, "second": memory}


def states(ref="anna"):
    entry = Entry.objects.of(ref, "genai-training").first()
    return [delivery.state for delivery in deliveries(entry)]


def test_waiting_then_confirmed_store_by_store():
    choose("anna")
    assert states() == ["waiting", "waiting"]
    seal_all(0)
    relay("first")
    assert states() == ["confirmed", "waiting"]
    relay("second")
    assert states() == ["confirmed", "confirmed"]


def test_the_time_is_that_of_the_first_confirmation_after_the_choice():
    choose("anna")
    seal_all(0)
    relay("first")
    entry = Entry.objects.get()
    at = deliveries(entry)[0].at
    choose("ben")
    seal_all(0)
    relay("first")
    assert deliveries(entry)[0].at == at


def test_late_is_called_delayed_since_the_limit():
    recorded = timezone.now() - timedelta(minutes=20)
    choose("anna", recorded_at=recorded)
    first = deliveries(Entry.objects.get())[0]
    assert (first.state, first.at) == ("delayed", recorded + timedelta(minutes=15))


def test_a_refused_choice_is_delayed_not_confirmed():
    refuses.add("anna")
    choose("anna")
    seal_all(0)
    relay("first")
    assert states() == ["delayed", "waiting"]
    refuses.clear()
    Parked.objects.update(retry_at=timezone.now())
    relay("first")
    assert states() == ["confirmed", "waiting"]


def test_labels_are_in_the_members_language():
    from django.utils import translation

    choose("anna")
    with translation.override("de"):
        assert deliveries(Entry.objects.get())[0].label == "Gedächtnis"
    with translation.override("fr"):
        assert deliveries(Entry.objects.get())[0].label == "Memory"


def test_one_query_each_whatever_the_number_of_stores(django_assert_num_queries):
    choose("anna")
    seal_all(0)
    relay("first")
    entry = Entry.objects.get()
    with django_assert_num_queries(2):
        deliveries(entry)


def all_states(ref="anna"):
    return [[delivery.state for delivery in stores] for _entry, stores in history(ref)]


def test_the_history_says_of_each_choice_what_the_page_says_of_the_newest():
    choose("anna")
    seal_all(0)
    relay("first")
    choose("ben")
    choose("anna", Decision.ALLOWED)
    assert [entry.revision for entry, _ in history("anna")] == [2, 1]
    assert all_states() == [["waiting", "waiting"], ["confirmed", "waiting"]]
    newest, stores = history("anna")[0]
    assert stores == deliveries(newest)
    first = history("anna")[1][1][0].at
    seal_all(0)
    relay("first")
    relay("second")
    assert all_states() == [["confirmed", "confirmed"]] * 2
    assert history("anna")[1][1][0].at == first
    assert history("nobody") == []


def test_the_history_does_not_say_confirmed_of_what_was_refused():
    refuses.add("anna")
    choose("anna")
    seal_all(0)
    relay("first")
    assert all_states() == [["delayed", "waiting"]]
    choose("anna", Decision.ALLOWED)
    seal_all(0)
    relay("first")  # refused too: what became of the one before is not known any more
    assert all_states() == [["delayed", "waiting"], ["waiting"]]


def test_a_long_history_costs_no_more_queries(django_assert_num_queries):
    for times in (3, 40):
        toggle("anna", times)
        seal_all(0)
        relay("first")
        with django_assert_num_queries(4):
            assert len(history("anna")) >= times
