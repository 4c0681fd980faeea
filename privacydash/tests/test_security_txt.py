"""security.txt is what RFC 9116 asks for."""

from datetime import datetime, timedelta

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.utils import timezone

from privacydash import env

PAGE = "/.well-known/security.txt"


def fields(client):
    answer = client.get(PAGE)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    return [line.split(": ", 1) for line in answer.content.decode().splitlines()]


def test_who_is_told_and_until_when_it_counts(client, settings):
    found = dict(fields(client))
    assert found["Contact"] == f"mailto:{settings.OPERATOR_PRIVACY_EMAIL}"
    assert found["Preferred-Languages"] == "en"
    assert found["Canonical"] == f"{settings.SITE_URL}{PAGE}"
    expires = datetime.fromisoformat(found["Expires"])
    assert timezone.now() < expires < timezone.now() + timedelta(days=366)
    assert "Policy" not in found


def test_by_settings(client, settings):
    settings.SECURITY_CONTACTS = ["https://network.example/report", "mailto:security@x.example"]
    settings.SECURITY_LANGUAGES = ["en", "de"]
    settings.SECURITY_POLICY_URL = "https://network.example/policy"
    names = [name for name, _value in fields(client)]
    assert names.count("Contact") == 2
    assert names.count("Expires") == names.count("Preferred-Languages") == 1
    assert ["Preferred-Languages", "en, de"] in fields(client)
    assert ["Policy", "https://network.example/policy"] in fields(client)


def test_it_takes_no_post(client):
    assert client.post(PAGE).status_code == 405


@pytest.mark.parametrize(
    ("given", "contact"),
    [
        ("security@network.example", "mailto:security@network.example"),
        ("https://network.example/report", "https://network.example/report"),
        ("tel:+353-1-4711", "tel:+353-1-4711"),
    ],
)
def test_a_contact_is_an_address_of_the_web(monkeypatch, given, contact):
    monkeypatch.setenv("SECURITY_CONTACTS", given)
    assert env.contacts("SECURITY_CONTACTS", []) == [contact]


@pytest.mark.parametrize("given", ["us", "http://network.example/", "javascript:x", ","])
def test_a_contact_that_is_none(monkeypatch, given):
    monkeypatch.setenv("SECURITY_CONTACTS", given)
    with pytest.raises(ImproperlyConfigured, match="SECURITY_CONTACTS"):
        env.contacts("SECURITY_CONTACTS", [])
