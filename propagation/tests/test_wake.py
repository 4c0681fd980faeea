"""Wake-up messages: few, never waited for, and never needed."""

import time

import pytest
from django.conf import settings as site

from ledger.models import Entry
from propagation import wake as module
from propagation.tasks import seal, sweep
from propagation.wake import INTERVAL, wake
from tests.people import choose
from tests.site import wait_for


@pytest.fixture
def messages():
    """The messages in the folder that is the broker of these tests."""
    folder = site.DATA / "broker"

    def waiting():
        return list(folder.glob("*.msg")) if folder.exists() else []

    for path in waiting():
        path.unlink()
    return waiting


def test_a_thousand_choices_are_a_handful_of_messages(messages):
    started = time.monotonic()
    for _ in range(1_000):
        wake(0)
    took = time.monotonic() - started
    wait_for(messages, 10, "a message")
    time.sleep(2 * INTERVAL)
    assert 1 <= len(messages()) <= 2 + took / INTERVAL


def test_each_partition_gets_its_message(messages):
    for partition in (1, 2, 3):
        wake(partition)
    wait_for(lambda: len(messages()) >= 3, 10, "three messages")


@pytest.mark.parametrize("error", [ConnectionRefusedError("no broker"), ValueError("a mistake")])
def test_without_a_broker_nothing_is_raised_and_the_thread_lives_on(monkeypatch, messages, error):
    tried = []

    def fail(*args, **kwargs):
        tried.append(args)
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(seal, "apply_async", fail)
        wake(0)
        wait_for(lambda: tried, 10, "a try")
    wake(0)
    wait_for(messages, 10, "a message after the broker is back")


def test_a_forked_process_gets_a_thread_of_its_own(monkeypatch, messages):
    wake(0)
    first = module._waker
    monkeypatch.setattr(module.os, "getpid", lambda: -1)
    wake(0)
    assert module._waker is not first


@pytest.mark.django_db
def test_the_sweep_needs_no_message(sql_store, messages):
    choose("anna")
    assert Entry.objects.get().position is None
    sweep()
    assert Entry.objects.get().position == 1
    assert messages()  # the relays are woken
