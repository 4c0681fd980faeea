"""What mail services report, as they post it: counted once, and by whoever knows the secret."""

import hashlib
import hmac
import importlib
import json
import time
from base64 import b64encode

import pytest
from anymail.signals import AnymailTrackingEvent, tracking
from django.core.checks import run_checks
from django.urls import clear_url_caches
from django.utils import timezone

from campaigns import outcomes, sending
from campaigns.message_ids import message_id
from campaigns.models import NoReminders, Recipient, Undeliverable
from campaigns.tests.campaigns import running
from consent.models import Told

pytestmark = pytest.mark.django_db

SECRET = "anymail:a-secret-that-is-long-enough-to-count"
AUTH = {"Authorization": "Basic " + b64encode(SECRET.encode()).decode()}
KEY = "a-signing-key-of-mailgun"


@pytest.fixture
def mounted(settings):
    """The site's addresses as they are with webhooks configured."""
    settings.ANYMAIL_WEBHOOKS = ["postmark", "mailgun"]
    settings.ANYMAIL = {"WEBHOOK_SECRET": [SECRET], "MAILGUN_WEBHOOK_SIGNING_KEY": KEY}
    urls = importlib.reload(importlib.import_module(settings.ROOT_URLCONF))
    clear_url_caches()
    yield
    settings.ANYMAIL_WEBHOOKS = []
    importlib.reload(urls)
    clear_url_caches()


@pytest.fixture
def sent(notice, member, server):
    sending.send(running(notice).pk)
    return Recipient.objects.get()


def by_postmark(recipient, **values):
    """https://postmarkapp.com/developer/webhooks/bounce-webhook"""
    return {
        "RecordType": "Bounce",
        "MessageStream": "outbound",
        "ID": 4323372036854775807,
        "Type": "HardBounce",
        "TypeCode": 1,
        "Name": "Hard bounce",
        "Tag": "",
        "MessageID": "883953f4-6105-42a2-a16a-77a8eac79483",
        "Metadata": {"message_id": message_id(recipient)},
        "ServerID": 23,
        "Description": "The server was unable to deliver your message",
        "Details": "smtp;550 5.1.1 <anna@example.org> does not exist",
        "Email": "anna@example.org",
        "From": "privacy@network.example",
        "BouncedAt": "2019-11-05T16:33:54.9070259Z",
        "DumpAvailable": True,
        "Inactive": True,
        "CanActivate": True,
        "Subject": "Notice",
        **values,
    }


def by_mailgun(recipient, **values):
    """https://documentation.mailgun.com/docs/mailgun/user-manual/events/webhooks"""
    at, token = str(int(time.time())), "0123456789abcdef" * 3
    signature = hmac.new(KEY.encode(), f"{at}{token}".encode(), hashlib.sha256).hexdigest()
    return {
        "signature": {"timestamp": at, "token": token, "signature": signature},
        "event-data": {
            "event": "failed",
            "severity": "permanent",
            "reason": "bounce",
            "id": "G9Bn5sl1TC6nu79C8C0bwg",
            "timestamp": time.time(),
            "recipient": "anna@example.org",
            "delivery-status": {
                "code": 550, "enhanced-code": "5.1.1", "description": "",
                "message": "5.1.1 The email account that you tried to reach does not exist.",
            },
            "message": {"headers": {"message-id": message_id(recipient).strip("<>")}},
            "user-variables": {},
            **values,
        },
    }  # fmt: skip


def post(client, service, payload, headers=AUTH):
    return client.post(
        f"/anymail/{service}/tracking/",
        payload if isinstance(payload, bytes) else json.dumps(payload),
        content_type="application/json",
        headers=headers,
    )


@pytest.mark.usefixtures("mounted")
class TestPostmark:
    def test_a_hard_bounce_twice(self, client, sent, member):
        for _ in range(2):
            assert post(client, "postmark", by_postmark(sent)).status_code == 200
        row = Recipient.objects.get()
        assert (row.state, row.reply) == ("bounced", "smtp;550 5.1.1 … does not exist")
        assert Undeliverable.objects.get().email == member.email
        assert Told.objects.get().first is None

    def test_a_full_mailbox_does_not_condemn_the_address(self, client, sent):
        soft = {"Type": "SoftBounce", "Details": "smtp;552 5.2.2 over quota"}
        post(client, "postmark", by_postmark(sent, **soft))
        assert Recipient.objects.get().state == "failed"
        assert not Undeliverable.objects.exists()

    def test_a_complaint(self, client, sent):
        spam = {"RecordType": "SpamComplaint", "Type": "SpamComplaint"}
        post(client, "postmark", by_postmark(sent, **spam))
        assert NoReminders.objects.get().how == "complained"

    def test_a_delivery(self, client, sent):
        payload = by_postmark(sent, RecordType="Delivery", DeliveredAt="2019-11-05T16:33:54Z")
        Recipient.objects.update(state="pending", sent_at=None)
        assert post(client, "postmark", payload).status_code == 200
        assert Recipient.objects.get().state == "sent"

    @pytest.mark.parametrize(
        "values",
        [
            {"RecordType": "Open"},
            {"RecordType": "Moon"},
            {"Type": "Transient"},
            {"RecordType": "SubscriptionChange", "Type": "SomethingNew"},
        ],
    )
    def test_what_does_not_matter(self, client, sent, values):
        before = Recipient.objects.values().get()
        assert post(client, "postmark", by_postmark(sent, **values)).status_code == 200
        assert Recipient.objects.values().get() == before

    @pytest.mark.parametrize("metadata", [{}, None, [], {"message_id": "<1.1.00@x>"}])
    def test_of_a_mail_that_is_not_ours(self, client, sent, metadata):
        if metadata is not None:
            payload = by_postmark(sent, Metadata=metadata)
        else:
            payload = {k: v for k, v in by_postmark(sent).items() if k != "Metadata"}
        client.raise_request_exception = False
        assert post(client, "postmark", payload).status_code in {200, 500}
        assert Recipient.objects.get().state == "sent"

    @pytest.mark.parametrize(
        "headers", [{}, {"Authorization": "Basic eDp5"}, {"Authorization": "Bearer x"}]
    )
    def test_without_the_secret(self, client, sent, headers):
        assert post(client, "postmark", by_postmark(sent), headers).status_code == 400
        assert Recipient.objects.get().state == "sent"

    def test_a_get(self, client):
        assert client.get("/anymail/postmark/tracking/", headers=AUTH).status_code == 405

    def test_a_failure_of_ours_is_reported_again(self, client, sent, monkeypatch):
        client.raise_request_exception = False
        with monkeypatch.context() as patch:
            patch.setattr(outcomes, "came_back", lambda *args, **kwargs: 1 / 0)
            assert post(client, "postmark", by_postmark(sent)).status_code == 500
        assert post(client, "postmark", by_postmark(sent)).status_code == 200
        assert Recipient.objects.get().state == "bounced"


@pytest.mark.usefixtures("mounted")
class TestMailgun:
    def test_by_the_message_id_that_the_mail_had(self, client, sent):
        assert post(client, "mailgun", by_mailgun(sent)).status_code == 200
        assert Recipient.objects.get().state == "bounced"

    def test_a_delay(self, client, sent):
        post(client, "mailgun", by_mailgun(sent, severity="temporary"))
        assert Recipient.objects.get().state == "sent"

    def test_a_wrong_signature(self, client, sent):
        payload = by_mailgun(sent)
        payload["signature"]["timestamp"] += "0"
        assert post(client, "mailgun", payload).status_code == 400
        assert Recipient.objects.get().state == "sent"

    @pytest.mark.parametrize("junk", [b"", b"\0", b"{", b"[]", b"x" * 1_000_000])
    def test_junk(self, client, sent, junk):
        client.raise_request_exception = False
        assert post(client, "mailgun", junk).status_code in {400, 500}


def test_a_clock_that_is_ahead(sent):
    future = timezone.now() + timezone.timedelta(days=400)
    event = AnymailTrackingEvent(
        event_type="complained", timestamp=future, message_id=message_id(sent)
    )
    tracking.send(sender=None, event=event, esp_name="Test")
    assert Recipient.objects.get().complained_at <= timezone.now()


def test_there_are_no_such_addresses_unless_configured(client):
    for path in ("/anymail/postmark/tracking/", "/anymail/mailgun/inbound/"):
        assert client.post(path, "{}", content_type="application/json").status_code == 404


def test_only_the_services_that_are_named(client, mounted):
    for path in ("/anymail/mandrill/", "/anymail/postmark/inbound/"):
        assert client.post(path, "{}", content_type="application/json").status_code == 404


def test_a_service_that_does_not_exist(settings):
    settings.ANYMAIL_WEBHOOKS = ["postmark", "pigeons"]
    [problem] = [found for found in run_checks() if found.id == "campaigns.E002"]
    assert "'pigeons'" in problem.msg
