"""`manage.py reconcile`: what it says, and its exit code."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from propagation import reconcile as module
from propagation.models import Reconciliation
from propagation.reconcile import reconcile
from propagation.schedule import due
from propagation.stores.base import StoreUnavailable
from propagation.tests import stores
from propagation.tests.reconciling import configure, fill, key
from propagation.tests.stores import HELD, MemoryStore

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _memory_store(settings):
    stores.reset()
    configure(settings)


def command(*arguments):
    out = StringIO()
    call_command("reconcile", "store", "--no-progress", *arguments, stdout=out)
    return out.getvalue()


def test_the_command_says_what_it_found_and_did():
    fill(1_200)
    assert "compared all choices, 1,200 in" in command("--full")
    assert "What was compared equals the ledger." in command()
    HELD.pop(key("m-0000007"))
    said = command("--full")
    assert "1 differ from the ledger: 1 missing." in said
    assert "1 repaired. Last known to be equal: 20" in said


def test_the_command_fails_if_a_difference_is_left(monkeypatch):
    fill(5)
    HELD.pop(key("m-0000002"))
    with pytest.raises(CommandError, match="store does not equal the ledger"):
        command("--full", "--dry-run")
    monkeypatch.setattr(
        MemoryStore, "scan", lambda *args: (_ for _ in ()).throw(StoreUnavailable("gone"))
    )
    with pytest.raises(CommandError, match="gone"):
        command("--full")
    with pytest.raises(CommandError, match=r"There is no store 'other'\. Configured: store"):
        call_command("reconcile", "other")


def test_a_store_that_cannot_be_read_back_is_no_failure(settings):
    configure(
        settings,
        "propagation.stores.webhook.WebhookStore",
        url="https://partner.example/choices",
        secrets=["whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="],
    )
    assert "store cannot be read back" in command("--full")
    assert due("store") is None
    assert not reconcile("store", full=True).readable
    assert not Reconciliation.objects.exists()


def test_the_progress_bar_ends_at_the_number_of_choices(monkeypatch):
    monkeypatch.setattr(module, "RANGE", 1_000)
    fill(2_500)
    seen = []
    reconcile("store", full=True, progress=seen.append)
    assert (sum(seen), len(seen)) == (2_500, 3)
