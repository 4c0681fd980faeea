"""What a confirmation says: what was chosen, when, how, what holds now, how to undo it."""

import re
from datetime import UTC, datetime

import pytest
from django.utils import translation
from django.utils.translation import gettext

from consent.confirmation_mail import NoNotice, confirmation_mail
from consent.models import Rollout
from ledger.models import Channel, Decision, Entry
from tests.people import choose, make_member

pytestmark = [pytest.mark.django_db]


@pytest.fixture(autouse=True)
def _published(notice):
    """A change that has started, so that the words do not depend on the day."""
    Rollout.objects.update(announced_on="2025-09-18", starts_on="2025-11-03")


def mail_about(member, *choices, which=-1, **values):
    """The mail about one of these choices, made in this order."""
    for decision in choices or (Decision.OBJECTED,):
        choose(member.member_ref, decision, **values)
    return confirmation_mail(member, list(Entry.objects.order_by("pk"))[which])


def html_of(mail):
    return " ".join(mail.alternatives[0].content.split())


def both(mail):
    """The mail's two forms; each has to say everything."""
    return [" ".join(mail.body.split()), html_of(mail)]


def test_an_objection_on_the_page(member, notice):
    at = datetime(2026, 11, 24, 13, 5, tzinfo=UTC)
    mail = mail_about(member, recorded_at=at)
    text = notice.text("en")
    assert mail.subject == "You have objected – Example Network"
    assert mail.to == ["anna@example.org"]
    for words in both(mail):
        assert "You have objected" in words
        assert text.purpose_name in words
        assert re.search(r"Saved on 24 November 2026\D+13:05", words)
        assert "on the privacy page" in words
        assert "This started on 3 November 2025" in words
        assert text.effect in words
        assert text.not_undone in words
        assert "press “Allow the use again”" in words
        assert "Was this not you?" not in words
        assert "another choice" not in words


def test_an_objection_by_a_link_may_be_somebody_elses(member):
    for words in both(mail_about(member, channel=Channel.MAIL_LINK)):
        assert "by the link in a mail" in words
        assert "Was this not you? Somebody else may have used your link" in words
        assert "press “Allow the use again”" in words


def test_allowing(member, notice):
    mail = mail_about(member, Decision.OBJECTED, Decision.ALLOWED)
    assert mail.subject == "You have allowed this use – Example Network"
    for words in both(mail):
        assert "use your data for this, unless you object" in words
        assert notice.text("en").right in words
        assert "press “I object”" in words


def test_what_holds_now_is_said_even_if_the_mail_comes_late(member, notice):
    mail = mail_about(
        member, Decision.OBJECTED, Decision.ALLOWED, which=0, channel=Channel.MAIL_LINK
    )
    for words in both(mail):
        assert "You have objected" in words
        assert "You have made another choice after this one" in words
        assert "use your data for this, unless you object" in words
        assert notice.text("en").effect not in words
        assert "You can undo it" not in words
        assert "press “I object”" in words


@pytest.mark.parametrize("channel", Channel)
def test_every_way_has_words(member, channel):
    for words in both(mail_about(member, channel=channel)):
        assert "How: " in words
        assert f"How: {channel.value}" not in words


def test_undoing_needs_a_sign_in_and_leads_to_the_choice(member, client, settings):
    mail = mail_about(member)
    link = re.search(r"http\S+/accounts/login/\S+", mail.body)[0]
    assert f'href="{link}"' in html_of(mail)
    path = link.removeprefix(settings.SITE_URL)
    assert client.get(path).status_code == 200
    client.force_login(member)
    assert client.get(path).url == "/"
    assert b"Allow the use again" in client.get("/").content


def test_no_link_in_it_changes_anything_by_itself(member, client, settings):
    client.force_login(member)
    mail = mail_about(member)
    links = set(re.findall(r'href="(http[^"]+)"', mail.alternatives[0].content))
    assert len(links) >= 2
    for link in links:
        client.get(link.removeprefix(settings.SITE_URL), follow=True)
    assert Entry.objects.count() == 1


def test_the_receipt(member, settings):
    mail = mail_about(member, Decision.OBJECTED, Decision.ALLOWED)
    for words in (mail.body, html_of(mail)):
        assert f"{settings.SITE_URL}/receipt/2/" in words


def test_a_choice_about_another_purpose_has_no_receipt_here(member, notice, settings):
    settings.PURPOSE = "something-else"
    assert "/receipt/" not in mail_about(member).body


@pytest.mark.parametrize(
    ("own", "seen", "language"),
    [("de-AT", "fr", "de"), ("", "fr", "fr"), ("xx", "fr", "fr"), ("fr", "", "fr")],
)
def test_in_the_members_language_else_that_of_the_choice(own, seen, language, notice):
    member = make_member("x@example.org", "GB", language=own)
    mail = mail_about(member, notice_language=seen)
    assert mail.extra_headers["Content-Language"] == language
    assert f'<html lang="{language}">' in mail.alternatives[0].content
    with translation.override(language):
        assert gettext("You have objected") in mail.subject
        assert gettext("You have objected") in mail.body
    assert notice.text(language).effect in mail.body


def test_the_same_mail_has_the_same_id(member):
    ids = {mail_about(member).extra_headers["Message-ID"] for _ in range(2)}
    assert len(ids) == 1


def test_without_a_notice_there_are_no_words(member):
    with pytest.raises(NoNotice):
        mail_about(member, purpose="something-else")
