"""Staff sign in by the operator's identity provider, where one is set; members never do."""

from collections.abc import Iterator
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialAccount
from django.test import Client
from django.urls import reverse

from accounts.models import Member
from accounts.tests.identity_provider import CLIENT, SECRET, Provider, running
from tests.people import make_member

pytestmark = pytest.mark.django_db

ADMIN = reverse("admin:index")
LOGIN = reverse("account_login")
START = reverse("openid_connect_login", args=["staff"])
CALLBACK = reverse("openid_connect_callback", args=["staff"])
CLAIMS = {"sub": "4711", "email": "Agent@Staff.example", "email_verified": True}


@pytest.fixture
def provider(settings: Any) -> Iterator[Provider]:
    with running() as provider:
        provider.claims = dict(CLAIMS)
        app = {
            "provider_id": "staff", "name": "Acme", "client_id": CLIENT, "secret": SECRET,
            "settings": {"server_url": provider.url},
        }  # fmt: skip
        settings.SSO_ISSUER, settings.SSO_NAME = provider.url, "Acme"
        settings.SOCIALACCOUNT_PROVIDERS = {
            "openid_connect": {"OAUTH_PKCE_ENABLED": True, "APPS": [app]}
        }
        yield provider


@pytest.fixture
def agent(db: None) -> Member:
    return make_member("agent@staff.example", is_staff=True)


def come_by_sso(client: Client, provider: Provider, **query: str) -> Any:
    start = client.get(START, {"next": ADMIN, **query})
    back = provider.authorize(start.headers["Location"])
    return client.get(back.replace("http://testserver", ""))


def signed_in(client: Client) -> bool:
    return "_auth_user_id" in client.session


def test_staff_come_in_and_still_need_the_second_factor(
    client: Client, provider: Provider, agent: Member
) -> None:
    for _time in range(2):  # known to the provider by now
        client = Client()
        assert come_by_sso(client, provider).headers["Location"] == ADMIN
        assert client.session["_auth_user_id"] == str(agent.pk)
        asked = client.get(ADMIN).headers["Location"]
        assert asked.startswith(reverse("mfa_index"))
        assert "Set one up now" in client.get(asked).content.decode()
    assert SocialAccount.objects.get().user == agent
    assert not EmailAddress.objects.exists()


def refused(client: Client, provider: Provider) -> None:
    answer = come_by_sso(client, provider)
    assert answer.status_code == 403
    assert "You are not signed in" in answer.content.decode()
    assert not signed_in(client)


@pytest.mark.parametrize(
    "claims",
    [
        {"email": "somebody@else.example"},
        {"email": ""},
        {"email_verified": False},
        {"email_verified": None},
        {"email_verified": "true"},
    ],
)
def test_others_do_not(
    client: Client, provider: Provider, agent: Member, claims: dict[str, object]
) -> None:
    provider.claims |= claims
    refused(client, provider)
    assert Member.objects.count() == 1
    assert not SocialAccount.objects.exists()


def test_members_do_not(client: Client, provider: Provider, member: Member) -> None:
    provider.claims["email"] = member.email
    refused(client, provider)


@pytest.mark.parametrize("field", ["is_staff", "is_active"])
def test_nor_who_has_left(client: Client, provider: Provider, agent: Member, field: str) -> None:
    come_by_sso(Client(), provider)
    Member.objects.filter(pk=agent.pk).update(**{field: False})
    refused(client, provider)


def test_nor_who_takes_over_an_address(client: Client, provider: Provider, agent: Member) -> None:
    """The same person of the provider with the address of a colleague."""
    come_by_sso(Client(), provider)
    provider.claims["email"] = make_member("boss@staff.example", is_staff=True).email
    refused(client, provider)


def test_it_connects_nobody_who_is_signed_in(
    client: Client, provider: Provider, agent: Member, member: Member
) -> None:
    client.force_login(member)
    answer = come_by_sso(client, provider, process="connect")
    assert answer.status_code == 403
    assert not SocialAccount.objects.exists()


def test_an_answer_that_this_browser_did_not_ask_for(
    client: Client, provider: Provider, agent: Member
) -> None:
    back = provider.authorize(Client().get(START).headers["Location"])
    answer = client.get(back.replace("http://testserver", ""))
    assert answer.status_code == 401
    assert not signed_in(client)


@pytest.mark.parametrize("query", [{}, {"error": "access_denied"}, {"code": "x"}, {"state": "x"}])
def test_answers_that_are_none(client: Client, provider: Provider, query: dict[str, str]) -> None:
    assert client.get(CALLBACK, query).status_code == 401


def test_the_provider_is_away(client: Client, provider: Provider) -> None:
    provider.broken = True
    assert client.get(START).status_code == 503


def test_it_leads_nowhere_else(client: Client, provider: Provider, agent: Member) -> None:
    answer = come_by_sso(client, provider, next="https://evil.example/")
    assert answer.headers["Location"] == reverse("dashboard")


def test_only_the_way_to_admin_shows_it(client: Client, provider: Provider) -> None:
    assert "Staff: sign in with Acme" in client.get(LOGIN, {"next": ADMIN}).content.decode()
    for query in ({}, {"next": "/"}, {"next": "/my-data/"}):
        assert "Acme" not in client.get(LOGIN, query).content.decode()


@pytest.mark.parametrize("url", [START, CALLBACK, START.replace("staff", "other")])
def test_without_a_provider_there_is_nothing(client: Client, db: None, url: str) -> None:
    assert client.get(url).status_code == 404
    assert "Staff:" not in client.get(LOGIN, {"next": ADMIN}).content.decode()


def test_it_takes_no_post(client: Client, provider: Provider) -> None:
    assert client.post(START).status_code == client.post(CALLBACK).status_code == 405
