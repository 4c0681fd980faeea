"""Whatever happens in whatever order, the store ends equal to the ledger.

Hypothesis records choices, seals them, lets the relay run against a store that fails in between,
damages the store, and reconciles; and looks for a sequence after which something does not hold.
"""

from datetime import UTC, datetime

import hypothesis
import pytest
from django.db import transaction
from django.test import override_settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from ledger.models import CurrentChoice, Decision, Entry, Head
from ledger.seal import partitions, seal_all
from propagation.choice import Choice
from propagation.models import Cursor, Parked
from propagation.reconcile import reconcile
from propagation.relay import relay
from propagation.stores.base import StoreUnavailable
from propagation.tests import stores
from propagation.tests.stores import HELD, before_write, refuses
from tests.people import choose

pytestmark = [pytest.mark.django_db, pytest.mark.timeout(600)]

NAMES = ["anna", "dörte"]
MEMBERS = st.sampled_from(NAMES)
PURPOSES = st.sampled_from(["genai-training", "genai-training", "ads"])
DECISIONS = st.sampled_from(list(Decision))
FAILURES = st.sampled_from(["none", "refused", "down", "answer lost", "none"])
NOW = datetime(2026, 3, 1, tzinfo=UTC)


class Propagation(RuleBasedStateMachine):
    damaged = False
    """Whether somebody changed the store since the last full pass."""

    def __init__(self):
        super().__init__()
        self.backups = []
        stores.reset()
        self.transaction = transaction.atomic()
        self.transaction.__enter__()
        self.settings = override_settings(LEDGER_PARTITIONS=1)
        self.settings.enable()

    def teardown(self):
        try:
            self.in_the_end_the_store_equals_the_ledger()
        finally:
            self.settings.disable()
            transaction.set_rollback(True)
            self.transaction.__exit__(None, None, None)

    def in_the_end_the_store_equals_the_ledger(self):
        self.relay("none", retry=True, seal=True)
        self.reconcile(full=True)
        ledger = {
            (c.member_ref, c.purpose): (c.decision, c.revision) for c in CurrentChoice.objects.all()
        }
        assert {c.key: (c.decision, c.revision) for c in HELD.values()} == ledger

    @rule(member=MEMBERS, purpose=PURPOSES, times=st.integers(1, 3))
    def record(self, member, purpose, times):
        for _ in range(times):
            objects = CurrentChoice.objects.objects_to(member, purpose)
            choose(member, Decision.ALLOWED if objects else Decision.OBJECTED, purpose=purpose)

    @rule(count=st.integers(1, 4))
    def use_partitions(self, count):
        self.settings.disable()
        self.settings = override_settings(LEDGER_PARTITIONS=count)
        self.settings.enable()
        for partition in range(count):
            Head.objects.get_or_create(partition=partition)  # as the sweep does

    @rule()
    def seal(self):
        for partition in partitions():
            seal_all(partition)

    @rule(failure=FAILURES, retry=st.booleans(), seal=st.booleans())
    def relay(self, failure, retry, seal):
        if seal:
            self.seal()
        if failure == "down":
            before_write.append(self._fail)
        elif failure == "answer lost":
            before_write.append(self._take_and_fail)
        elif failure == "refused":
            refuses.update(NAMES)
        if retry:
            Parked.objects.update(retry_at=NOW)
        for partition in partitions():
            relay("store", partition)
        before_write.clear()
        refuses.clear()
        Cursor.objects.update(next_attempt_at=None, failures=0)
        self.backups.append(dict(HELD))

    def _fail(self, choices):
        raise StoreUnavailable("down")

    def _take_and_fail(self, choices):
        HELD.update({c.key: c for c in choices if c.revision > _revision(HELD.get(c.key))})
        raise StoreUnavailable("the answer was lost")

    @rule(member=MEMBERS, purpose=PURPOSES, decision=DECISIONS, revision=st.integers(0, 6))
    def edit(self, member, purpose, decision, revision):
        HELD[member, purpose] = Choice(member, purpose, decision, revision, NOW)
        self.damaged = True

    @rule(some=st.booleans())
    def lose(self, some):
        for key in list(HELD)[:1] if some else list(HELD):
            del HELD[key]
        self.damaged = True

    @precondition(lambda self: self.backups)
    @rule(ago=st.integers(1, 3))
    def restore(self, ago):
        HELD.clear()
        HELD.update(self.backups[-ago:][0])
        self.damaged = True

    @rule(full=st.booleans())
    def reconcile(self, full):
        report = reconcile("store", full=full)
        assert not report.error
        assert report.repaired == report.drift
        assert self.damaged or not report.drift
        self.damaged = self.damaged and not (full or report.drift)

    @invariant()
    def the_cursor_has_not_passed_what_the_store_lacks(self):
        if self.damaged:
            return
        parked = {(p.member_ref, p.purpose) for p in Parked.objects.open()}
        for entry in Entry.objects.exclude(position=None):
            cursor = Cursor.objects.filter(store="store", partition=entry.partition).first()
            key = (entry.member_ref, entry.purpose)
            if cursor and entry.position <= cursor.position and key not in parked:
                assert _revision(HELD.get(key)) >= entry.revision


def _revision(choice):
    return choice.revision if choice else 0


def test_anything(settings):
    settings.DATA_STORES = {
        "store": {"BACKEND": "propagation.tests.stores.MemoryStore", "LABEL": "Store", "SLA": 0}
    }
    run_state_machine_as_test(
        Propagation,
        settings=hypothesis.settings(
            max_examples=60,
            stateful_step_count=25,
            deadline=None,
            database=None,
            report_multiple_bugs=False,
            suppress_health_check=[hypothesis.HealthCheck.too_slow],
        ),
    )
