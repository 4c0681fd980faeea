"""The HTML part as mail programs draw it: on a phone, in the dark, without images."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe

from campaigns.tests.campaigns import make_campaign
from campaigns.wording import Group, preview
from tests.chromium import ChromiumMissingError, chromium

pytestmark = [pytest.mark.browser, pytest.mark.django_db]

CONTRAST = """
() => {
  const channel = (value) => {
    const part = value / 255;
    return part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  };
  const light = (colour) => {
    const [r, g, b] = colour.match(/[\\d.]+/g).map(Number).map(channel);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = getComputedStyle(at).backgroundColor;
      if (!/, 0\\)$|transparent/.test(colour)) return colour;
    }
    return getComputedStyle(document.documentElement).backgroundColor;
  };
  return [...document.querySelectorAll("p, h1, h2, a, li, strong")].map((element) => {
    const [one, two] = [getComputedStyle(element).color, behind(element)].map(light);
    return (Math.max(one, two) + 0.05) / (Math.min(one, two) + 0.05);
  });
}
"""


@pytest.fixture(scope="module")
def browser():
    try:
        with chromium() as running:
            yield running
    except ChromiumMissingError as error:
        pytest.skip(str(error))


@pytest.fixture
def html(notice):
    texts = {"de": {"intro": "Donaudampfschifffahrtsgesellschaftskapitän " * 3}}
    return preview(make_campaign(notice, texts=texts), Group("de", "DE")).html


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 800])
def test_readable(browser, html, scheme, width):
    page = browser.new_page(
        viewport={"width": width, "height": 600}, color_scheme=scheme, java_script_enabled=True
    )
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.set_content(html)
    wide = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    assert wide <= 0
    assert min(page.evaluate(CONTRAST)) >= 4.5  # WCAG 2.2, 1.4.3
    button = page.locator("a.button").bounding_box()
    assert button["height"] >= 44
    assert button["x"] + button["width"] <= width
    # Nothing is loaded, so that nothing is missing with images off, and nothing tracks.
    assert asked == []
    assert page.locator("img, script, link, iframe, object").count() == 0
    page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_keeps_anybody_out(browser, html, scheme):
    said = []
    page = browser.new_page(viewport={"width": 320, "height": 600}, color_scheme=scheme)
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.set_content(html)
    found = Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"]})
    assert [violation["id"] for violation in found.response["violations"]] == []
    assert said == []
    page.close()


@pytest.mark.parametrize("width", [320, 800])
@pytest.mark.parametrize("without", ["style sheet", "any CSS"])
def test_in_old_programs(browser, html, width, without):
    """Many drop the style sheet, and some nearly everything; what is said stays readable."""
    bare = re.sub(r"<style>.*?</style>|<meta name=.color-scheme[^>]*>", "", html, flags=re.DOTALL)
    if without == "any CSS":
        bare = re.sub(r'\sstyle="[^"]*"', "", bare)
    assert bare != html
    page = browser.new_page(viewport={"width": width, "height": 600})
    page.set_content(bare)
    shown = page.inner_text("body")
    for words in ("Widerspr", "network.example"):
        assert words in shown
    assert page.locator("a.button").is_visible()
    if without == "style sheet":
        assert min(page.evaluate(CONTRAST)) >= 4.5
        wide = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        assert wide <= 0
    page.close()


def test_no_css_that_old_programs_do_not_know(html):
    """https://www.caniemail.com: what is needed to read it is in attributes, tables and colours."""
    modern = r"flex|grid|var\(|clamp\(|calc\(|position:|oklch|@import|@font-face|::|float:"
    assert not re.search(modern, html)
    assert html.count("<table") == html.count('<table role="presentation"')


def test_small_enough_in_every_language(notice):
    campaign = make_campaign(notice)
    for language in notice.translations.values_list("language", flat=True):
        html = preview(campaign, Group(language, "DE")).html
        assert len(html.encode()) < 30_000
        assert "url(" not in html
