"""Scanners of mail, as programs: they object for nobody. People, on the same page: they do."""

import email
import email.policy
import re
import urllib.parse
import urllib.request
from html.parser import HTMLParser

import pytest
from django.core.signing import Signer
from playwright.sync_api import expect

from consent.pressing import OLD, QUICK, SALT
from tests.site import _one, wait_for

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


def held(site, state):
    """What the ledger holds for a member; None for no choice."""
    return _one(
        site.data / "privacydash.sqlite3",
        "SELECT decision FROM ledger_currentchoice WHERE member_ref = ?",
        f"state-{state}",
    )


# --- programs without a browser ---


def ask(address, data=None, method=None, **headers):
    request = urllib.request.Request(address, data, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.read().decode()


class Forms(HTMLParser):
    """The fields of every form on a page, each with its value."""

    def __init__(self, page):
        super().__init__()
        self.found = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        if tag == "form":
            self.found.append({"action": values.get("action", ""), "fields": []})
        elif tag in {"input", "button"} and self.found and "name" in values:
            self.found[-1]["fields"].append({"tag": tag, **values})

    def filled(self, *, with_buttons):
        """(action, what is sent): each field as it is; a box only if it is ticked."""
        for form in self.found:
            sent = [
                (field["name"], field.get("value", ""))
                for field in form["fields"]
                if (with_buttons or field["tag"] == "input")
                and (field.get("type") != "checkbox" or "checked" in field)
            ]
            yield form["action"], urllib.parse.urlencode(sent).encode()


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("purpose", [{}, {"Sec-Purpose": "prefetch"}, {"Purpose": "preview"}])
def test_looking(states, method, purpose):
    ask(states.site.url + states.link("scanned"), method=method, **purpose)
    assert held(states.site, "scanned") is None


@pytest.mark.parametrize("with_buttons", [False, True])
def test_sending_every_form_at_once_and_those_of_the_answers(states, with_buttons):
    address = states.site.url + states.link("scanned")

    def send_all(page):
        forms = Forms(page).filled(with_buttons=with_buttons)
        return [ask(urllib.parse.urljoin(address, action), data) for action, data in forms]

    answers = send_all(ask(address))
    assert any("Not saved yet." in answer for answer in answers)
    for answer in answers:
        send_all(answer)
    assert held(states.site, "scanned") is None


# --- programs that are a browser ---

# Run by Playwright as by Puppeteer, each counts as a gesture of the user: Chromium says ?1.
WAYS = {
    "submit": "form => HTMLFormElement.prototype.submit.call(form)",
    "requestSubmit": "form => form.requestSubmit()",
    "requestSubmit with the button": "form => form.requestSubmit(form.querySelector('button'))",
    "click on every button": "form => form.querySelectorAll('button').forEach(b => b.click())",
    "click on everything": "form => form.querySelectorAll('*').forEach(e => e.click?.())",
}


@pytest.mark.parametrize("patience", [0, QUICK + 0.5])
@pytest.mark.parametrize("way", WAYS)
def test_a_browser_that_sends_every_form_by_a_script(visit, states, way, patience):
    """Also those of the page that it gets for an answer."""
    page = visit(expects=["409 (Conflict)"])
    page.goto(states.link("scanned"))
    for _ in ("the page", "its answer"):
        page.wait_for_timeout(patience * 1000)
        page.evaluate(f"[...document.forms].forEach({WAYS[way]})")
        page.wait_for_timeout(300)
        page.wait_for_load_state()
    assert held(states.site, "scanned") is None


def test_a_browser_with_a_script_in_each_page_from_the_start(visit, states):
    page = visit(expects=["409 (Conflict)"])
    page.add_init_script(
        """addEventListener("DOMContentLoaded", () => {
            sessionStorage.pages = Number(sessionStorage.pages || 0) + 1;
            if (sessionStorage.pages > 6) return;
            for (const button of document.querySelectorAll("form button")) button.click();
        })"""
    )
    posts = []
    page.on("request", lambda request: request.method == "POST" and posts.append(request.url))
    page.goto(states.link("scanned"), wait_until="commit")
    page.wait_for_timeout(4_000)
    assert states.site.url + states.link("scanned") in posts
    assert held(states.site, "scanned") is None


# --- people ---


def object_button(page):
    return page.get_by_role("button", name="I object")


def has_objected(page, states, state):
    expect(page.get_by_role("heading", name="You have objected. It is saved.")).to_be_visible()
    assert held(states.site, state) == "objected"
    return True


def test_a_person_with_a_mouse(visit, states):
    page = visit()
    page.goto(states.link("link-mouse"))
    expect(page.get_by_role("checkbox")).to_have_count(0)
    page.wait_for_timeout(QUICK * 1000)
    object_button(page).click()
    assert has_objected(page, states, "link-mouse")


@pytest.mark.parametrize("key", ["Enter", "Space"])
def test_a_person_with_a_keyboard(visit, states, key):
    state = {"Enter": "link-keyboard", "Space": "link-forwarded"}[key]
    page = visit()
    page.goto(states.link(state))
    page.wait_for_timeout(QUICK * 1000)
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.value") == "objected":
            break
    page.keyboard.press(key)
    assert has_objected(page, states, state)


def test_a_person_without_javascript(visit, states):
    page = visit(java_script_enabled=False)
    page.goto(states.link("link-script-free"))
    page.wait_for_timeout(QUICK * 1000)
    object_button(page).click()
    assert has_objected(page, states, "link-script-free")


def test_a_person_who_was_too_quick_ticks_the_box(visit, states):
    page = visit(expects=["409 (Conflict)"])
    page.goto(states.link("link-quick"))
    object_button(page).click()
    expect(page.get_by_role("alert")).to_contain_text("Not saved yet.")
    assert held(states.site, "link-quick") is None
    object_button(page).click()  # the browser itself points at the box
    expect(page.get_by_role("checkbox", name="I am the person who got this mail.")).to_be_focused()
    assert held(states.site, "link-quick") is None
    page.keyboard.press("Space")
    page.keyboard.press("Enter")
    assert has_objected(page, states, "link-quick")


def test_a_person_with_a_page_from_the_day_before_yesterday(visit, states):
    page = visit(expects=["409 (Conflict)"])
    page.goto(states.link("link-old"))
    signer = Signer(key=(states.site.data / "secret_key").read_text().strip(), salt=SALT)
    page.locator("input[name=page]").evaluate(
        "(field, value) => { field.value = value }", aged(signer, page)
    )
    object_button(page).click()
    expect(page.get_by_role("alert")).to_contain_text("Not saved yet.")
    page.get_by_role("checkbox", name="I am the person").check()
    object_button(page).click()
    assert has_objected(page, states, "link-old")


def aged(signer, page):
    """The page's own value, as it would be if it had been made two days earlier."""
    value = page.locator("input[name=page]").input_value()
    request_id, milliseconds = signer.unsign(value).split(":")
    return signer.sign(f"{request_id}:{int(milliseconds) - 2 * OLD * 1000}")


def test_what_somebody_else_did_by_a_forwarded_mail_comes_to_light(visit, states):
    """The mail about it leads to the button that takes it back, after a sign-in."""
    site = states.site
    wait_for(lambda: held(site, "link-forwarded") == "objected", what="the objection by keyboard")
    mail = wait_for(lambda: confirmation_to(site, "link-forwarded@states.example"))
    body = mail.get_body(("plain",)).get_content()
    assert "Was this not you?" in body
    link = re.search(r"http\S+/accounts/login/\S*", body)[0]
    stranger = visit()
    stranger.goto(link)
    expect(stranger.locator("input[type=password]")).to_be_visible()
    page = visit(cookies=states.cookies("link-forwarded"))
    page.goto(link)
    page.get_by_role("button", name="Allow the use again").click()
    expect(object_button(page)).to_be_visible()
    assert held(site, "link-forwarded") == "allowed"


def confirmation_to(site, address):
    for path in sorted((site.data / "mail").glob("*.eml")):
        mail = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
        if mail["To"] == address and mail["Subject"].startswith("You have objected"):
            return mail
    return None
