"""The mail as it arrives: every header and part by the book, whatever stands in it."""

import re
from email import message_from_bytes, policy
from email.utils import parsedate_to_datetime

import pytest
from django.core import mail
from django.core.exceptions import ValidationError
from django.utils import timezone

from accounts.models import Member
from campaigns import sending
from campaigns.mailing import Words, write
from campaigns.message_ids import message_id, recipient_of
from campaigns.models import Campaign, Message, Recipient
from campaigns.rendering import Personal, address_of, build
from campaigns.tests.campaigns import make_campaign, running
from campaigns.tests.mail_server import mail_server
from consent.links import REMINDERS, BadToken, read_token
from tests.people import make_member

pytestmark = pytest.mark.django_db


@pytest.fixture
def arrived(notice, server, settings):
    """Sends the notice to one member; returns the bytes that arrived."""
    settings.SITE_URL = "https://privacy.network.example"
    settings.DEFAULT_FROM_EMAIL = "Réseau d’Exemple <privacy@network.example>"

    def send(email="anna@example.org", language="en", **fields):
        texts = fields.pop("texts", {})
        make_member(email, "DE", language=language, **fields)
        sending.send(running(notice, texts=texts, minors="own_text").pk)
        return server.received[-1].data

    return send


def header(data, name):
    """The raw lines of a header, and nothing that was decoded."""
    head = data.partition(b"\r\n\r\n")[0] + b"\r\n"
    found = re.findall(rb"(?mi)^" + name.encode() + rb": ((?:.*\r\n)(?:[ \t].*\r\n)*)", head)
    assert len(found) == 1, name
    return found[0].decode("ascii").rstrip("\r\n")


def parsed(data):
    return message_from_bytes(data, policy=policy.default)


def test_headers(arrived, server):
    data = arrived()
    row = Recipient.objects.get()
    assert header(data, "To") == "anna@example.org"
    assert parsed(data)["From"].addresses[0].display_name == "Réseau d’Exemple"
    assert header(data, "Message-ID") == message_id(row)
    assert recipient_of(header(data, "Message-ID")) == row
    sent = parsedate_to_datetime(header(data, "Date"))
    assert abs((timezone.now() - sent).total_seconds()) < 60
    assert header(data, "Auto-Submitted") == "auto-generated"
    assert header(data, "Precedence") == "bulk"
    assert header(data, "Content-Language") == "en"
    assert header(data, "MIME-Version") == "1.0"
    assert header(data, "Feedback-ID") == (
        f"{row.campaign_id}:genai-training-1:notice:network.example"
    )
    assert server.received[0].sender == "privacy@network.example"


def test_one_click_leaves_reminders_and_cannot_object(arrived, member):
    """RFC 8058: one line, https, as it is; a token that opens nothing else."""
    data = arrived("ben@example.org")
    url = re.fullmatch(
        r"<https://privacy\.network\.example/r/([A-Za-z0-9_-]+)/>",
        header(data, "List-Unsubscribe"),
    )
    assert header(data, "List-Unsubscribe-Post") == "List-Unsubscribe=One-Click"
    assert b"List-Unsubscribe: =?" not in data
    link = read_token(url[1], REMINDERS)
    assert Member.objects.get(pk=link.member_id).email == "ben@example.org"
    with pytest.raises(BadToken):
        read_token(url[1])


@pytest.mark.parametrize("language", ["en", "de", "fr"])
def test_both_parts_say_the_same(arrived, notice, language):
    data = arrived(language=language)
    message = parsed(data)
    text, html = (part.get_content().replace("\r\n", "\n") for part in message.iter_parts())
    assert message.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]
    kept = Message.objects.get()
    links = set(re.findall(r"https://\S+?/[or]/[A-Za-z0-9_-]{59}/", text))
    assert len(links) == 2
    assert links <= set(re.findall(r'href="([^"]+)"', html))
    [link] = [link for link in links if "/o/" in link]
    assert read_token(link.split("/")[-2]).campaign_id == kept.campaign_id
    words = notice.text(language)
    for said in (
        words.title,
        words.summary,
        words.effect,
        words.right,
        words.kinds["profile"]["label"],
    ):
        assert said in text
    assert "TOKEN" not in text + html
    # What was kept is what was sent, the tokens apart.
    for part, whole in ((text, kept.text), (html, kept.html)):
        token = r"/[A-Za-z0-9_-]{59}/"
        assert re.sub(token, "/…/", part) == re.sub(token, "/…/", whole)
    assert len(data) < 30_000


@pytest.mark.parametrize("language", ["en", "de", "fr"])
def test_seven_bits_and_short_lines(arrived, language):
    """No server has to encode it anew, which would break a signature (RFC 6376, section 5.3)."""
    data = arrived(language=language)
    assert data.isascii()
    assert b"\0" not in data
    assert not re.search(rb"(?<!\r)\n|\r(?!\n)", data)
    assert max(map(len, data.split(b"\r\n"))) <= 200
    body = data.partition(b"\r\n\r\n")[2]
    assert max(map(len, body.split(b"\r\n"))) <= 76
    for part in parsed(data).iter_parts():
        assert part["Content-Transfer-Encoding"] == "quoted-printable"
        assert not part.defects


def test_staffs_words_in_every_script(arrived):
    subject = "Ваше право: “возразить” – ÄÖÜ ✔ " * 5
    intro = "Größe & <b>Maß</b> = 100 % {operator}\n.\nFrom here: --=_privacydash_notice--"
    data = arrived(texts={"en": {"subject": subject, "intro": intro}})
    message = parsed(data)
    assert message["Subject"] == " ".join(subject.split())
    assert all(len(line) <= 78 for line in header(data, "Subject").splitlines())
    text, html = (part.get_content().replace("\r\n", "\n") for part in message.iter_parts())
    assert "Größe & <b>Maß</b> = 100 % Example Network\n.\nFrom here" in text
    assert "Größe &amp; &lt;b&gt;Maß&lt;/b&gt; = 100 % Example Network<br>.<br>From here" in html
    assert len(list(message.iter_parts())) == 2


def test_under_18_with_their_own_words(arrived):
    texts = {"en": {"subject": "For all", "minor_subject": "For you", "minor_intro": "Hi!"}}
    message = parsed(arrived(texts=texts, is_minor=True))
    assert message["Subject"] == "For you"
    text = message.get_body(("plain",)).get_content()
    assert "Hi!" in text
    assert "Your objection stays when you turn 18." in text


class TestInjection:
    """What stands in a header stays in that header."""

    @pytest.mark.parametrize("line", ["\r\n", "\n", "\r", "\u2028", "\x0b", "\x85"])
    def test_in_a_title_or_a_subject(self, notice, member, line):
        subject = f"Notice{line}Bcc: everybody@example.org{line}{line}<h1>Hi</h1>"
        nobody = {"link": "", "reminders_link": "", "words": Words(subject=subject)}
        written = write(member, notice, **nobody)
        message = Message(
            campaign=Campaign(notice=notice), subject=written.subject, text="x", html="x"
        )
        data = build(message)(Personal(b"a@b.c", b"now", b"1", b"2", b"3"))
        assert parsed(data)["Bcc"] is None
        assert "Bcc: everybody@example.org" in parsed(data)["Subject"]
        assert header(data, "Subject")

    @pytest.mark.parametrize("line", ["\r\n", "\n"])
    def test_in_the_operators_name(self, notice, member, server, settings, line):
        """Nothing is sent rather than a mail to somebody else."""
        campaign = running(notice)
        settings.DEFAULT_FROM_EMAIL = f"Net{line}Bcc: x@example.org <privacy@network.example>"
        sending.send(campaign.pk)
        assert server.received == []
        assert Recipient.objects.get().state == "pending"

    def test_in_the_operators_name_that_needs_quotes(self, notice, member, server, settings):
        settings.DEFAULT_FROM_EMAIL = '"Network, Inc. \\"Bcc: <x@y.z>\\"" <privacy@network.example>'
        sending.send(running(notice).pk)
        [sender] = server.received[0].parsed["From"].addresses
        assert sender.addr_spec == "privacy@network.example"
        assert sender.display_name == 'Network, Inc. "Bcc: <x@y.z>"'

    def test_in_the_words_for_a_language(self, notice):
        texts = {"en": {"subject": "A\r\nBcc: x@example.org"}}
        with pytest.raises(ValidationError, match="one line"):
            make_campaign(notice, texts=texts)


class TestAddresses:
    def test_with_letters_beyond_ascii(self, arrived, server):
        """SMTPUTF8 (RFC 6531): the address stands in the header as it is."""
        data = arrived("jörg@bücher.example")
        assert "SMTPUTF8" in server.received[0].options
        assert "To: jörg@xn--bcher-kva.example\r\n".encode() in data

    def test_a_server_that_cannot(self, notice, settings):
        make_member("jörg@example.org")
        make_member("anna@example.org")
        with mail_server(utf8=False) as (behaviour, mailers):
            settings.MAILERS = mailers
            sending.send(running(notice).pk)
        assert behaviour.to() == ["anna@example.org"]
        row = Recipient.objects.exclude(reply="").get()
        assert (row.state, row.reply) == ("failed", "The mail server cannot do SMTPUTF8.")

    @pytest.mark.parametrize(
        "email",
        ["a+b_c.d-e!#$%&'*/=?^`{|}~@example.org", "x" * 64 + "@example.org", "a@sub.example.co.uk"],
    )
    def test_good(self, email):
        address = address_of(email)
        assert (address.text, address.utf8) == (email, False)

    @pytest.mark.parametrize(
        "email",
        ["", "a", "@example.org", "a@", "a@b c", "a b@c.de", "a@-b.de", "a@b..de", ".a@b.de",
         "a.@b.de", "a@b.de\r\nX: y", "a\n@b.de", "a\0@b.de", "a@b\0.de", '"a"@b.de', "a<b>@c.de",
         "a,b@c.de", "a\u2028b@c.de", "a@\ud800.de", "x" * 1_000_000 + "@b.de", "a@" + "b" * 300],
    )  # fmt: skip
    def test_bad(self, email):
        assert address_of(email) is None


def test_another_mail_backend_gets_the_same_mail(notice, member, settings):
    """Django's own in memory; it stands for every backend that builds or takes a message."""
    settings.MAILERS = {"default": {"BACKEND": "django.core.mail.backends.locmem.EmailBackend"}}
    sending.send(running(notice).pk)
    [sent] = mail.outbox
    row = Recipient.objects.get()
    assert row.state == "sent"
    assert sent.to == ["anna@example.org"]
    assert sent.extra_headers["Message-ID"] == message_id(row)
    assert sent.metadata == {"message_id": message_id(row)}
    data = sent.message().as_bytes()
    assert header(data, "List-Unsubscribe") == sent.extra_headers["List-Unsubscribe"]
    plain = parsed(data).get_body(("plain",)).get_content()
    assert plain.splitlines() == sent.body.splitlines()


class TestMessageIds:
    def test_the_same_whenever_it_is_sent(self, notice, member):
        running(notice)
        row = Recipient.objects.get()
        assert message_id(row) == message_id(row)
        assert recipient_of(message_id(row)) == row
        assert recipient_of(message_id(row).strip("<>")) == row

    def test_after_a_rotation_of_keys(self, notice, member, settings):
        running(notice)
        old = message_id(Recipient.objects.get())
        settings.LINK_KEYS = ["a-new-key-0123456789", *settings.LINK_KEYS]
        assert recipient_of(old) == Recipient.objects.get()

    @pytest.mark.parametrize(
        "change",
        [lambda x: x.replace("<", "<1"), lambda x: x[:10] + "0" + x[11:], lambda x: x + "x",
         lambda x: "", lambda x: "\0", lambda x: "x" * 1_000_000, lambda x: x.replace("@", " @")],
    )  # fmt: skip
    def test_forged(self, notice, member, change):
        running(notice)
        good = message_id(Recipient.objects.get())
        assert change(good) == good or recipient_of(change(good)) is None
