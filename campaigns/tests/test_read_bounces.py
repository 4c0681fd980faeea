"""`manage.py read_bounces`: from a Maildir and over IMAP; nothing is lost, nothing counts twice."""

import io
import mailbox
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from campaigns import outcomes, sending
from campaigns.mailboxes import Maildir
from campaigns.models import NoReminders, Recipient, Undeliverable
from campaigns.tests.campaigns import running
from campaigns.tests.imap_server import imap_server
from campaigns.tests.reports import complaint, dsn
from consent.models import Told
from tests.people import make_member

pytestmark = pytest.mark.django_db

LETTER = b"From: anna@example.org\nSubject: Re: Notice\n\nPlease stop.\n"


@pytest.fixture
def sent(notice, member, server):
    sending.send(running(notice).pk)
    return Recipient.objects.get()


@pytest.fixture
def box(tmp_path):
    return mailbox.Maildir(tmp_path / "Maildir")


def read(box, capsys):
    call_command("read_bounces", "--maildir", box._path)
    return capsys.readouterr()


class TestMaildir:
    def test_a_bounce(self, sent, member, box, capsys):
        box.add(dsn(sent))
        assert read(box, capsys).out == "1 no such address\n"
        row = Recipient.objects.get()
        assert (row.state, row.reply) == ("bounced", "550 5.1.1 … Recipient address rejected")
        assert Undeliverable.objects.get().email == member.email
        assert Told.objects.get().first is None
        assert len(box) == 0
        assert len(box.get_folder("Handled")) == 1
        assert read(box, capsys).out == "nothing to read\n"

    def test_with_the_whole_mail_as_it_was_sent(self, sent, server, member, box, capsys):
        box.add(dsn(sent, returned=server.received[0].data.decode(), to="<other@example.org>"))
        assert read(box, capsys).out == "1 no such address\n"
        assert Undeliverable.objects.get().email == member.email

    def test_a_complaint(self, sent, box, capsys):
        box.add(complaint(sent))
        read(box, capsys)
        assert Recipient.objects.get().complained_at
        assert NoReminders.objects.get().how == "complained"

    def test_a_delay_is_no_bounce(self, sent, box, capsys):
        box.add(dsn(sent, action="delayed", status="4.4.1"))
        assert read(box, capsys).out == "1 without consequence\n"
        assert Recipient.objects.get().state == "sent"
        assert Told.objects.get().first

    def test_what_is_not_understood_stays_with_a_flag(self, sent, box, capsys):
        box.add(LETTER)
        box.add(dsn(sent))
        said = read(box, capsys)
        assert said.out == "1 no such address, 1 left with a flag\n"
        assert "It is no report" in said.err
        [kept] = box
        assert (kept.get_flags(), kept.get_subdir()) == ("F", "cur")
        assert kept.get_payload() == "Please stop.\n"
        assert read(box, capsys).out == "nothing to read\n"

    def test_an_unread_and_a_read_one(self, sent, box, capsys):
        one = mailbox.MaildirMessage(dsn(sent))
        one.set_subdir("cur")
        one.set_flags("S")
        box.add(one)
        assert read(box, capsys).out == "1 no such address\n"

    def test_a_forged_one_changes_nothing(self, notice, member, box, capsys):
        running(notice)
        box.add(dsn(returned=""))
        box.add(dsn(Recipient.objects.get()))
        read(box, capsys)
        assert Recipient.objects.get().state == "pending"
        assert not Undeliverable.objects.exists()
        assert not Told.objects.exists()

    def test_after_a_crash_it_is_read_again(self, sent, box, capsys, monkeypatch):
        box.add(dsn(sent))
        with monkeypatch.context() as patch:
            patch.setattr("campaigns.mailboxes._File.handled", lambda self: 1 / 0)
            with pytest.raises(ZeroDivisionError):
                read(box, capsys)
        before = Recipient.objects.values().get(), Told.objects.values().get()
        assert read(box, capsys).out == "1 no such address\n"
        assert (Recipient.objects.values().get(), Told.objects.values().get()) == before

    def test_a_failure_of_the_database_leaves_it(self, sent, box, capsys, monkeypatch):
        box.add(dsn(sent))
        with monkeypatch.context() as patch:
            patch.setattr(outcomes, "came_back", lambda *args, **kwargs: 1 / 0)
            with pytest.raises(ZeroDivisionError):
                read(box, capsys)
        assert len(box) == 1
        assert read(box, capsys).out == "1 no such address\n"

    def test_two_at_once_lose_nothing(self, box):
        for number in range(200):
            box.add(LETTER + str(number).encode())

        def take(_):
            taken = 0
            for item in Maildir(Path(box._path)).items():
                if item.read() is not None:
                    item.handled()
                    taken += 1
            return taken

        with ThreadPoolExecutor(4) as pool:
            taken = list(pool.map(take, range(4)))
        assert sum(taken) >= 200
        assert len(box.get_folder("Handled")) == 200

    def test_one_that_somebody_took_meanwhile(self, sent, box, capsys, monkeypatch):
        box.add(dsn(sent))
        monkeypatch.setattr("campaigns.mailboxes._File.read", lambda self: None)
        assert read(box, capsys).out == "nothing to read\n"

    def test_one_that_cannot_be_read_does_not_hold_up_the_others(self, sent, box, capsys):
        (Path(box._path) / "new" / "0000.folder").mkdir()
        box.add(dsn(sent))
        said = read(box, capsys)
        assert said.out == "1 no such address, 1 left with a flag\n"
        assert "It cannot be read: Is a directory" in said.err
        assert read(box, capsys).out == "nothing to read\n"

    def test_no_maildir(self, tmp_path):
        with pytest.raises(CommandError, match="is no Maildir"):
            call_command("read_bounces", "--maildir", tmp_path / "nowhere")

    def test_a_bounce_after_the_member_was_erased(self, sent, member, box, capsys):
        box.add(dsn(sent))
        member.delete()
        assert read(box, capsys).out == "1 no such address\n"
        assert Recipient.objects.get().state == "bounced"

    def test_of_the_address_that_the_member_has_left(self, sent, member, box, capsys):
        type(member).objects.update(email="new@example.org")
        box.add(dsn(sent))
        read(box, capsys)
        assert not Undeliverable.objects.exists()

    def test_a_folder_of_another_program_is_left_alone(self, sent, box, capsys):
        shutil.copytree(box._path, f"{box._path}/.Archive")
        box.add(dsn(sent))
        assert read(box, capsys).out == "1 no such address\n"


@pytest.mark.django_db(transaction=True)
def test_by_several_at_once(notice, server, box):
    """Each mail is read by one or more of them, and counts once."""
    for number in range(12):
        make_member(f"m{number}@example.org")
    sending.send(running(notice).pk)
    for row in Recipient.objects.select_related("member"):
        box.add(dsn(row, to=row.member.email))
        box.add(complaint(row))
    errors = []

    def run():
        try:
            call_command("read_bounces", "--maildir", box._path, stdout=io.StringIO())
        except Exception as error:
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert set(Recipient.objects.values_list("state", flat=True)) == {"bounced"}
    assert Recipient.objects.filter(complained_at=None).count() == 0
    assert Undeliverable.objects.count() == NoReminders.objects.count() == 12
    assert (len(box), len(box.get_folder("Handled"))) == (0, 24)


@pytest.fixture(params=["MOVE", "COPY", "STARTTLS"])
def imap(request, certificate, settings, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", certificate[0])
    settings.BOUNCES_IMAP_USER, settings.BOUNCES_IMAP_PASSWORD = "bounces", 'se"cret'
    how = {"move": request.param == "MOVE", "starttls": request.param == "STARTTLS"}
    with imap_server(certificate, **how) as running_server:
        yield running_server


class TestImap:
    def read(self, imap, capsys, folder="INBOX"):
        call_command("read_bounces", "--imap", imap.url(folder))
        return capsys.readouterr()

    def test_bounces_complaints_and_letters(self, sent, imap, capsys):
        bounce, spam = dsn(sent), complaint(sent)
        imap.put(bounce, LETTER, spam)
        said = self.read(imap, capsys)
        assert said.out == "1 no such address, 1 complaints, 1 left with a flag\n"
        assert "message 2: It is no report" in said.err
        assert imap.folders["Handled"] == {1: bounce, 3: spam}
        assert imap.folders["INBOX"] == {2: LETTER}
        assert imap.flags[2] == {r"\Flagged"}
        row = Recipient.objects.get()
        assert (row.state, bool(row.complained_at)) == ("bounced", True)
        assert self.read(imap, capsys).out == "nothing to read\n"

    def test_the_connection_breaks_in_between(self, sent, imap, capsys):
        imap.put(dsn(sent))
        imap.breaks_at = "UID COPY" if "MOVE" not in imap.capabilities else "UID MOVE"
        with pytest.raises(CommandError):
            self.read(imap, capsys)
        assert Recipient.objects.get().state == "bounced"
        assert len(imap.folders["INBOX"]) == 1
        imap.breaks_at = ""
        assert self.read(imap, capsys).out == "1 no such address\n"

    def test_a_server_with_all_folders_under_the_inbox(self, sent, imap, capsys):
        imap.prefix = "INBOX."
        imap.put(dsn(sent))
        assert self.read(imap, capsys).out == "1 no such address\n"
        assert len(imap.folders["INBOX.Handled"]) == 1

    def test_no_folder_can_be_made(self, sent, imap, capsys):
        imap.prefix = "Elsewhere"
        imap.put(dsn(sent))
        with pytest.raises(CommandError, match="Handled cannot be made"):
            self.read(imap, capsys)
        assert Recipient.objects.get().state == "sent"

    def test_a_mail_that_cannot_be_moved_is_said(self, sent, imap, capsys):
        imap.refuses = "MOVE" if "MOVE" in imap.capabilities else "STORE"
        imap.put(dsn(sent))
        with pytest.raises(CommandError, match="NOPERM"):
            self.read(imap, capsys)
        assert len(imap.folders["INBOX"]) == 1

    def test_one_that_is_gone_meanwhile(self, sent, imap, capsys, monkeypatch):
        from campaigns import mailboxes

        imap.put(dsn(sent))
        whole = mailboxes._Uid.read

        def taken_before(item):
            imap.folders["INBOX"].clear()
            return whole(item)

        monkeypatch.setattr(mailboxes._Uid, "read", taken_before)
        assert self.read(imap, capsys).out == "nothing to read\n"

    def test_a_wrong_password_is_not_shown(self, imap, capsys, settings):
        settings.BOUNCES_IMAP_PASSWORD = "not-the-one"
        with pytest.raises(CommandError, match="AUTHENTICATIONFAILED") as error:
            self.read(imap, capsys)
        assert "not-the-one" not in str(error.value)

    def test_a_certificate_that_is_not_trusted(self, imap, capsys, monkeypatch):
        monkeypatch.delenv("SSL_CERT_FILE")
        with pytest.raises(CommandError, match="CERTIFICATE_VERIFY_FAILED"):
            self.read(imap, capsys)

    def test_no_such_folder(self, imap, capsys):
        with pytest.raises(CommandError, match="no such folder"):
            self.read(imap, capsys, "Nowhere")


@pytest.mark.parametrize(
    "url", ["", "http://mail.example/", "imaps://", "imaps://a:b@mail.example/", "imaps://x/ü"]
)
def test_an_address_that_is_none(url):
    with pytest.raises(CommandError):
        call_command("read_bounces", "--imap", url or "x")


def test_nobody_listens():
    with pytest.raises(CommandError, match=r"127\.0\.0\.1: .*refused"):
        call_command("read_bounces", "--imap", "imaps://127.0.0.1:1/")
