"""The notice mail: handed to Celery, in the member's language, saying what the page says."""

import re

import pytest
from django.core import mail
from django.core.management import CommandError, call_command
from kombu.exceptions import OperationalError

from accounts.models import Member
from campaigns.mailing import link_for, notice_mail
from campaigns.management.commands import send_notice
from campaigns.tasks import send_notice_mails
from consent.links import read_token
from consent.models import SentMail
from tests.people import make_member

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("notice")]


@pytest.fixture
def handed(monkeypatch):
    """What the command hands to Celery; the tasks are run here, at once."""
    calls = []

    def delay(member_ids, notice_id):
        calls.append(member_ids)
        send_notice_mails(member_ids, notice_id)

    monkeypatch.setattr(send_notice.send_notice_mails, "delay", delay)
    return calls


def send(*arguments):
    call_command("send_notice", *arguments, "--no-progress")


def test_to_one_member(member, other, handed):
    send("--to", "ANNA@example.org")
    assert [message.to for message in mail.outbox] == [["anna@example.org"]]
    assert handed == [[member.pk]]  # a task carries ids, nothing about a person


def test_to_a_region(handed, django_user_model):
    for ref, country in [("a", "DE"), ("b", "RE"), ("c", "GB"), ("d", "US"), ("e", "")]:
        make_member(f"{ref}@example.org", country)
    make_member("left@example.org", "DE", is_active=False)
    make_member("staff@example.org", "DE", is_staff=True)
    send("--region", "eu_eea")
    assert sorted(message.to[0] for message in mail.outbox) == ["a@example.org", "b@example.org"]


def test_in_batches(handed, monkeypatch):
    monkeypatch.setattr(send_notice, "BATCH", 2)
    for number in range(5):
        make_member(f"m{number}@example.org", "CH")
    send("--region", "ch")
    assert [len(batch) for batch in handed] == [2, 2, 1]
    assert len(mail.outbox) == 5


@pytest.mark.parametrize(
    ("language", "words"), [("en", "You have the right"), ("de-AT", "Widerspr"), ("fr", "oppos")]
)
def test_in_the_members_language(notice, language, words):
    message = notice_mail(make_member("x@example.org", "DE", language=language), notice)
    assert message.extra_headers["Content-Language"] == language[:2]
    assert words in message.body
    assert words in message.alternatives[0].content


def test_page_and_mail_say_the_same(notice, member):
    message = notice_mail(member, notice)
    text = notice.text("en")
    for words in (text.title, text.summary, text.effect, text.not_undone, text.contact):
        assert words in message.body
    for kind in [*text.used, *text.never]:
        assert kind.label in message.body
    assert "{operator}" not in message.body + message.alternatives[0].content


def test_the_link_opens_this_members_objection(notice, member, client, settings):
    body = notice_mail(member, notice).body
    link = re.search(r"http\S+/o/\S+", body)[0]
    assert read_token(link.rstrip("/").rpartition("/")[2]).member_id == member.pk
    assert client.get(link.removeprefix(settings.SITE_URL)).status_code == 200
    assert link_for(member, notice) != link  # nobody can tell from two links that they are one's


@pytest.mark.parametrize("nobody", [["--to", "nobody@example.org"], ["--region", "ch"]])
def test_nobody_to_mail_to(handed, nobody):
    with pytest.raises(CommandError, match="no member to mail to"):
        send(*nobody)


def test_no_notice(handed, monkeypatch, member):
    monkeypatch.setattr(send_notice, "current_notice", lambda: None)
    with pytest.raises(CommandError, match="no notice is published"):
        send("--to", member.email)


def test_the_broker_is_away(monkeypatch, member):
    def fail(*args):
        raise OperationalError("connection refused")

    monkeypatch.setattr(send_notice.send_notice_mails, "delay", fail)
    with pytest.raises(CommandError, match="0 mails handed over, then the broker"):
        send("--to", member.email)


def test_a_notice_that_is_no_longer_current_is_not_sent(member, notice):
    send_notice_mails([member.pk], notice.pk)
    assert len(mail.outbox) == 1
    newer = type(notice).objects.create(purpose=notice.purpose, version=2)
    text = notice.translations.get(language="en")
    text.pk, text.notice, text._state.adding = None, newer, True
    text.save()
    newer.publish()
    send_notice_mails([member.pk], notice.pk)
    assert len(mail.outbox) == 1


def test_what_was_sent_is_recorded(notice, member):
    inactive = make_member("hans@example.org", "DE", is_active=False)
    send_notice_mails([member.pk, inactive.pk], notice.pk)
    sent = SentMail.objects.get()
    assert (sent.member, sent.kind, sent.notice_version, sent.language) == (
        member,
        "notice",
        1,
        "en",
    )


def test_who_is_erased_meanwhile_gets_no_mail(notice, member, other, monkeypatch):
    """The first mail of a batch may take seconds to be accepted."""

    def erase_the_next(member_asked, about):
        Member.objects.filter(pk=other.pk).delete()
        return notice_mail(member_asked, about)

    monkeypatch.setattr("campaigns.tasks.notice_mail", erase_the_next)
    send_notice_mails([member.pk, other.pk], notice.pk)
    assert [message.to for message in mail.outbox] == [[member.email]]


def test_who_is_erased_while_the_mail_is_sent_leaves_no_record(notice, member, monkeypatch):
    def erased_after_it_was_built(member_asked, about):
        built = notice_mail(member_asked, about)
        Member.objects.filter(pk=member_asked.pk).delete()
        return built

    monkeypatch.setattr("campaigns.tasks.notice_mail", erased_after_it_was_built)
    send_notice_mails([member.pk], notice.pk)
    assert not SentMail.objects.exists()
