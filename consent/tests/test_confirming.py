"""Each choice is confirmed once, by a real mail server, whatever breaks on the way."""

import importlib
import re
import smtplib
import threading
from datetime import timedelta

import pytest
from django.apps import apps
from django.db import connection
from django.utils import timezone

from accounts.models import Member
from consent import confirming, tasks
from consent.confirming import LEASE, RETRIES, STUBBORN, behind, send_confirmations
from consent.models import MailCursor, ParkedMail, SentMail
from consent.watching import NAME
from ledger.models import Channel, Entry, Head
from ledger.seal import seal_all
from propagation.sla import overdue
from tests.people import choose, make_member, toggle
from tests.smtp import running_mail_server

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("notice")]


@pytest.fixture(autouse=True)
def server(settings):
    with running_mail_server() as server:
        settings.MAILERS = server.mailers
        yield server


def confirm():
    seal_all(0)
    return send_confirmations(0)


def again_at_once():
    MailCursor.objects.update(next_attempt_at=None)
    ParkedMail.objects.exclude(retry_at=None).update(retry_at=timezone.now())


def cursor():
    return MailCursor.objects.get()


class TestSending:
    def test_each_choice_is_confirmed_once_and_recorded(self, server, member, other):
        toggle("anna", 3)
        choose("ben")
        assert confirm() is False
        assert sorted(server.to()) == ["anna@example.org"] * 3 + ["ben@example.org"]
        assert server.connections == 1
        sent = SentMail.objects.filter(member=member).order_by("revision")
        assert [(mail.kind, mail.revision, mail.language) for mail in sent] == [
            ("confirmation", 1, "en"),
            ("confirmation", 2, "en"),
            ("confirmation", 3, "en"),
        ]
        assert (cursor().position, cursor().leased_until) == (4, None)
        confirm()
        assert len(server.received) == 4

    def test_what_arrives(self, server, member):
        choose("anna", channel=Channel.MAIL_LINK)
        confirm()
        (mail,) = server.mails
        assert mail["Subject"] == "You have objected – Example Network"
        assert mail["Auto-Submitted"] == "auto-generated"
        assert mail["Content-Language"] == "en"
        assert [part.get_content_type() for part in mail.iter_parts()] == [
            "text/plain",
            "text/html",
        ]
        head = server.received[0].partition(b"\r\n\r\n")[0]
        for name in (b"To", b"Message-ID", b"Auto-Submitted", b"Content-Language", b"From"):
            (line,) = re.findall(rb"(?m)^%s: (.*)$" % name, head)
            assert b"=?" not in line
        assert all(len(line) < 998 for line in server.received[0].splitlines())

    def test_a_long_address_arrives_as_it_is(self, server):
        address = f"{'a' * 60}@{'b' * 60}.{'c' * 60}.example.org"
        choose(make_member(address).member_ref)
        confirm()
        assert f"To: {address}".encode() in server.received[0]

    def test_nothing_to_do_asks_no_mail_server(self, server):
        assert behind() == []
        seal_all(0)
        tasks.sweep_mails()
        assert server.connections == 0

    def test_beat_finds_them(self, server, member, monkeypatch):
        monkeypatch.setattr(tasks.send_confirmations, "delay", tasks.send_confirmations)
        choose("anna")
        seal_all(0)
        tasks.sweep_mails()
        assert server.to() == ["anna@example.org"]

    def test_an_unsealed_choice_waits(self, server, member):
        choose("anna")
        send_confirmations(0)
        assert server.received == []

    def test_every_partition(self, server, settings):
        settings.LEDGER_PARTITIONS = 4
        for number in range(12):
            make_member(f"m{number}@example.org")
            choose(f"m{number}")
        for partition in range(4):
            seal_all(partition)
        assert behind() == [0, 1, 2, 3]
        for partition in behind():
            send_confirmations(partition)
        assert len(set(server.to())) == 12
        assert behind() == []

    def test_the_time_is_up(self, server, member):
        toggle("anna", 3)
        seal_all(0)
        assert send_confirmations(0, budget=0) is True
        assert len(server.received) == 1
        assert send_confirmations(0, budget=0) is True
        assert send_confirmations(0) is False
        assert len(server.received) == 3

    def test_an_upgrade_does_not_mail_about_the_past(self, server, member):
        toggle("anna", 3)
        seal_all(0)
        MailCursor.objects.all().delete()
        migration = importlib.import_module("consent.migrations.0006_confirmation_mails")
        migration.start_at_the_head(apps, None)
        choose("anna", "allowed")
        confirm()
        assert [mail.revision for mail in SentMail.objects.all()] == [4]

    def test_recording_a_choice_writes_no_more_than_before(self, member, client):
        choose("anna")
        assert not MailCursor.objects.exists()
        assert not SentMail.objects.exists()


class TestNoMail:
    def test_imported_choices_if_they_are_switched_off(self, server, member, settings):
        settings.CONFIRM_IMPORTS = False
        choose("anna", channel=Channel.IMPORT)
        choose("anna", "allowed")
        confirm()
        assert [mail.revision for mail in SentMail.objects.all()] == [2]

    def test_imported_choices_otherwise_get_one(self, server, member):
        choose("anna", channel=Channel.IMPORT)
        confirm()
        assert server.to() == ["anna@example.org"]

    @pytest.mark.parametrize(
        ("change", "reason"),
        [
            (lambda member: member.delete(), "no such member here"),
            (lambda member: Member.objects.update(is_active=False), "closed account"),
            (lambda member: Member.objects.filter(pk=member.pk).update(email=""), "no address"),
        ],
    )
    def test_nobody_to_write_to(self, server, member, change, reason, caplog):
        choose("anna")
        change(member)
        with caplog.at_level("INFO"):
            confirm()
        assert server.received == []
        assert cursor().position == 1
        assert reason in caplog.text
        assert "anna" not in caplog.text

    def test_erased_while_others_are_mailed(self, server, member, other, monkeypatch):
        sent = confirming.SentMail.objects.record

        def and_erase_ben(*args, **values):
            other.delete()
            return sent(*args, **values)

        monkeypatch.setattr(confirming.SentMail.objects, "record", and_erase_ben)
        choose("anna")
        choose("ben")
        confirm()
        assert server.to() == ["anna@example.org"]


class TestServerAway:
    def test_nothing_is_lost_and_nothing_is_sent_twice(self, server, member, settings):
        settings.MAILERS = {
            "default": {**server.mailers["default"], "OPTIONS": {"host": "127.0.0.1", "port": 1}}
        }
        toggle("anna", 2)
        confirm()
        down = cursor()
        assert (down.position, down.failures, down.leased_until) == (0, 1, None)
        assert "ConnectionRefusedError" in down.last_error
        assert down.next_attempt_at > timezone.now()
        assert behind() == []  # not before it is due
        assert send_confirmations(0) is False
        settings.MAILERS = server.mailers
        again_at_once()
        assert behind() == [0]
        confirm()
        assert len(server.received) == 2
        assert (cursor().position, cursor().failures) == (2, 0)

    def test_it_fails_in_the_middle(self, server, member, other):
        choose("anna")
        choose("ben")
        server.dropped.add("ben@example.org")
        confirm()
        assert server.to() == ["anna@example.org"]
        assert (cursor().position, cursor().failures) == (1, 1)
        server.dropped.clear()
        again_at_once()
        confirm()
        assert server.to() == ["anna@example.org", "ben@example.org"]

    def test_staff_are_told_when_mails_are_late(self, member, settings):
        settings.DATA_STORES = {}
        choose("anna", recorded_at=timezone.now() - timedelta(minutes=61))
        assert overdue() == []  # nothing has ever looked for mails to send here
        seal_all(0)
        behind()
        assert [wait.store for wait in overdue()] == [NAME]
        confirm()
        assert overdue() == []

    def test_an_unsealed_choice_is_late_too(self, member, settings):
        settings.DATA_STORES = {}
        MailCursor.objects.create(partition=0)
        choose("anna", recorded_at=timezone.now() - timedelta(minutes=61))
        assert [wait.store for wait in overdue()] == [NAME]

    def test_what_prometheus_reads(self, client, member, settings):
        settings.DATA_STORES = {}
        choose("anna", recorded_at=timezone.now() - timedelta(minutes=10))
        choose("anna", "allowed")
        seal_all(0)
        behind()
        MailCursor.objects.update(failures=3)
        ParkedMail.objects.create(member=member, purpose="p", revision=1, partition=0)
        text = client.get("/metrics").content.decode()
        assert 'privacydash_mail_lag_choices{partition="0"} 2.0' in text
        assert re.search(r'privacydash_mail_lag_seconds\{partition="0"\} 6\d\d\.', text)
        assert 'privacydash_mail_failures{partition="0"} 3.0' in text
        assert "privacydash_mail_refused 1.0" in text


class TestOneBadAddress:
    @pytest.mark.parametrize("answer", ["550 no such user", "450 mailbox busy", "421 go away"])
    def test_it_stops_nobody_else(self, server, member, other, answer):
        server.refused["anna@example.org"] = answer
        choose("anna")
        choose("ben")
        confirm()
        MailCursor.objects.update(next_attempt_at=None)  # after 421 the server has hung up
        confirm()
        assert server.to() == ["ben@example.org"]
        parked = ParkedMail.objects.get()
        assert (parked.member, parked.revision) == (member, 1)
        assert answer[:3] in parked.reason
        assert cursor().position == 2

    @pytest.mark.parametrize("address", ["ä@example.org", "no address at all", "a@b@c"])
    def test_an_address_that_is_none(self, server, member, other, address):
        Member.objects.filter(pk=member.pk).update(email=address)
        choose("anna")
        choose("ben")
        confirm()
        assert server.to() == ["ben@example.org"]
        assert ParkedMail.objects.get().member == member

    def test_no_word_about_a_person_in_the_log(self, server, member, caplog):
        server.refused["anna@example.org"] = "550 anna@example.org is not here"
        choose("anna")
        confirm()
        assert "refused" in caplog.text
        assert "anna" not in caplog.text

    def test_it_is_tried_again_and_taken(self, server, member):
        server.refused["anna@example.org"] = "450 later"
        choose("anna")
        confirm()
        assert behind() == []
        server.refused.clear()
        again_at_once()
        assert behind() == [0]
        confirm()
        assert server.to() == ["anna@example.org"]
        assert not ParkedMail.objects.exists()
        assert SentMail.objects.get().revision == 1

    def test_it_is_tried_with_the_address_of_then(self, server, member):
        server.refused["anna@example.org"] = "550 unknown"
        choose("anna")
        confirm()
        Member.objects.filter(pk=member.pk).update(email="anna@new.example")
        again_at_once()
        confirm()
        assert server.to() == ["anna@new.example"]

    def test_it_is_given_up_and_kept_to_be_seen(self, server, member):
        server.refused["anna@example.org"] = "550 unknown"
        choose("anna")
        confirm()
        for attempts in range(2, len(RETRIES) + 2):
            again_at_once()
            confirm()
            assert ParkedMail.objects.get().attempts == attempts
        assert ParkedMail.objects.get().retry_at is None
        assert behind() == []

    def test_it_goes_with_the_member(self, server, member):
        server.refused["anna@example.org"] = "550 unknown"
        choose("anna")
        confirm()
        member.delete()
        assert not ParkedMail.objects.exists()

    def test_a_mail_that_breaks_the_connection_each_time(self, server, member, other):
        server.dropped.add("anna@example.org")
        choose("anna")
        choose("ben")
        for _ in range(STUBBORN + 2):
            confirm()
            MailCursor.objects.update(next_attempt_at=None)
        assert server.to() == ["ben@example.org"]
        assert ParkedMail.objects.get().member == member
        ParkedMail.objects.update(
            retry_at=timezone.now()
        )  # nor does it stop others as a parked one
        choose("ben", "allowed")
        confirm()
        MailCursor.objects.update(next_attempt_at=None)
        confirm()
        assert server.to() == ["ben@example.org"] * 2

    def test_no_notice_yet(self, server, member):
        choose("anna", purpose="not-published-yet")
        choose("anna")
        confirm()
        assert len(server.received) == 1
        assert "no notice" in ParkedMail.objects.get().reason


class Died(BaseException):
    """What a kill is to the code: nothing after it is done."""


class TestCrash:
    @pytest.fixture
    def dies(self, monkeypatch):
        """Has the worker die at a function, once; before or after it has done its work."""

        def at(owner, name, *, after):
            function = getattr(owner, name)

            def die(*args, **values):
                if after:
                    function(*args, **values)
                monkeypatch.setattr(owner, name, function)
                raise Died

            monkeypatch.setattr(owner, name, die)

        return at

    @pytest.mark.parametrize("after", [False, True])
    @pytest.mark.parametrize(
        ("owner", "name", "twice"),
        [
            (smtplib.SMTP, "sendmail", True),
            (SentMail.objects, "record", False),
            (confirming, "_move", False),
        ],
    )
    def test_one_in_flight_comes_twice_at_most_and_none_is_missing(
        self, server, member, dies, owner, name, after, twice
    ):
        toggle("anna", 3)
        dies(owner, name, after=after)
        with pytest.raises(Died):
            confirm()
        assert confirm() is False  # the lease of the dead is respected
        MailCursor.objects.update(leased_until=timezone.now())
        confirm()
        sent = [mail["Message-ID"] for mail in server.mails]
        assert len(set(sent)) == 3
        recorded_late = (name == "sendmail" and after) or (name == "record" and not after)
        assert len(sent) == (4 if recorded_late else 3)
        assert SentMail.objects.count() == 3
        assert cursor().position == 3

    def test_a_stuck_worker_that_wakes_up_moves_nothing(self, server, member, monkeypatch):
        toggle("anna", 2)
        seal_all(0)
        build = confirming.confirmation_mail

        def slow(*args):
            monkeypatch.setattr(confirming, "confirmation_mail", build)
            MailCursor.objects.update(leased_until=timezone.now() - LEASE)
            send_confirmations(0)  # another worker takes over meanwhile, and ends
            return build(*args)

        monkeypatch.setattr(confirming, "confirmation_mail", slow)
        assert send_confirmations(0) is False
        assert (cursor().position, cursor().leased_until) == (2, None)
        assert len(server.received) == 3  # the one in flight came twice
        assert SentMail.objects.count() == 2

    def test_a_mistake_in_our_code_is_tried_again(self, server, member, monkeypatch):
        def fail(*args):
            raise ZeroDivisionError

        monkeypatch.setattr(confirming, "confirmation_mail", fail)
        choose("anna")
        confirm()
        monkeypatch.undo()
        again_at_once()
        confirm()
        assert server.to() == ["anna@example.org"]


@pytest.mark.django_db(transaction=True)
def test_eight_workers_at_once_send_each_mail_once(server, member):
    toggle("anna", 10)
    seal_all(0)

    def work():
        send_confirmations(0)
        connection.close()

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(server.received) == Entry.objects.count() == Head.objects.get().position == 10
    assert len({mail["Message-ID"] for mail in server.mails}) == 10
