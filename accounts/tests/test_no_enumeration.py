"""Nobody can find out by asking whether an address has an account."""

import re
from collections.abc import Callable
from unittest.mock import patch

import pytest
from django.contrib.auth.hashers import get_hasher
from django.core import mail
from django.test import Client
from django.urls import reverse

from accounts.models import Member

KINDS = ("unknown", "password", "code", "inactive")


@pytest.fixture
def addresses(db: None) -> list[str]:
    """One address of each kind, all of one length."""
    Member.objects.create_user("password@example.org", "lamp river seven", member_ref="m1")
    Member.objects.create_user("codecode@example.org", member_ref="m2")
    Member.objects.create_user(
        "inactive@example.org", "lamp river seven", member_ref="m3", is_active=False
    )
    return [
        "unknown1@example.org",
        "password@example.org",
        "codecode@example.org",
        "inactive@example.org",
    ]


def seen(url: str, data: Callable[[str], dict[str, str]], address: str) -> list[object]:
    """All that a browser gets: statuses, addresses, headers, cookies' names, and the pages."""
    client = Client()
    found: list[object] = []
    response = client.post(url, data(address))
    for _redirect in range(3):
        text = re.sub(r'(csrfmiddlewaretoken" value=")[^"]+', r"\1", response.content.decode())
        headers = {k: v for k, v in response.headers.items() if k not in {"Expires", "Date"}}
        found.append((response.status_code, headers, text.replace(address, "ADDRESS")))
        if response.status_code != 302:
            break
        response = client.get(response.headers["Location"])
    found.append(sorted(client.cookies))
    found.append(sorted(client.session.keys()))
    return found


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("account_login", lambda a: {"login": a, "password": "wrong words here"}),
        ("account_request_login_code", lambda a: {"email": a}),
        ("account_reset_password", lambda a: {"email": a}),
    ],
)
def test_same_answer(
    addresses: list[str], name: str, data: Callable[[str], dict[str, str]]
) -> None:
    first, *others = [seen(reverse(name), data, address) for address in addresses]
    for kind, other in zip(KINDS[1:], others, strict=True):
        assert other == first, kind


@pytest.mark.parametrize("name", ["account_request_login_code", "account_reset_password"])
def test_same_work(addresses: list[str], name: str) -> None:
    """A mail goes to each address, so that the time does not tell either."""
    for address in addresses:
        Client().post(reverse(name), {"email": address})
    assert [message.to for message in mail.outbox] == [[address] for address in addresses]
    unknown, *_known, inactive = mail.outbox
    assert unknown.body == inactive.body
    assert "no account with this address" in " ".join(str(unknown.body).split())


def test_password_is_hashed_for_every_address(addresses: list[str]) -> None:
    counts = []
    hasher = type(get_hasher())
    for address in addresses:
        with patch.object(hasher, "encode", autospec=True, side_effect=hasher.encode) as encode:
            Client().post(
                reverse("account_login"), {"login": address, "password": "wrong words here"}
            )
        counts.append(encode.call_count)
    assert len(set(counts)) == 1, dict(zip(KINDS, counts, strict=True))


def test_wrong_codes_look_the_same(addresses: list[str]) -> None:
    pages = []
    for address in addresses:
        client = Client()
        client.post(reverse("account_request_login_code"), {"email": address})
        tries = [
            client.post(reverse("account_confirm_login_code"), {"code": "XXXXXX"}, follow=True)
            for _try in range(3)
        ]
        pages.append([(t.status_code, t.redirect_chain) for t in tries])
    assert all(page == pages[0] for page in pages)
