"""Campaigns in admin, in a real browser: usable by everybody, under the strict CSP, live."""

import re

import pytest

from tests.campaigning import Campaigning
from tests.site import wait_for
from tests.test_quality import barriers

pytestmark = [pytest.mark.browser, pytest.mark.timeout(400)]


@pytest.fixture(scope="module")
def campaigning(site):
    return Campaigning.prepared(site)


@pytest.fixture
def signed_in(visit, campaigning):
    def sign_in(name, **options):
        return visit(cookies=campaigning.cookies(name), reduced_motion="reduce", **options)

    return sign_in


def unfold(page, action):
    page.locator("summary").filter(has_text=re.compile(f"^{action}$")).click()


def unfold_all(page):
    page.evaluate("document.querySelectorAll('main details').forEach(e => { e.open = true })")


def test_nothing_keeps_anybody_out(signed_in, campaigning):
    page = signed_in("kim", viewport={"width": 320, "height": 700}, expects=["422"])
    found = []
    for name, path in (
        ("list", "/admin/campaigns/campaign/"),
        ("add", "/admin/campaigns/campaign/add/"),
        ("edit", campaigning.path("draft", "change/")),
        ("draft", campaigning.path("draft")),
        ("prepared", campaigning.path("prepared")),
        ("paused", campaigning.path("paused")),
        ("preview", campaigning.path("paused", "preview/?language=ja")),
        ("report", campaigning.path("paused", "report/")),
        ("stop", "/admin/campaigns/campaign/stop/"),
        ("launch", f"/admin/consent/rollout/{campaigning.found['rollout']}/launch/"),
    ):
        page.goto(path)
        unfold_all(page)
        found += barriers(page, name)
    assert found == []


def test_what_went_wrong_is_in_reach_too(signed_in, campaigning):
    page = signed_in("kim", expects=["422 (Unprocessable"])
    page.goto(campaigning.path("prepared"))
    unfold(page, "Release")
    page.get_by_role("button", name="Release").click()
    assert "no text in some languages" in page.get_by_role("alert").inner_text()
    found = list(barriers(page, "release refused"))
    page.goto("/admin/campaigns/campaign/add/")
    page.locator("input[name=text_de_subject]").evaluate("e => e.value = 'Dear {name}'")
    page.locator("textarea[name=countries]").fill("Atlantis")
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_text("There is no country 'Atlantis'.").wait_for()
    assert page.locator("textarea[name=countries]").input_value() == "Atlantis"
    assert [*found, *barriers(page, "form with errors")] == []


def test_numbers_come_up_without_a_reload(signed_in, campaigning):
    """A count that workers do comes up by itself."""
    page = signed_in("jo")
    page.goto(campaigning.path("draft"))
    assert page.get_by_text("Not counted yet.").is_visible()
    unfold(page, "Count the audience")
    page.get_by_role("button", name="Count the audience").click()
    page.locator("#live").get_by_text("By region").wait_for(timeout=60_000)
    assert re.search(r"6\d\d members, as counted at", page.locator("#live").inner_text())


def test_without_script(signed_in, campaigning):
    page = signed_in("kim", java_script_enabled=False)
    page.goto(campaigning.path("paused"))
    page.get_by_role("link", name="Reload").click()
    assert page.locator("svg[role=img]").count() == 3
    unfold(page, "Resume")
    page.get_by_role("button", name="Resume").click()
    page.get_by_text("It goes on where it was.").wait_for()
    unfold(page, "Pause")
    page.locator("textarea[name=pause-reason]").fill("Again")
    page.get_by_role("button", name="Pause").click()
    page.get_by_text("It is paused").wait_for()


def test_the_preview_is_drawn(signed_in, campaigning):
    page = signed_in("kim")
    page.goto(campaigning.path("paused", "preview/?language=de&country=AT"))
    frames = page.locator("iframe")
    assert frames.count() == 4
    for number in range(4):
        frames.nth(number).scroll_into_view_if_needed()
    drawn = wait_for(
        lambda: [f for f in page.frames[1:] if "Guten Tag!" in f.content()][3:], what="4 mails"
    )
    assert drawn

    def paper(frame):
        return frame.evaluate("getComputedStyle(document.body).backgroundColor")

    assert {paper(frame) for frame in page.frames[1:]} == {"rgb(244, 247, 247)", "rgb(16, 24, 27)"}
