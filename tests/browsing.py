"""A real Chromium on the real site, shared by all browser tests, with members in every state."""

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.chromium import ChromiumMissingError, chromium
from tests.site import Site, running_site

# Run in the site's own data by `manage.py shell`; prints what the tests need to know.
_MEMBERS = """
import json, time, uuid
from datetime import timedelta
from django.conf import settings
from django.test import Client
from django.utils import timezone
from accounts.models import Member
from consent.dashboard import current_notice
from consent.links import Link, make_token
from ledger.append import NewChoice, append
from ledger.models import Channel, Decision, Entry
from propagation.models import Cursor, Parked

notice = current_notice()
today = timezone.localdate()
notice.rollouts.get(region="ch").pause(by="tests", reason="asked by the authority")
notice.rollouts.get(region="gb").reschedule(
    today + timedelta(days=30), by="tests", reason="announced anew"
)

def choose(ref, decision, ago=timedelta()):
    append(NewChoice(
        member_ref=ref, purpose=settings.PURPOSE, decision=decision, channel=Channel.DASHBOARD,
        request_id=uuid.uuid4(), recorded_at=timezone.now() - ago,
        notice_version=notice.version, notice_language="en",
    ))

people = {}
for state, country, fields in [
    ("since", "DE", {}), ("before", "GB", {}), ("paused", "CH", {}), ("elsewhere", "US", {}),
    ("unknown", "", {}), ("disputed", "DE", {"stated_country": "US"}),
    ("minor", "IE", {"is_minor": True}), ("objected", "FR", {}), ("allowed", "FR", {}),
    ("delayed", "AT", {}), ("link", "IE", {}), ("link-objected", "IE", {}), ("keyboard", "IE", {}),
    ("code", "IE", {}), ("cut", "IE", {}), ("script-free", "IE", {}), ("mouse", "IE", {}),
    ("leaving", "IE", {}),
    ("scanned", "IE", {}), ("link-mouse", "IE", {}), ("link-keyboard", "IE", {}),
    ("link-script-free", "IE", {}), ("link-quick", "IE", {}), ("link-old", "IE", {}),
    ("link-forwarded", "IE", {}), ("link-doubted", "IE", {}), ("link-drawn", "IE", {}),
]:
    member = Member.objects.create_user(
        f"{state}@states.example", member_ref=f"state-{state}", country=country, **fields
    )
    browser = Client()
    browser.force_login(member)
    people[state] = {
        "session": browser.cookies[settings.SESSION_COOKIE_NAME].value,
        "token": make_token(Link(member.pk, notice.pk)),
    }
for state in ("objected", "allowed", "link-objected"):
    choose(f"state-{state}", Decision.OBJECTED)
choose("state-allowed", Decision.ALLOWED)
choose("state-delayed", Decision.OBJECTED, timedelta(hours=20))
# Refused by one store for long, which only shows once the store has the choices after it.
while not Cursor.objects.filter(
    store="affiliates", position__gte=Entry.objects.count()
).exists():
    time.sleep(0.2)
Parked.objects.create(
    store="affiliates", partition=0, member_ref="state-delayed", purpose=settings.PURPOSE,
    revision=1, reason="not known there", parked_at=timezone.now(),
    retry_at=timezone.now() + timedelta(days=1),
)
print("PEOPLE" + json.dumps(people))
"""


@dataclass(frozen=True)
class States:
    """Members of the running site by the state that they are in."""

    site: Site
    people: dict[str, dict[str, str]]

    @classmethod
    def prepared(cls, site: Site) -> "States":
        printed = site.manage("shell", "-v0", "-c", _MEMBERS)
        return cls(site, json.loads(printed.partition("PEOPLE")[2]))

    def cookies(self, state: str) -> list[dict[str, str]]:
        """What signs the member in."""
        session = self.people[state]["session"]
        return [{"name": "sessionid", "value": session, "url": self.site.url}]

    def link(self, state: str) -> str:
        """The path of the member's mail link."""
        return f"/o/{self.people[state]['token']}/"


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    try:
        with chromium() as browser:
            yield browser
    except ChromiumMissingError as error:
        pytest.fail(str(error)) if os.environ.get("CI") == "true" else pytest.skip(str(error))


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory, browser: Browser) -> Iterator[Site]:
    with running_site(tmp_path_factory.mktemp("browser") / "data") as site:
        yield site


@pytest.fixture(scope="session")
def states(site: Site) -> States:
    return States.prepared(site)


# As _MEMBERS; the demo's staff as after a sign-in with the second factor.
_STAFF = """
import json
from django.conf import settings
from django.test import Client
from accounts.models import Member
from desk.management.commands.seed_demo import STAFF, SUPERUSER
from tests.people import sign_in_staff

sessions = {}
for email in (*STAFF, SUPERUSER):
    browser = Client()
    sign_in_staff(browser, Member.objects.get(email=email))
    name = email.partition("@")[0]
    sessions[name] = browser.cookies[settings.SESSION_COOKIE_NAME].value
print("STAFF" + json.dumps(sessions))
"""


def staff_cookies_of(site: Site) -> Callable[[str], list[dict[str, str]]]:
    """What signs in one of the demo's staff by name, such as "agent"; "staff" is the superuser."""
    printed = site.manage("shell", "-v0", "-c", _STAFF)
    sessions = json.loads(printed.partition("STAFF")[2])
    return lambda name: [{"name": "sessionid", "value": sessions[name], "url": site.url}]


@pytest.fixture(scope="session")
def staff_cookies(site: Site) -> Callable[[str], list[dict[str, str]]]:
    """``visit(cookies=staff_cookies("agent"))``."""
    return staff_cookies_of(site)


@pytest.fixture
def visit(browser: Browser, site: Site) -> Iterator[Callable[..., Page]]:
    """Opens a page; afterwards nothing may have been complained about or fetched elsewhere.

    ``cookies`` sign a member in, ``expects`` are words of complaints that belong to the test.
    """
    contexts, complaints, expected = [], [], []

    def visit(*, expects: Any = (), cookies: Any = (), **options: Any) -> Page:
        expected.extend(expects)
        options = {"base_url": site.url, "locale": "en-GB", **options}
        context = browser.new_context(**options)
        context.add_cookies(list(cookies))
        contexts.append(context)
        page = context.new_page()
        # A breach of the content security policy is a console message too.
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "request",
            lambda request: request.url.startswith(site.url) or complaints.append(request.url),
        )
        return page

    yield visit
    for context in contexts:
        context.close()
    assert [c for c in complaints if not any(words in c for words in expected)] == []
