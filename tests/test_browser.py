"""A real Chromium on the real site: sign in, object, watch the stores confirm, allow again."""

import email
import email.policy
import io
import re

import pytest
from playwright.sync_api import expect
from pypdf import PdfReader

from tests.chromium import sign_in
from tests.site import wait_for

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


def press_tab_until(page, wanted):
    """Moves the focus to where ``wanted`` (JavaScript over ``e``, the focused element) holds."""
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate(f"(e => {wanted})(document.activeElement)"):
            return
    pytest.fail(f"the keyboard does not reach: {wanted}")


def test_the_whole_way_with_the_keyboard_alone(visit, site):
    page = visit()
    page.goto("/")
    press_tab_until(page, "e.matches('a.button')")
    page.keyboard.press("Enter")
    page.wait_for_url("**/accounts/login/**")
    press_tab_until(page, "e.matches('input[name=login]')")
    page.keyboard.type("urs@demo.example")
    press_tab_until(page, "e.matches('input[type=password]')")
    page.keyboard.type(site.password)
    page.keyboard.press("Enter")
    expect(page.locator("#choice")).to_be_visible()
    press_tab_until(page, "e.value === 'objected'")
    page.keyboard.press("Enter")
    expect(page.locator("#choice-heading")).to_be_focused()
    press_tab_until(page, "e.value === 'allowed'")
    page.wait_for_timeout(1_000)  # a second press at once counts as half of a double click
    page.keyboard.press("Space")
    expect(page.locator("#choice button[value=objected]")).to_be_visible()
    press_tab_until(page, "e.matches('#history a[href*=receipt]')")


def test_what_has_changed_is_announced(visit, states):
    page = visit(cookies=states.cookies("mouse"))
    page.goto("/")
    expect(page.locator("#announcer[role=status]")).to_have_text("")
    object_button(page).click()
    expect(page.locator("#announcer")).to_contain_text("Saved.")
    expect(page.locator("#announcer")).to_contain_text("confirmed", timeout=20_000)


def test_the_whole_way_by_a_mailed_code(visit, states):
    site, page = states.site, visit(expects=["404"])
    page.goto("/accounts/login/code/")
    page.locator("main input[type=email]").fill("code@states.example")
    page.locator("main button[type=submit]").first.click()
    page.wait_for_url("**/confirm/")
    code = wait_for(lambda: mailed_code(site, "code@states.example"))
    page.locator("main input[name=code]").fill(code)
    page.locator("main button[type=submit]").first.click()
    expect(page.get_by_text("Private messages", exact=True)).to_be_visible()
    object_button(page).click()
    expect(page.get_by_text("All systems have confirmed")).to_be_visible(timeout=20_000)
    assert site.stored("state-code") == "objected"
    receipt = page.context.request.get("/receipt/1.json").text()
    page.goto("/verify/")
    page.locator("main textarea").fill(receipt)
    page.locator("main button[type=submit]").click()
    expect(page.get_by_text("state-code").first).to_be_visible()
    page.goto("/")
    page.get_by_role("button", name="Allow the use again").click()
    expect(object_button(page)).to_be_visible()
    expect(page.locator("#history li")).to_have_count(2)
    page.get_by_role("link", name="The text that you saw").last.click()
    expect(page.get_by_text("kept as it was shown")).to_be_visible()


def mailed_code(site, address):
    """The code in the newest mail to the address."""
    for path in sorted((site.data / "mail").glob("*.eml"), reverse=True):
        message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
        if message["To"] == address:
            body = message.get_body(("plain",)).get_content()
            return re.search(r"^ +(\S+)$", body, re.MULTILINE)[1]
    return None


def test_the_whole_way_by_a_mail_link(visit, states):
    """Without an account, and without being signed in by it."""
    page = visit()
    page.goto(states.link("link"))
    expect(page.get_by_text("without signing in")).to_be_visible()
    page.wait_for_timeout(2_500)  # faster is what mail scanners are
    object_button(page).click()
    expect(page.get_by_role("heading", name="You have objected")).to_be_visible()
    wait_for(lambda: states.site.stored("state-link") == "objected")
    assert [cookie["name"] for cookie in page.context.cookies()] == ["csrftoken"]


def test_another_language_on_the_mail_page(visit, states):
    page = visit()
    page.goto(states.link("link-mouse"))
    page.locator(".languages summary").click()
    page.locator(".languages button[lang=de]").click()
    expect(page.locator("html")).to_have_attribute("lang", "de")
    assert page.url.endswith(states.link("link-mouse"))


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


def test_a_receipt_prints_on_one_sheet_and_its_file_verifies(visit, site, tmp_path):
    page = visit(java_script_enabled=False, viewport={"width": 320, "height": 700})
    sign_in(page, site, "noor@demo.example")
    object_button(page).click()
    page.goto("/receipt/1/")
    margins = dict.fromkeys(("top", "right", "bottom", "left"), "12mm")
    for paper in ("A4", "Letter"):
        printed = page.pdf(format=paper, margin=margins)
        assert len(PdfReader(io.BytesIO(printed)).pages) == 1
    with page.expect_download() as download:
        page.get_by_role("link", name="Download as JSON").click()
    download.value.save_as(tmp_path / "receipt.json")
    page.goto("/verify/")
    page.get_by_label("choose the JSON file").set_input_files(tmp_path / "receipt.json")
    page.get_by_role("button", name="Check").click()
    expect(page.get_by_text("This receipt is real.")).to_be_visible()
    page.get_by_label("Paste the receipt").fill("my receipt")
    page.get_by_role("button", name="Check").click()
    expect(page.get_by_role("alert")).to_contain_text("This is not a receipt from us.")


def test_all_data_is_taken_away_and_deleted_without_javascript(visit, states, tmp_path):
    site, page = states.site, visit(java_script_enabled=False)
    page.goto("/my-data/delete/")  # asks for a sign-in, and comes back
    page.locator("form[action*=code] input[type=email]").fill("leaving@states.example")
    page.get_by_role("button", name="Send me a code").click()
    page.locator("input[name=code]").fill(mailed_code(site, "leaving@states.example"))
    page.locator("form:has(input[name=code]) button").click()
    page.get_by_role("link", name="Object first").click()
    object_button(page).click()
    expect(page.get_by_role("heading", name="You have objected")).to_be_visible()
    page.goto("/my-data/")
    with page.expect_download() as download:
        page.get_by_role("link", name="File to read").click()
    file = tmp_path / "my-data.html"
    download.value.save_as(file)
    assert "leaving@states.example" in file.read_text()
    page.get_by_role("link", name="Delete my data here").click()
    page.get_by_role("button", name="Delete my data for good").click()
    expect(page.get_by_role("heading", name="Your data here is deleted")).to_be_visible()
    page.goto("/my-data/")
    expect(page).to_have_url(f"{site.url}/accounts/login/?next=/my-data/")
    wait_for(lambda: site.stored("state-leaving") == "objected", what="told all the same")
