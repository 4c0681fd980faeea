"""STARTTLS, sign-in and DKIM, as a mail server in production asks for them."""

from base64 import b64encode

import dkim
import pytest
from cryptography.hazmat.primitives import serialization

from campaigns import sending, signing
from campaigns.tests.campaigns import running
from campaigns.tests.certificates import pem
from campaigns.tests.mail_server import mail_server

pytestmark = pytest.mark.django_db


@pytest.fixture
def strict(settings, certificate, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", certificate[0])
    with mail_server(certificate=certificate) as (behaviour, mailers):
        settings.MAILERS = mailers
        yield behaviour


def test_over_tls_and_signed_in(notice, member, strict):
    sending.send(running(notice).pk)
    assert strict.to() == [member.email]
    assert strict.signed_in == [b"site"]


def test_a_wrong_password_stops_the_campaign_and_says_so(notice, member, strict, settings):
    settings.MAILERS["default"]["OPTIONS"]["password"] = "wrong"
    campaign = running(notice)
    sending.send(campaign.pk)
    campaign.refresh_from_db()
    assert "535" in campaign.problem
    assert "wrong" not in campaign.problem
    assert strict.to() == []


def test_a_certificate_that_is_not_trusted(notice, member, strict, monkeypatch):
    monkeypatch.delenv("SSL_CERT_FILE")
    campaign = running(notice)
    sending.send(campaign.pk)
    campaign.refresh_from_db()
    assert "CERTIFICATE_VERIFY_FAILED" in campaign.problem


def test_dkim_signs_both_headers_of_one_click(notice, member, server, settings, key, tmp_path):
    file = tmp_path / "dkim.pem"
    file.write_bytes(pem(key))
    settings.DKIM_DOMAIN, settings.DKIM_SELECTOR = "network.example", "s1"
    settings.DKIM_KEY_FILE = str(file)
    signing._key.cache_clear()
    sending.send(running(notice).pk)
    data = server.received[0].data
    public = key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    record = b"v=DKIM1; k=rsa; p=" + b64encode(public)

    def look_up(name, timeout=5):
        assert name == b"s1._domainkey.network.example."
        return record

    assert dkim.verify(data, dnsfunc=look_up)
    assert not dkim.verify(data.replace(b"One-Click", b"Two-Click"), dnsfunc=look_up)
    head = data.partition(b"From:")[0].lower()
    assert b"list-unsubscribe :" in head
    assert b"list-unsubscribe-post" in head
