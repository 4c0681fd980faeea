"""Late stores are found with no worker and no beat, and staff hear of each once."""

import threading
from datetime import timedelta
from io import StringIO

import pytest
from django.core import mail
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from ledger.models import Entry
from ledger.seal import seal_all
from propagation import alarms, tasks
from propagation.alarms import LEASE, watch
from propagation.models import Alarm, Cursor, Parked
from propagation.pausing import pause
from propagation.relay import relay
from propagation.sla import overdue
from propagation.stores.base import StoreUnavailable
from propagation.tests import stores
from propagation.tests.stores import before_write, refuses
from tests.people import choose

pytestmark = pytest.mark.django_db
SLA = timedelta(minutes=15)


@pytest.fixture(autouse=True)
def _memory_store(settings):
    stores.reset()
    settings.ALERT_RECIPIENTS = ["duty@example.org"]
    settings.DATA_STORES = {"memory": entry()}


def entry(sla=SLA):
    return {
        "BACKEND": "propagation.tests.stores.MemoryStore",
        "LABEL": "Memory",
        "SLA": sla,
    }


def ago(**length):
    return timezone.now() - timedelta(**length)


def late():
    return [wait.store for wait in overdue()]


class TestOverdue:
    def test_nothing_waits(self):
        assert late() == []
        choose("anna", recorded_at=ago(minutes=20))
        seal_all(0)
        relay("memory")
        assert late() == []

    def test_not_before_the_sla_is_over(self):
        choose("anna", recorded_at=ago(minutes=14))
        assert late() == []

    def test_an_unsealed_choice_counts(self):
        recorded = ago(minutes=16)
        choose("anna", recorded_at=recorded)
        assert [(wait.store, wait.since) for wait in overdue()] == [("memory", recorded)]

    def test_a_sealed_choice_of_a_store_without_a_cursor_counts(self):
        choose("anna", recorded_at=ago(minutes=16))
        seal_all(0)
        assert not Cursor.objects.exists()
        assert late() == ["memory"]

    def test_the_first_choice_behind_the_cursor_counts(self):
        choose("anna", recorded_at=ago(hours=5))
        seal_all(0)
        relay("memory")
        choose("ben", recorded_at=ago(minutes=16))
        choose("cleo", recorded_at=ago(minutes=10))
        seal_all(0)
        assert overdue()[0].since == Entry.objects.get(member_ref="ben").recorded_at

    def test_a_refused_choice_counts(self):
        refuses.add("anna")
        choose("anna", recorded_at=ago(minutes=16))
        seal_all(0)
        relay("memory")
        assert Cursor.objects.get().position == 1
        assert late() == ["memory"]
        refuses.clear()
        Parked.objects.update(retry_at=timezone.now())
        relay("memory")
        assert late() == []

    def test_every_partition_counts(self, settings):
        settings.LEDGER_PARTITIONS = 4
        refs = [f"m{number}" for number in range(12)]
        for ref in refs:
            choose(ref)
        for partition in range(4):
            seal_all(partition)
            relay("memory", partition)
        assert late() == []
        choose("m3", "allowed", recorded_at=ago(minutes=16))
        assert Entry.objects.last().partition != 0
        assert late() == ["memory"]

    def test_each_store_has_its_own_limit(self, settings):
        settings.DATA_STORES = {"slow": entry(timedelta(hours=1)), "quick": entry(SLA)}
        choose("anna", recorded_at=ago(minutes=16))
        assert late() == ["quick"]

    def test_the_clock_of_a_paused_store_keeps_running(self):
        pause("memory", by="olga", reason="away")
        choose("anna", recorded_at=ago(minutes=16))
        assert late() == ["memory"]

    def test_costs_the_same_however_much_waits(self, django_assert_num_queries, monkeypatch):
        monkeypatch.setattr("propagation.sla.OTHERS", {})  # what apps above add costs its own
        for number in range(30):
            choose(f"m{number}", recorded_at=ago(minutes=16))
        with django_assert_num_queries(5):
            assert late() == ["memory"]

    def test_looks_up_and_never_scans(self):
        """Each look-up goes through an index, and ends at its first row without sorting."""
        with connection.cursor() as cursor:
            if connection.vendor == "postgresql":  # so few rows would not be worth an index
                cursor.execute("SET LOCAL enable_seqscan = off")
                cursor.execute("SET LOCAL enable_bitmapscan = off")
        for rows in (
            Entry.objects.unsealed(0)[:1],
            Entry.objects.after(0, 5)[:1],
            Parked.objects.open().filter(store="s", partition=0).order_by("parked_at")[:1],
        ):
            plan = rows.explain().upper()
            assert "INDEX" in plan
            assert "SORT" not in plan
            assert "B-TREE" not in plan


def mails():
    return [(message.subject, message.to) for message in mail.outbox]


LATE = ("[PrivacyDash] Late: memory", ["duty@example.org"])
RECOVERED = ("[PrivacyDash] Recovered: memory", ["duty@example.org"])


class TestMail:
    def test_one_when_it_is_late_and_one_when_it_recovers(self):
        for ref in ("anna", "ben"):
            choose(ref, recorded_at=ago(minutes=16))
        for _ in range(3):
            assert [wait.store for wait in watch()] == ["memory"]
        assert mails() == [LATE]
        seal_all(0)
        relay("memory")
        for _ in range(3):
            assert watch() == []
        assert mails() == [LATE, RECOVERED]
        alarm = Alarm.objects.get()
        assert alarm.late_told_at < alarm.recovery_told_at

    def test_says_what_is_known(self):
        choose("anna", recorded_at=ago(minutes=16))
        seal_all(0)

        def fail(choices):
            raise StoreUnavailable("store.internal: connection refused by <host> & co")

        before_write.append(fail)
        relay("memory")
        pause("memory", by="olga", reason="moves & is <away>")
        watch()
        body = mail.outbox[0].body
        assert "1 choices behind" in body
        assert "limit is 15 min" in body
        assert "It could not be reached." in body
        assert "olga paused it" in body
        assert "moves & is <away>" in body
        assert "/admin/propagation/cursor/store/memory/" in body
        assert "anna" not in body

    def test_a_second_time_late_is_a_second_alarm(self):
        for turn in range(2):
            choose("anna", "allowed" if turn else "objected", recorded_at=ago(minutes=16))
            watch()
            seal_all(0)
            relay("memory")
            watch()
        assert mails() == [LATE, RECOVERED, LATE, RECOVERED]

    def test_a_store_as_slow_as_its_limit_does_not_ring_by_the_second(self):
        choose("anna", recorded_at=ago(minutes=16))
        watch()
        seal_all(0)
        relay("memory")
        choose("ben", recorded_at=ago(minutes=14))  # not late, and nearly so
        assert watch() == []
        assert mails() == [LATE]
        assert Alarm.objects.open().exists()

    def test_one_mail_for_all_that_is_late_at_once(self, settings):
        settings.DATA_STORES = {"one": entry(), "two": entry()}
        choose("anna", recorded_at=ago(minutes=16))
        watch()
        assert [subject for subject, _ in mails()] == ["[PrivacyDash] Late: one, two"]

    def test_a_store_taken_out_of_the_settings_has_not_recovered(self, settings):
        choose("anna", recorded_at=ago(minutes=16))
        watch()
        settings.DATA_STORES = {}
        watch()
        assert "no longer configured" in mail.outbox[1].body

    def test_by_the_sweep(self):
        choose("anna", recorded_at=ago(minutes=16))
        seal_all(0)
        pause("memory", by="olga", reason="away")
        tasks.sweep()
        tasks.sweep()
        assert mails() == [LATE]

    def test_a_mail_server_that_is_down_stops_nothing_and_is_tried_again(self, monkeypatch):
        def fail(*args, **kwargs):
            raise OSError("no such host")

        monkeypatch.setattr(alarms, "send_mail", fail)
        choose("anna", recorded_at=ago(minutes=16))
        assert [wait.store for wait in watch()] == ["memory"]
        assert Alarm.objects.untold().exists()
        monkeypatch.undo()
        watch()
        assert mails() == []  # not by every sweep
        Alarm.objects.update(leased_until=ago(seconds=1))
        watch()
        assert mails() == [LATE]

    def test_the_mail_of_a_process_that_died_is_sent_by_the_next(self):
        choose("anna", recorded_at=ago(minutes=16))
        Alarm.objects.create(store="memory", since=ago(minutes=16), raised_at=ago(minutes=1))
        assert len(Alarm.objects.claim(timezone.now() - LEASE, LEASE)) == 1  # and never heard of
        watch()
        assert mails() == [LATE]

    def test_what_happens_while_a_mail_is_sent_is_told_next(self, monkeypatch):
        send = alarms.send_mail

        def recover_meanwhile(*args):
            Alarm.objects.update(cleared_at=timezone.now())
            send(*args)

        monkeypatch.setattr(alarms, "send_mail", recover_meanwhile)
        choose("anna", recorded_at=ago(minutes=16))
        watch()
        monkeypatch.undo()
        seal_all(0)
        relay("memory")
        watch()
        assert mails() == [LATE, RECOVERED]

    def test_nobody_to_tell(self, settings):
        settings.ALERT_RECIPIENTS = []
        choose("anna", recorded_at=ago(minutes=16))
        watch()
        assert mails() == []
        assert not Alarm.objects.untold().exists()

    @pytest.mark.django_db(transaction=True)
    def test_many_processes_at_once_send_one(self):
        choose("anna", recorded_at=ago(minutes=16))
        start, errors = threading.Barrier(6), []

        def run():
            start.wait()
            try:
                watch()
            except Exception as error:
                errors.append(error)
            finally:
                connection.close()

        threads = [threading.Thread(target=run) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not errors
        assert mails() == [LATE]


class TestCommand:
    def test_all_is_well(self):
        out = StringIO()
        call_command("check_sla", stdout=out)
        assert out.getvalue() == "All 1 data stores are within their SLA.\n"

    def test_late(self):
        recorded = ago(minutes=16)
        choose("anna", recorded_at=recorded)
        with pytest.raises(CommandError, match="memory is late") as caught:
            call_command("check_sla")
        assert f"{recorded:%Y-%m-%d %H:%M:%S} UTC" in str(caught.value)
        assert caught.value.returncode == 1
        assert mails() == [LATE]
