"""What the mails say that come back, by the RFCs, and what is no such mail."""

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from campaigns.message_ids import message_id
from campaigns.models import Recipient
from campaigns.outcomes import What
from campaigns.returned import LARGEST, NotUnderstood, failed_as, read
from campaigns.tests.campaigns import running
from campaigns.tests.reports import complaint, dsn

pytestmark = pytest.mark.django_db


@pytest.fixture
def sent(notice, member):
    """A mail that the mail server has taken."""
    running(notice)
    Recipient.objects.update(state="sent", attempts=1, sent_at=timezone.now())
    return Recipient.objects.get()


def test_a_hard_bounce(sent, member):
    outcome = read(dsn(sent))
    assert (outcome.what, outcome.recipient) == (What.NO_SUCH_ADDRESS, sent)
    assert outcome.reply == "550 5.1.1 … Recipient address rejected"
    assert outcome.address == member.email


@pytest.mark.parametrize(
    ("words", "what"),
    [
        ("5.1.1", What.NO_SUCH_ADDRESS),
        ("5.1.10 (null MX)", What.NO_SUCH_ADDRESS),
        ("5.2.1", What.NO_SUCH_ADDRESS),
        ("5.0.0", What.NO_SUCH_ADDRESS),
        ("5.4.4", What.NO_SUCH_ADDRESS),
        ("smtp; 550 no such user here", What.NO_SUCH_ADDRESS),
        ("5.2.2 smtp; 552 mailbox full", What.NOT_DELIVERED),
        ("5.7.1 smtp; 554 5.7.1 spam", What.NOT_DELIVERED),
        ("5.1.8", What.NOT_DELIVERED),
        ("4.4.7 expired", What.NOT_DELIVERED),
        ("", What.NOT_DELIVERED),
    ],
)
def test_which_failures_are_about_the_address(words, what):
    assert failed_as(words) is what


@pytest.mark.parametrize(
    ("action", "status", "what"),
    [
        ("Failed", "5.1.1", What.NO_SUCH_ADDRESS),
        ("failed (no retry)", "4.4.7", What.NOT_DELIVERED),
        ("delayed", "4.4.1", What.NOTHING),
        ("delivered", "2.0.0", What.DELIVERED),
        ("relayed", "2.0.0", What.NOTHING),
        ("expanded", "2.0.0", What.NOTHING),
    ],
)
def test_actions(sent, action, status, what):
    assert read(dsn(sent, action=action, status=status, diagnostic="x")).what is what


@pytest.mark.parametrize("returned_type", ["text/rfc822-headers", "message/global-headers"])
def test_headers_alone(sent, returned_type):
    assert read(dsn(sent, returned_type=returned_type)).recipient == sent


def test_of_an_address_beyond_ascii(sent):
    """RFC 6533."""
    data = dsn(sent).replace(b"message/delivery-status", b"message/global-delivery-status")
    data = data.replace(b"Recipient: rfc822; anna@", "Recipient: utf-8; jörg@".encode())
    assert read(data).what is What.NO_SUCH_ADDRESS


def test_of_several_recipients_the_worst_counts(sent):
    data = dsn(sent, action="delayed", status="4.4.1")
    failed = b"\nFinal-Recipient: rfc822; x@y.example\nAction: failed\nStatus: 5.1.1\n"
    last = b"\n--BB\nContent-Type: message/rfc822"
    assert read(data.replace(last, failed + last)).what is What.NO_SUCH_ADDRESS


def test_where_it_was_sent_to_and_not_where_it_was_forwarded(sent):
    data = dsn(sent).replace(
        b"Final-Recipient: rfc822; anna@", b"Final-Recipient: rfc822; forwarded@"
    )
    assert read(data).address == "anna@example.org"


class TestWithoutHeaders:
    def test_by_the_address_of_a_mail_that_was_sent_lately(self, sent, member):
        assert read(dsn(returned="")).recipient == sent

    def test_of_a_mail_that_was_never_sent(self, sent):
        Recipient.objects.update(state="pending", sent_at=None)
        with pytest.raises(NotUnderstood, match="no campaign has sent"):
            read(dsn(returned=""))

    def test_of_a_mail_of_long_ago(self, sent):
        Recipient.objects.update(sent_at="2020-01-01T00:00Z")
        with pytest.raises(NotUnderstood):
            read(dsn(returned=""))

    @pytest.mark.parametrize("to", ["nobody@example.org", "a\0@example.org", "", "@"])
    def test_of_nobody(self, sent, to):
        with pytest.raises(NotUnderstood):
            read(dsn(returned="", to=to))


class TestForged:
    def test_with_a_message_id_that_we_did_not_make(self, sent):
        forged = message_id(sent).replace(".", ".1", 1)
        for other in (forged, "<1.1.00000000000000000000@network.example>", "<x@y>"):
            with pytest.raises(NotUnderstood, match="no campaign has sent"):
                read(dsn(returned=f"To: anna@example.org\nMessage-ID: {other}\n"))


class TestComplaints:
    @pytest.mark.parametrize("kind", ["abuse", "fraud", "Abuse ", "other"])
    def test_of_each_kind(self, sent, kind):
        outcome = read(complaint(sent, kind))
        assert (outcome.what, outcome.recipient) == (What.COMPLAINT, sent)

    @pytest.mark.parametrize("kind", ["not-spam", "auth-failure"])
    def test_that_are_none(self, sent, kind):
        assert read(complaint(sent, kind)).what is What.NOTHING

    def test_without_a_kind(self, sent):
        with pytest.raises(NotUnderstood):
            read(complaint(sent, ""))


OTHERS = {
    "nothing": b"",
    "NUL": b"\0" * 1000,
    "no mail": b"\xff\xfe\x00" * 100,
    "a letter": b"From: a@b.c\nSubject: Re: Notice\n\nPlease stop.\n",
    "an empty report": b"Content-Type: multipart/report; boundary=x\n\n--x--\n",
    "a report without a boundary": b"Content-Type: multipart/report\n\n--x--\n",
    "an empty status": b"Content-Type: multipart/report; boundary=x\n\n--x\n"
    b"Content-Type: message/delivery-status\n\n--x--\n",
    "no status": b"Content-Type: message/delivery-status\n\nAction: failed\n",
    "a charset that is none": b'Content-Type: multipart/report; boundary="x"; charset=\xff\n\n--x\n'
    b"Content-Type: message/delivery-status; charset=\xff\n\nAction: \xff\xfe\n\n--x--\n",
    "nested": b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(3000)
    ),
    "large": b"x" * (LARGEST + 1),
}


@pytest.mark.parametrize("what", OTHERS)
def test_what_is_no_report(sent, what):
    with pytest.raises(NotUnderstood):
        read(OTHERS[what])


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(cut=st.integers(0, 1500), put=st.binary(max_size=20), length=st.integers(0, 200))
def test_damaged_reports_never_raise_anything_else(sent, cut, put, length):
    data = dsn(sent)
    try:
        outcome = read(data[:cut] + put + data[cut + length :])
    except NotUnderstood:
        return
    assert outcome.recipient == sent
