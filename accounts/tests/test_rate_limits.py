"""Guessing is slowed down, for all server processes together."""

import pytest
from django.core import mail
from django.core.cache import caches
from django.db import connection
from django.test import Client
from django.urls import reverse

from accounts.models import Member


def _another_process() -> None:
    """Forget what this process keeps of the cache; what lies in the database stays."""
    for alias in list(caches):
        if hasattr(caches._connections, alias):
            del caches[alias]


def test_passwords_for_one_address(member: Member) -> None:
    """After five wrong ones even the right one waits, from any browser and any process."""
    member.set_password("lamp river seven")
    member.save()
    url = reverse("account_login")
    for number in range(5):
        _another_process()
        Client(REMOTE_ADDR=f"192.0.2.{number}").post(
            url, {"login": member.email, "password": "wrong"}
        )
    _another_process()
    client = Client(REMOTE_ADDR="192.0.2.99")
    page = client.post(url, {"login": member.email, "password": "lamp river seven"})
    assert "Too many tries" in page.content.decode()
    assert "_auth_user_id" not in client.session


def test_unknown_addresses_are_limited_alike(db: None) -> None:
    url = reverse("account_login")
    for number in range(6):
        page = Client(REMOTE_ADDR=f"192.0.2.{number}").post(
            url, {"login": "nobody@example.org", "password": "wrong"}
        )
    assert "Too many tries" in page.content.decode()


@pytest.mark.parametrize("email", ["anna@example.org", "nobody@example.org"])
def test_codes_for_one_address(member: Member, email: str) -> None:
    for number in range(5):
        _another_process()
        page = Client(REMOTE_ADDR=f"192.0.2.{number}").post(
            reverse("account_request_login_code"), {"email": email}
        )
    assert page.status_code == 200
    assert "Too many tries" in page.content.decode()
    assert len(mail.outbox) == 3


@pytest.mark.parametrize("email", ["anna@example.org", "nobody@example.org"])
def test_reset_links_for_one_address(member: Member, email: str) -> None:
    for number in range(6):
        page = Client(REMOTE_ADDR=f"192.0.2.{number}").post(
            reverse("account_reset_password"), {"email": email}
        )
    assert page.status_code == 429
    assert "Too many tries" in page.content.decode()
    assert len(mail.outbox) == 5


def test_sign_ins_from_one_place(db: None) -> None:
    statuses = [
        Client().post(reverse("account_login"), {"login": "", "password": ""}).status_code
        for _try in range(31)
    ]
    assert statuses == [200] * 30 + [429]


def test_cache_table_is_made_by_migrate(db: None) -> None:
    assert "cache" in connection.introspection.table_names()
