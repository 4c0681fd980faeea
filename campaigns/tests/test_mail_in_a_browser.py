"""The HTML part as mail programs draw it: on a phone, in the dark, without images."""

import pytest

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


def test_small_enough_in_every_language(notice):
    campaign = make_campaign(notice)
    for language in notice.translations.values_list("language", flat=True):
        html = preview(campaign, Group(language, "DE")).html
        assert len(html.encode()) < 30_000
        assert "url(" not in html
