"""The mail page believes a press of its button, and nothing that only looks like one."""

import re
import time

import pytest
from django.core import signing
from django.urls import reverse

from consent.links import Link, make_token
from consent.pressing import OLD, QUICK, SALT, page_value
from ledger.models import Entry

pytestmark = pytest.mark.django_db

CHROME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0"
HEADLESS = CHROME.replace("Chrome", "HeadlessChrome")
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"
SAFARI = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 Safari/604.1"
CHROME_ON_IOS = SAFARI.replace("Safari", "CriOS/142.0 Mobile/15E148 Safari")
FIREFOX_ON_IOS = SAFARI.replace("Safari", "FxiOS/145.0 Mobile/15E148 Safari")


@pytest.fixture
def path(member, notice):
    return reverse("object_by_link", args=[make_token(Link(member.pk, notice.pk))])


@pytest.fixture
def send(client, path):
    """Sends the form; 10 s after the page was shown, unless told otherwise."""

    def send(*, after=10, headers=None, **values):
        form = {"page": page_value(time.time() - after), "decision": "objected", **values}
        return client.post(path, {k: v for k, v in form.items() if v is not None}, headers=headers)

    return send


def counted(answer):
    assert answer.status_code == 302
    assert Entry.objects.get().channel == "mail_link"
    return True


def asked(answer):
    """Nothing is saved, the page says so, and offers the way on."""
    page = answer.content.decode()
    assert answer.status_code == 409
    assert not Entry.objects.exists()
    assert "Not saved yet." in page
    box = '<input type="checkbox" id="person" name="person" value="yes" required>'
    assert box in page
    assert page.count('value="objected"') == 1
    return True


def test_a_press(send):
    assert counted(send())


def test_the_first_page_asks_nothing(client, path):
    page = client.get(path).content.decode()
    assert "checkbox" not in page
    assert "Not saved" not in page
    assert page.count('name="decision"') == 1


@pytest.mark.parametrize("decision", [None, "", "allowed", "none", "\0", "x" * 1_000_000])
def test_the_button_itself_has_to_be_sent(send, decision):
    assert asked(send(decision=decision))


@pytest.mark.parametrize("after", [0, QUICK - 0.1, -60, OLD + 1])
def test_a_form_that_comes_too_soon_or_too_late(send, after):
    assert asked(send(after=after))


@pytest.mark.parametrize("after", [QUICK + 0.1, OLD - 10])
def test_a_form_that_comes_in_time(send, after):
    assert counted(send(after=after))


@pytest.mark.parametrize(
    "page",
    [
        None, "", "x", "\0", "x" * 1_000_000, page_value() + "x",
        signing.Signer(salt=SALT).sign("x:y"),
        signing.Signer(salt="other").sign(page_value().rpartition(":")[0]),
    ],
    ids=["none", "empty", "x", "nul", "megabyte", "changed", "nothing in it", "of another kind"],
)  # fmt: skip
@pytest.mark.parametrize("person", [None, "yes"])
def test_a_page_that_we_did_not_make(send, page, person):
    assert asked(send(page=page, person=person))


def test_a_script_that_saw_no_press(send):
    assert asked(send(press="awaited"))


@pytest.mark.parametrize("press", [None, "", "seen", "\0", "x" * 1_000_000])
def test_no_script_or_one_that_saw_a_press(send, press):
    assert counted(send(press=press))


SAYS_PRESSED = {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-User": "?1"}
SAYS_NOT_PRESSED = {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "navigate"}


@pytest.mark.parametrize("agent", [CHROME, FIREFOX, SAFARI])
def test_a_browser_that_says_it_was_pressed(send, agent):
    assert counted(send(headers={**SAYS_PRESSED, "User-Agent": agent}))


@pytest.mark.parametrize("agent", [CHROME, HEADLESS, FIREFOX])
def test_a_browser_that_says_it_was_not(send, agent):
    assert asked(send(headers={**SAYS_NOT_PRESSED, "User-Agent": agent}))


def test_a_chromium_that_calls_itself_something_else(send):
    headers = {**SAYS_NOT_PRESSED, "User-Agent": SAFARI, "Sec-CH-UA": '"Chromium";v="142"'}
    assert asked(send(headers=headers))


@pytest.mark.parametrize("agent", [SAFARI, CHROME_ON_IOS, FIREFOX_ON_IOS, ""])
def test_a_browser_that_may_not_know_how_to_say_it_is_not_asked_twice(send, agent):
    assert counted(send(headers={**SAYS_NOT_PRESSED, "User-Agent": agent}))


@pytest.mark.parametrize("agent", [CHROME, SAFARI])
def test_a_browser_that_says_nothing(send, agent):
    assert counted(send(headers={"User-Agent": agent}))


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_another_site_that_sends_the_form(send, site):
    headers = {"Sec-Fetch-Site": site, "Sec-Fetch-User": "?1", "User-Agent": CHROME}
    assert asked(send(headers=headers))


@pytest.mark.parametrize("after", [0, OLD + 1])
@pytest.mark.parametrize("press", ["", "awaited"])
@pytest.mark.parametrize("headers", [{}, {**SAYS_NOT_PRESSED, "User-Agent": CHROME}])
def test_the_box_is_a_persons_word(send, after, press, headers):
    assert counted(send(after=after, press=press, headers=headers, person="yes"))


def test_the_box_alone_is_no_press(send):
    assert asked(send(decision=None, person="yes"))


@pytest.mark.parametrize("person", ["", "no", "\0", "on", "x" * 1_000_000])
def test_what_is_no_tick(send, person):
    assert asked(send(after=0, person=person))


def test_the_second_page_is_fresh(client, send, path):
    page = re.search(r'name="page" value="([^"]+)"', send(after=OLD + 1).content.decode())[1]
    answer = client.post(path, {"page": page, "decision": "objected", "person": "yes"})
    assert counted(answer)


def test_whoever_has_objected_already_is_not_asked(client, send):
    assert counted(send())
    answer = send(after=0)
    assert b"You have objected. It is saved." in answer.content
    assert b"Not saved" not in answer.content
    assert Entry.objects.count() == 1
