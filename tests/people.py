"""Members, a published notice and stores for the tests of all apps."""

import copy
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
from consent.models import Notice, NoticeText, Purpose, starts_held
from desk.roles import Role
from ledger.append import Appended, NewChoice, append
from ledger.models import Channel, Decision

_default: dict[str, Any] = {}
"""The default notice, as it was loaded first."""


@pytest.fixture
def notice(db: None) -> Notice:
    """The default notice, published. It is loaded and checked once; after that only copied."""
    if not _default:
        notice = load_notice(DEFAULT, publish=True, by="tests")
        rollouts = list(notice.rollouts.all())
        histories = [rollout.history.get() for rollout in rollouts]
        _default.update(
            notice=copy.copy(notice), texts=list(notice.translations.all()), rollouts=rollouts,
            histories=histories,
        )  # fmt: skip
        return notice
    Purpose.objects.create(code=_default["notice"].purpose_id)
    notice = _copied(_default["notice"], published_at=None)
    notice.save()
    NoticeText.objects.bulk_create(_copied(text, notice=notice) for text in _default["texts"])
    for rollout, history in zip(_default["rollouts"], _default["histories"], strict=True):
        held = starts_held()
        region = _copied(rollout, notice=notice, held=held)
        region.save()
        _copied(history, rollout=region, held=held, at=timezone.now()).save()
    Notice.objects.update(published_at=timezone.now())
    notice.refresh_from_db()
    return notice


def _copied(row: Any, **changed: Any) -> Any:
    values = {field.attname: getattr(row, field.attname) for field in row._meta.fields}
    copied = type(row)(**copy.deepcopy({**values, "id": None}))
    for name, value in changed.items():
        setattr(copied, name, value)
    return copied


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
