"""What the links in a campaign's mail do: count the visit of a person, and leave reminders."""

import io
import logging
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from campaigns.models import NoReminders, Recipient
from campaigns.tests.campaigns import running
from consent import told
from consent.links import REMINDERS, Link, make_token
from consent.models import Told
from ledger.models import CurrentChoice

pytestmark = pytest.mark.django_db

NONSENSE = ["x", "x" * 59, "%00" * 20, "x" * 10_000]


@pytest.fixture
def campaign(notice, member):
    return running(notice)


@pytest.fixture
def token(campaign, notice, member):
    return make_token(Link(member.pk, notice.pk, campaign.pk))


@pytest.fixture
def leaving(campaign, notice, member):
    return make_token(Link(member.pk, notice.pk, campaign.pk), REMINDERS)


class TestSeen:
    def test_counted_once(self, client, token, member):
        url = reverse("seen_by_link", args=[token])
        assert [client.post(url).status_code for _ in range(2)] == [204, 204]
        row, told = Recipient.objects.get(), Told.objects.get(member=member)
        assert row.seen_at == told.seen_at == told.first[0]
        assert not CurrentChoice.objects.exists()
        assert client.post(url).cookies == {}

    def test_fetching_the_page_counts_nothing(self, client, token):
        for _ in range(2):
            page = client.get(reverse("object_by_link", args=[token]))
            assert page.headers["Referrer-Policy"] == "strict-origin"
        assert b"seen.js" in page.content
        assert client.get(reverse("seen_by_link", args=[token])).status_code == 405
        assert Recipient.objects.get().seen_at is None
        assert not Told.objects.exists()

    def test_a_link_of_no_campaign(self, client, notice, member, other):
        url = reverse("seen_by_link", args=[make_token(Link(other.pk, notice.pk))])
        assert client.post(url).status_code == 204
        assert Told.objects.get().member == other

    def test_of_another_campaigns_member(self, client, campaign, notice, other):
        url = reverse("seen_by_link", args=[make_token(Link(other.pk, notice.pk, campaign.pk))])
        client.post(url)
        assert Recipient.objects.get().seen_at is None

    @pytest.mark.parametrize("bad", NONSENSE)
    def test_nonsense(self, client, campaign, bad):
        assert client.post(f"/o/{bad}/seen/").status_code == 404

    def test_after_any_number_of_reminders(self, client, campaign, token, notice, member, settings):
        """Each link keeps working, in the member's language, and counts for its own campaign."""
        type(member).objects.update(language="de")
        told.mail_accepted(notice, [member.pk], timezone.now() - timedelta(days=30))
        reminders = [running(notice, name=f"Reminder {n}", told="unanswered") for n in range(3)]
        tokens = [make_token(Link(member.pk, notice.pk, one.pk)) for one in reminders]
        settings.LINK_KEYS = ["a-newer-key-0123456789", *settings.LINK_KEYS]
        for each in [token, *tokens]:
            page = client.get(reverse("object_by_link", args=[each]))
            assert (page.status_code, page["Content-Language"]) == (200, "de")
        client.post(reverse("seen_by_link", args=[tokens[1]]))
        seen = Recipient.objects.exclude(seen_at=None)
        assert [row.campaign for row in seen] == [reminders[1]]

    def test_it_is_not_logged(self, client, token, leaving):
        """By what all processes log with, also where Django logs an address by itself."""
        [handler] = [h for h in logging.getLogger().handlers if h.get_name() == "console"]
        stream = handler.setStream(io.StringIO())
        try:
            for path in (f"/o/{token}/", f"/o/{token}/seen/", f"/r/{leaving}/"):
                client.put(path)
                client.get(path + "nothing/")
                client.get(path.replace("/o/", "/%6f/").replace("/r/", "/%72/") + "nothing/")
            said = handler.stream.getvalue()
        finally:
            handler.setStream(stream)
        assert "/o/…" in said
        assert "/r/…" in said
        assert token not in said
        assert leaving not in said

    def test_a_link_that_leaves_reminders_is_no_such_link(self, client, leaving):
        assert client.post(reverse("seen_by_link", args=[leaving])).status_code == 404
        assert client.post(reverse("object_by_link", args=[leaving])).status_code == 404


class TestReminders:
    def test_one_click(self, client, leaving, member):
        """As RFC 8058 has mail programs do it: no cookie, no page before, this body."""
        url = reverse("reminders", args=[leaving])
        for _ in range(2):
            answer = client.post(url, {"List-Unsubscribe": "One-Click"})
            assert answer.status_code == 200
            assert answer.headers["Referrer-Policy"] == "strict-origin"
        assert NoReminders.objects.get(member=member).how == "asked"
        assert not CurrentChoice.objects.exists()

    def test_the_page_asks_before(self, client, leaving):
        url = reverse("reminders", args=[leaving])
        assert b"Stop the reminders" in client.get(url).content
        assert not NoReminders.objects.exists()
        client.post(url)
        page = client.get(url).content.decode()
        assert "You will get no more reminders." in page
        assert "This is not an objection" in page

    def test_a_link_that_objects_is_no_such_link(self, client, token):
        assert client.post(reverse("reminders", args=[token])).status_code == 404
        assert not NoReminders.objects.exists()

    @pytest.mark.parametrize("bad", NONSENSE)
    def test_nonsense(self, client, campaign, bad):
        assert client.post(f"/r/{bad}/").status_code == 404

    def test_a_member_who_is_gone(self, client, leaving, member):
        member.delete()
        assert client.post(reverse("reminders", args=[leaving])).status_code == 404

    def test_wrong_method(self, client, leaving):
        assert client.put(reverse("reminders", args=[leaving])).status_code == 405

    def test_without_a_csrf_cookie(self, leaving, member):
        from django.test import Client

        client = Client(enforce_csrf_checks=True)
        assert client.post(reverse("reminders", args=[leaving])).status_code == 200
        assert NoReminders.objects.exists()
