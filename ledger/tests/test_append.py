import threading
import uuid

import pytest
from django.db import connection

from ledger import append as module
from ledger.append import Outcome
from ledger.models import CurrentChoice, Decision, Entry
from tests.people import choose, toggle

pytestmark = pytest.mark.django_db


@pytest.fixture(params=["sql", "orm"], autouse=True)
def path(request, monkeypatch):
    """Both ways in which a choice is appended must do the same."""
    if request.param == "sql" and connection.vendor != "postgresql":
        pytest.skip("the one-statement way is for PostgreSQL")
    if request.param == "orm":
        monkeypatch.setattr(module, "_append_sql", module._append_orm)
    return request.param


def decisions(ref="anna"):
    return list(Entry.objects.filter(member_ref=ref).order_by("revision").values_list("decision"))


def test_the_first_choice_has_revision_1():
    appended = choose("anna", notice_version=3, notice_language="de")
    entry = Entry.objects.get()
    assert (appended.outcome, appended.revision) == (Outcome.RECORDED, 1)
    assert (entry.revision, entry.notice_version, entry.notice_language) == (1, 3, "de")
    assert entry.position is None


def test_each_change_raises_the_revision():
    toggle("anna", 5)
    assert [e.revision for e in Entry.objects.order_by("pk")] == [1, 2, 3, 4, 5]
    current = CurrentChoice.objects.get()
    assert (current.revision, current.decision) == (5, Decision.OBJECTED)


def test_what_holds_already_adds_nothing():
    choose("anna")
    again = choose("anna")
    assert (again.outcome, again.revision) == (Outcome.UNCHANGED, 1)
    assert Entry.objects.count() == 1


def test_a_repeated_request_adds_nothing():
    request_id = uuid.uuid4()
    choose("anna", request_id=request_id)
    assert choose("anna", request_id=request_id).outcome is Outcome.UNCHANGED
    assert Entry.objects.count() == 1


def test_a_request_that_comes_again_after_another_choice_does_not_undo_it():
    request_id = uuid.uuid4()
    choose("anna", request_id=request_id)
    choose("anna", Decision.ALLOWED)
    late = choose("anna", request_id=request_id)
    assert (late.outcome, late.revision) == (Outcome.STALE, 2)
    assert decisions() == [("objected",), ("allowed",)]


def test_somebody_elses_request_id_is_simply_a_new_one():
    request_id = uuid.uuid4()
    choose("anna", request_id=request_id)
    assert choose("ben", request_id=request_id).outcome is Outcome.RECORDED


def test_purposes_are_apart():
    choose("anna")
    assert choose("anna", Decision.ALLOWED, purpose="ads").revision == 1


@pytest.mark.parametrize("expected", [1, 3])
def test_an_old_expected_revision_adds_nothing(expected):
    toggle("anna", 2)
    choose("anna")  # revision 3
    choose("anna", Decision.ALLOWED)  # revision 4
    stale = choose("anna", Decision.OBJECTED, expected_revision=expected)
    assert (stale.outcome, stale.revision) == (Outcome.STALE, 4)


def test_the_expected_revision_lets_through():
    choose("anna")
    assert choose("anna", Decision.ALLOWED, expected_revision=1).revision == 2


def test_an_expected_revision_without_any_choice_adds_nothing():
    assert choose("anna", Decision.ALLOWED, expected_revision=7).outcome is Outcome.STALE
    assert not Entry.objects.exists()
    assert not CurrentChoice.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_fifty_parallel_clicks_are_one_choice():
    outcomes = in_parallel(lambda: choose("anna"))
    assert outcomes.count(Outcome.RECORDED) == 1
    assert outcomes.count(Outcome.UNCHANGED) == 49
    assert decisions() == [("objected",)]


@pytest.mark.django_db(transaction=True)
def test_fifty_parallel_repeats_of_one_request_are_one_choice():
    request_id = uuid.uuid4()
    outcomes = in_parallel(lambda: choose("anna", request_id=request_id))
    assert outcomes.count(Outcome.RECORDED) == 1


@pytest.mark.django_db(transaction=True)
def test_parallel_toggles_leave_no_gap():
    turns = iter([Decision.OBJECTED, Decision.ALLOWED] * 25)
    in_parallel(lambda: choose("anna", next(turns)))
    revisions = list(Entry.objects.order_by("pk").values_list("revision", flat=True))
    assert revisions == list(range(1, len(revisions) + 1))


def in_parallel(action, times=50):
    start, outcomes, errors = threading.Barrier(times), [], []

    def run():
        try:
            start.wait()
            outcomes.append(action().outcome)
        except Exception as error:
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _ in range(times)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    return outcomes
