"""STARTTLS, sign-in and DKIM, as a mail server in production asks for them."""

from base64 import b64encode
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address

import dkim
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from campaigns import sending, signing
from campaigns.tests.campaigns import running
from campaigns.tests.mail_server import mail_server

pytestmark = pytest.mark.django_db


@pytest.fixture
def key():
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def pem(key):
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )


@pytest.fixture
def certificate(key, tmp_path):
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]),
            critical=False,
        )
        .sign(key, hashes.SHA256())
    )
    files = tmp_path / "certificate.pem", tmp_path / "key.pem"
    files[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    files[1].write_bytes(pem(key))
    return [str(file) for file in files]


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
