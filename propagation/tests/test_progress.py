from datetime import timedelta

import pytest
from django.utils import timezone

from ledger.models import Entry
from ledger.seal import seal_all
from propagation.models import Parked
from propagation.progress import deliveries
from propagation.relay import relay
from propagation.tests.stores import refuses, reset
from tests.people import choose

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
