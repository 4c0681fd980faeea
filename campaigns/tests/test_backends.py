"""Mail backends other than Django's SMTP: the same guarantees, in their own words."""

from typing import ClassVar

import pytest
from anymail.message import AnymailRecipientStatus
from django.core import mail
from django.core.mail.backends.base import BaseEmailBackend

from campaigns import carriers, sending
from campaigns.message_ids import message_id
from campaigns.models import Recipient
from campaigns.tests.campaigns import running, states

pytestmark = pytest.mark.django_db


class ServiceError(Exception):
    """As anymail's: with the answer's status code."""

    def __init__(self, status_code):
        super().__init__(f"answered {status_code}")
        self.status_code = status_code


class Backend(BaseEmailBackend):
    """Fails for some addresses, in the ways of the class."""

    errors: ClassVar[dict] = {}
    taken: ClassVar[list] = []

    def send_messages(self, messages):
        for message in messages:
            if error := self.errors.get(message.to[0]):
                raise error
            self.taken.append(message)
        return len(messages)


@pytest.fixture
def backend(settings):
    settings.MAILERS = {"default": {"BACKEND": f"{__name__}.Backend"}}
    Backend.errors, Backend.taken = {}, []
    return Backend


def send(campaign):
    sending.send(campaign.pk)
    campaign.refresh_from_db()


def test_all_is_well(notice, member, other, backend):
    send(running(notice))
    assert len(backend.taken) == 2
    assert set(states().values()) == {"sent"}


def test_one_that_the_service_does_not_take(notice, member, other, backend):
    backend.errors[member.email] = ServiceError(400)
    send(running(notice))
    assert states() == {"anna": "pending", "ben": "sent"}


@pytest.mark.parametrize("error", [ServiceError(503), ServiceError(401), OSError("no route")])
def test_the_service_is_away(notice, member, other, backend, error):
    backend.errors[member.email] = error
    campaign = running(notice)
    send(campaign)
    assert campaign.problem
    assert states() == {"anna": "pending", "ben": "pending"}


def test_nobody_can_tell(notice, member, other, backend):
    backend.errors[member.email] = TimeoutError()
    send(running(notice))
    row = Recipient.objects.get(member=member)
    assert (row.state, row.possibly_doubled) == ("pending", True)
    assert states()["ben"] == "sent"


class TestAnymail:
    @pytest.fixture(autouse=True)
    def anymail(self, settings):
        settings.MAILERS = {"default": {"BACKEND": "anymail.backends.test.EmailBackend"}}

    def test_what_it_gets(self, notice, member):
        send(running(notice))
        [sent] = mail.outbox
        row = Recipient.objects.get()
        assert row.state == "sent"
        parameters = sent.anymail_test_params
        assert parameters["metadata"] == {"message_id": message_id(row)}
        assert parameters["extra_headers"]["Message-ID"] == message_id(row)
        assert parameters["extra_headers"]["List-Unsubscribe"].startswith("<http")
        assert member.email in str(parameters["to"])
        assert "TOKEN" not in parameters["text_body"] + parameters["html_body"]

    @pytest.mark.parametrize(("status", "state"), [("invalid", "bounced"), ("rejected", "failed")])
    def test_whom_the_service_refuses(self, notice, member, other, monkeypatch, status, state):
        def response(message):
            if message.to == [member.email]:
                one = AnymailRecipientStatus(message_id="1", status=status)
                return {"recipient_status": {member.email: one}}
            raise AttributeError  # as if it were not there: the mail is sent

        name = "anymail_test_response"
        monkeypatch.setattr(carriers._KeptMail, name, property(response), raising=False)
        send(running(notice))
        assert states() == {"anna": state, "ben": "sent"}
