"""A real Chromium on the real site: sign in, object, watch the stores confirm, allow again."""

import pytest
from playwright.sync_api import expect

from tests.chromium import sign_in

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]


def object_button(page):
    return page.get_by_role("button", name="I object")


def test_sign_in_object_and_see_every_store_confirm(visit, site):
    page = visit()
    sign_in(page, site, "mary@demo.example")
    expect(page.get_by_text("Ireland").first).to_be_visible()
    swaps = []
    page.on("framenavigated", lambda frame: swaps.append(frame.url))
    object_button(page).click()
    expect(page.get_by_role("heading", name="You have objected")).to_be_visible()
    expect(page.get_by_text("All systems have confirmed")).to_be_visible(timeout=20_000)
    assert swaps == []  # in place, without loading the page again
    assert site.stored("demo-5") == "objected"
    polls = []
    page.on("request", lambda request: polls.append(request.url))
    page.wait_for_timeout(3_000)
    assert polls == []  # nothing is asked any more once all have confirmed
    page.get_by_role("button", name="Allow the use again").click()
    expect(object_button(page)).to_be_visible()
    expect(page.get_by_text("All systems have confirmed")).to_be_visible(timeout=20_000)
    assert site.stored("demo-5") == "allowed"


def test_without_javascript(visit, site):
    page = visit(java_script_enabled=False)
    sign_in(page, site, "sam@demo.example")
    object_button(page).click()
    expect(page.get_by_role("heading", name="You have objected")).to_be_visible()
    for _ in range(40):
        if page.get_by_text("All systems have confirmed").count():
            break
        page.wait_for_timeout(500)
        page.reload()
    assert site.stored("demo-3") == "objected"
    page.get_by_role("button", name="Allow the use again").click()
    expect(object_button(page)).to_be_visible()


def test_with_the_keyboard_alone(visit, site):
    page = visit()
    sign_in(page, site, "urs@demo.example")
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.value") == "objected":
            break
    page.keyboard.press("Enter")
    expect(page.locator("#choice button[value=allowed]")).to_be_visible()


def test_the_network_is_cut_and_the_page_does_not_say_saved(visit, site):
    page = visit(expects=["htmx:", "ERR_INTERNET_DISCONNECTED"])
    sign_in(page, site, "anna@demo.example")
    page.context.set_offline(True)
    page.locator("#choice button[value=objected]").click()
    expect(page.locator("#not-sent")).to_be_visible()
    assert page.locator("#choice button[value=allowed]").count() == 0
    page.context.set_offline(False)
    page.locator("#choice button[value=objected]").click()
    expect(page.locator("#choice button[value=allowed]")).to_be_visible()
    expect(page.locator("#not-sent")).to_be_hidden()


@pytest.mark.parametrize("width", [320, 1280])
def test_nothing_is_wider_than_the_screen(visit, site, width):
    page = visit(viewport={"width": width, "height": 800}, expects=["404 (Not Found)"])
    sign_in(page, site, "claire@demo.example")
    for path in ("/", "/en/notice/", "/accounts/logout/", "/o/wrong/"):
        page.goto(path)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
