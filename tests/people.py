"""Members, a published notice and stores for the tests of all apps."""

import time
import uuid
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.contrib.auth.models import Group
from django.test import Client
from django.utils import timezone

from accounts.models import Member
from consent.loading import DEFAULT, load_notice
from consent.models import Notice
from desk.roles import Role
from ledger.append import Appended, NewChoice, append
from ledger.models import Channel, Decision


@pytest.fixture
def notice(db: None) -> Notice:
    """The default notice, published."""
    return load_notice(DEFAULT, publish=True, by="tests")


@pytest.fixture
def member(db: None) -> Member:
    return make_member("anna@example.org", "DE")


@pytest.fixture
def other(db: None) -> Member:
    return make_member("ben@example.org", "FR")


@pytest.fixture
def staff(db: None) -> Callable[..., Client]:
    """Signs in somebody with these roles: ``staff(Role.AUDITOR)`` is a browser whose ``member``
    they are. ``name`` tells two with the same role apart."""

    def sign_in(*roles: Role, name: str = "") -> Client:
        ref = name or "-".join(role.value.lower().replace(" ", "-") for role in roles)
        person = make_member(f"{ref}@staff.example", is_staff=True)
        person.groups.set(Group.objects.filter(name__in=roles))
        browser = Client()
        sign_in_staff(browser, person)
        browser.member = person
        return browser

    return sign_in


def sign_in_staff(browser: Client, person: Member) -> None:
    """As after a sign-in with the second factor: for superusers, and staff without a role."""
    factor = Authenticator.objects.filter(user=person, type=Authenticator.Type.TOTP).first()
    factor = factor or TOTP.activate(person, generate_totp_secret()).instance
    browser.force_login(person)
    session = browser.session
    record = {"method": "mfa", "at": time.time(), "id": factor.pk, "type": "totp"}
    session["account_authentication_methods"] = [record]
    session["account_authentication_methods_user"] = str(person.pk)
    session.save()


def make_member(email: str, country: str = "DE", **fields: Any) -> Member:
    ref = email.partition("@")[0]
    return Member.objects.create_user(
        email, member_ref=ref, country=country, **{"language": "en", **fields}
    )


def choose(ref: str, decision: Decision = Decision.OBJECTED, **values: Any) -> Appended:
    """Append a choice as the dashboard would."""
    return append(
        NewChoice(
            **{
                "member_ref": ref,
                "purpose": "genai-training",
                "decision": decision,
                "channel": Channel.DASHBOARD,
                "request_id": uuid.uuid4(),
                "recorded_at": timezone.now(),
                **values,
            }
        )
    )


def toggle(ref: str, times: int) -> None:
    """Object, allow, object … so many times."""
    for number in range(times):
        choose(ref, Decision.ALLOWED if number % 2 else Decision.OBJECTED)


@pytest.fixture
def sql_store(settings: Any, tmp_path: Path) -> Callable[[], Any]:
    """One real store on SQLite, as ``DATA_STORES["sql"]``; returns what gives the store."""
    from propagation.registry import store_for

    settings.DATA_STORES = {
        "sql": {
            "BACKEND": "propagation.stores.sql.SqlStore",
            "LABEL": "Feature store",
            "SLA": timedelta(minutes=15),
            "OPTIONS": {"url": f"sqlite:///{tmp_path / 'store.sqlite3'}"},
        }
    }
    return lambda: store_for("sql")
