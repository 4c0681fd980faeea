"""The privacy officer's pages in a real browser: for everybody to use, under the strict policy."""

import zipfile

import pytest
from playwright.sync_api import expect

from tests.officer import Office
from tests.site import wait_for
from tests.test_quality import barriers

pytestmark = [pytest.mark.browser, pytest.mark.timeout(400)]


@pytest.fixture(scope="module")
def office(states):
    return Office.prepared(states.site)


def test_nothing_keeps_anybody_out(visit, office):
    found = []
    page = visit(cookies=office.cookies, reduced_motion="reduce")
    for name, path in office.pages.items():
        assert page.goto(path).status == 200
        found += barriers(page, name)
    assert found == []


def test_the_preview_is_the_page_of_the_member_and_dead(visit, office):
    page = visit(cookies=office.cookies, expects=["sandboxed"])
    page.goto(office.pages["notice-preview"])
    frame = page.frame_locator("iframe")
    button = frame.get_by_role("button", name="Ich widerspreche")
    expect(button).to_be_visible()
    styled = button.evaluate("e => getComputedStyle(e).backgroundColor")
    assert styled != "rgba(0, 0, 0, 0)"  # the site's own style sheet has come
    button.click()
    page.wait_for_timeout(500)
    expect(button).to_be_visible()
    page.get_by_label("State of the member").select_option("minor")
    page.get_by_role("button", name="Show").click()
    expect(frame.get_by_text("unter 18").first).to_be_visible()


def test_written_proposed_and_taken_back(visit, office):
    page = visit(cookies=office.cookies)
    page.goto(office.pages["notice-text"])
    page.get_by_label("Title", exact=False).first.fill("KI-Training: Sie können widersprechen")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved.")).to_be_visible()
    page.goto(office.pages["notice-diff"])
    expect(page.locator("ins").first).to_be_visible()
    page.goto(office.pages["notice"])
    page.get_by_role("link", name="Propose for publishing").click()
    page.get_by_role("button", name="Yes").click()
    expect(page.get_by_text("Somebody else can publish it now.")).to_be_visible()
    expect(page.locator("input[name=_save]")).to_have_count(0)
    page.get_by_role("link", name="Take the proposal back").click()
    page.get_by_role("button", name="Yes").click()
    expect(page.get_by_text("is a draft again")).to_be_visible()


def test_a_pack_is_downloaded_without_a_script(visit, office, tmp_path):
    page = visit(cookies=office.cookies, java_script_enabled=False, accept_downloads=True)

    def there():
        page.goto(office.pages["packs"])
        return page.get_by_role("link", name="Download").count()

    wait_for(there, seconds=60)
    with page.expect_download() as started:
        page.get_by_role("link", name="Download").first.click()
    path = tmp_path / "pack.zip"
    started.value.save_as(path)
    with zipfile.ZipFile(path) as packed:
        assert {"index.html", "manifest.json", "SHA256SUMS"} <= set(packed.namelist())
        (tmp_path / "index.html").write_bytes(packed.read("index.html"))
    offline = visit(expects=["file://"])
    offline.goto(f"file://{tmp_path / 'index.html'}")
    expect(offline.get_by_role("heading", name="Evidence pack")).to_be_visible()
    assert [*barriers(offline, "index.html")] == []
