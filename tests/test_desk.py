"""A real Chromium at the support desk: the day of an agent, and nothing that keeps anybody out."""

import pytest
from playwright.sync_api import expect

from tests.site import wait_for
from tests.test_quality import barriers

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

_DORA = """
from tests.people import make_member
make_member("dora@desk.example", "IE", name="Dora Desk")
"""
FIND = "/admin/desk/memberpage/"
PAGES = {
    "agent": (
        FIND, f"{FIND}demo-9/", f"{FIND}demo-9/do/object/", f"{FIND}demo-9/do/receipt/",
        f"{FIND}demo-9/do/country/", f"{FIND}demo-9/do/request/", f"{FIND}demo-9/do/note/",
    ),
    "lead": (
        "/admin/desk/memberrequest/", "/admin/desk/memberrequest/1/change/",
        "/admin/desk/memberrequest/1/do/assign/", "/admin/desk/memberrequest/1/do/tick/",
        "/admin/desk/correction/", "/admin/desk/correction/1/change/",
        "/admin/desk/correction/1/do/agree/", "/admin/desk/staffaction/",
    ),
}  # fmt: skip


@pytest.fixture
def at_desk(visit, staff_cookies):
    return lambda who, **options: visit(cookies=staff_cookies(who), **options)


def open_page(page, ref):
    page.goto(f"{FIND}{ref}/")
    if page.get_by_text("Open for you because").count() == 0:
        page.get_by_label("Ticket number, or why you look").fill("ticket 4711")
        page.get_by_role("button", name="Open the page").click()
    expect(page.get_by_text("Open for you because: ticket 4711")).to_be_visible()


def test_an_agent_finds_a_member_and_records_their_letter(at_desk, site, tmp_path):
    letter = tmp_path / "letter.pdf"
    letter.write_bytes(b"%PDF-1.7 I object. Dora")
    site.manage("shell", "-v0", "-c", _DORA)
    page = at_desk("agent")
    page.goto(FIND)
    page.get_by_label("Find a member").fill("dora d")
    page.get_by_role("button", name="Find").click()
    expect(page.get_by_text("d•••@d•••.example")).to_be_visible()
    page.get_by_role("link", name="dora").click()
    expect(page.get_by_text("dora@desk.example")).to_have_count(0)
    open_page(page, "dora")
    expect(page.get_by_text("dora@desk.example").first).to_be_visible()
    page.get_by_role("link", name="Record an objection").click()
    page.get_by_label("How the member objected").select_option("letter")
    page.get_by_label("Evidence").set_input_files(letter)
    page.get_by_label("Reason").fill("letter of today")
    page.get_by_role("button", name="Record an objection").click()
    expect(page.get_by_text("recorded as choice 1").first).to_be_visible()
    wait_for(lambda: site.stored("dora") == "objected", what="told to the store")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download (pdf").click()
    assert download.value.suggested_filename.startswith("evidence-")
    page.get_by_role("link", name="Send a receipt again").click()
    page.get_by_label("Reason").fill("lost the mail")
    page.get_by_role("button", name="Send a receipt again").click()
    wait_for(lambda: mails_with(site, b"receipt-1.pdf"), what="mailed with the receipt")


def mails_with(site, words):
    return [mail for mail in (site.data / "mail").glob("*.eml") if words in mail.read_bytes()]


def test_what_the_member_sees_is_shown_and_nothing_in_it_works(at_desk, site):
    page = at_desk("agent")
    open_page(page, "demo-9")
    frame = page.frame_locator("iframe.desk-sees")
    expect(frame.get_by_role("heading", name="Sie haben widersprochen")).to_be_visible()
    for button in frame.get_by_role("button").all():
        expect(button).to_be_disabled()
    assert frame.locator("form, script, a[href], input").count() == 0
    assert site.stored("demo-9") == "objected"


def test_the_page_without_javascript_and_with_the_keyboard(at_desk):
    page = at_desk("agent", java_script_enabled=False)
    open_page(page, "demo-9")
    page.get_by_role("link", name="Write a note").focus()
    page.keyboard.press("Enter")
    page.get_by_label("Reason").fill("called back")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_text("The note is kept.")).to_be_visible()


@pytest.mark.parametrize("who", PAGES)
def test_nothing_keeps_anybody_out(at_desk, who):
    page = at_desk(who, reduced_motion="reduce")
    if who == "agent":
        page.goto(f"{FIND}demo-10/")
        assert list(barriers(page, "masked")) == []
        open_page(page, "demo-9")
    found = []
    for path in PAGES[who]:
        page.goto(path)
        found += barriers(page, path)
    assert found == [], "\n".join(found)
