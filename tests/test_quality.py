"""Every page in every state: for everybody to use, valid, light, and nothing from elsewhere."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.site import BASE

pytestmark = [pytest.mark.browser, pytest.mark.timeout(400)]

LANGUAGES = ("en", "de", "el")
IN_TURN = ("en", *(pytest.param(language, marks=pytest.mark.thorough) for language in ("de", "el")))
WIDTHS = (320, 1280)
AXE = {
    "resultTypes": ["violations"],
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    # It is not in sandboxed previews of mails; Chromium complains when it asks them all the same.
    "iframes": False,
}
OBJECTED = ("objected", "allowed", "delayed", "link-objected")
DASHBOARDS = (
    "since", "before", "paused", "elsewhere", "unknown", "disputed", "minor", "objected",
    "allowed", "delayed",
)  # fmt: skip
SIGNED_IN = (
    "/accounts/country/", "/accounts/logout/", "/accounts/password/set/", "/my-data/",
    "/my-data/delete/", "/receipt/1/",
)  # fmt: skip
SIGNED_OUT = (
    "/LANGUAGE/notice/", "/LANGUAGE/notice/1/", "/accounts/login/", "/accounts/login/code/",
    "/accounts/password/reset/", "/accounts/signup/", "/accessibility/", "/verify/", "/o/wrong/",
    "/nowhere/",
)  # fmt: skip
MISSING = ["404 (Not Found)"]


def pages(states):
    """Who looks at which address: (member's state or "", path)."""
    yield from ((state, "/") for state in DASHBOARDS)
    yield from (("objected", path) for path in SIGNED_IN)
    yield from (("", path) for path in SIGNED_OUT)
    yield from (("", states.link(state)) for state in ("link", "link-objected"))


def opened(visit, states, language):
    """Each page in one language, loaded."""
    for state, path in pages(states):
        cookies = [{"name": "django_language", "value": language, "url": states.site.url}]
        cookies += states.cookies(state) if state else []
        page = visit(
            expects=MISSING,
            cookies=cookies,
            viewport={"width": 320, "height": 700},
            reduced_motion="reduce",  # a colour on its way to another one is not what is judged
        )
        page.goto(path.replace("LANGUAGE", language))
        yield f"{language} {state} {path.partition('/o/')[0] or 'link'}", page
        page.context.close()


def barriers(page, name):
    """What axe finds, and what is wider than the screen, at both widths, light and dark."""
    axe = Axe()
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 700})
        if page.evaluate("document.documentElement.scrollWidth") > width:
            yield f"{name} at {width}: wider than the screen"
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            for violation in axe.run(page, options=AXE).response["violations"]:
                for node in violation["nodes"]:
                    yield f"{name} at {width}, {scheme}: {violation['id']}: {node['target']}"


@pytest.mark.parametrize("language", IN_TURN)
def test_nothing_keeps_anybody_out(visit, states, language):
    found = []
    for name, page in opened(visit, states, language):
        found += barriers(page, name)
    assert found == []


def test_nor_where_something_went_wrong(visit, states):
    """What is seen only after a form was sent."""
    page = visit(expects=["409 (Conflict)", "400 (Bad Request)"], reduced_motion="reduce")
    page.goto(states.link("link-doubted"))
    page.evaluate("document.getElementById('objection').submit()")  # as a program does
    page.locator("input[name=person]").wait_for()
    found = [*barriers(page, "doubted")]
    page.goto("/accounts/login/")
    form = page.locator("form:has(input[type=password])")
    form.locator("input[name=login]").fill("nobody@states.example")
    form.locator("input[type=password]").fill("wrong")
    form.locator("button[type=submit]").click()
    page.get_by_role("alert").wait_for()
    found += barriers(page, "wrong password")
    page.goto("/verify/")
    page.locator("main textarea").fill("not a receipt")
    page.locator("main button[type=submit]").click()
    page.get_by_role("alert").wait_for()
    found += barriers(page, "not a receipt")
    assert found == []


SPACING = """
const sheet = new CSSStyleSheet();
sheet.replaceSync(`* { line-height: 1.5 !important; letter-spacing: 0.12em !important;
  word-spacing: 0.16em !important } p { margin-block-end: 2em !important }`);
document.adoptedStyleSheets = [sheet];
"""


def test_text_twice_as_large_and_with_more_space(visit, states):
    """WCAG 1.4.4 and 1.4.12: nothing is cut off or lies beside the screen."""
    found = []
    for name, page in opened(visit, states, "de"):
        page.set_viewport_size({"width": 640, "height": 700})
        page.evaluate("document.documentElement.style.setProperty('font-size', '200%')")
        page.evaluate(SPACING)
        if page.evaluate("document.documentElement.scrollWidth") > 640:
            found.append(name)
        cut = page.evaluate(
            """[...document.querySelectorAll("main *, header *, footer *")].filter(e =>
                getComputedStyle(e).overflow === "hidden" && e.scrollHeight > e.clientHeight + 2
                && !e.closest(".visually-hidden")).map(e => e.outerHTML.slice(0, 80))"""
        )
        found += [f"{name}: {what}" for what in cut]
    assert found == []


def checker() -> list[str]:
    """The command of the Nu Html Checker (vnu)."""
    jar = Path(os.environ.get("TEST_VNU_JAR", BASE / "var" / "vnu.jar"))
    if shutil.which("java") and jar.exists():
        return ["java", "-Xss1m", "-jar", str(jar)]
    words = "HTML is not checked: no Java, or no vnu.jar (TEST_VNU_JAR, default var/vnu.jar)"
    return pytest.fail(words) if os.environ.get("CI") == "true" else pytest.skip(words)


def test_all_pages_are_valid_html(visit, states, tmp_path):
    command = checker()
    for number, (name, page) in enumerate(opened(visit, states, "de")):
        html = page.context.request.get(page.url, fail_on_status_code=False).text()
        kept = f"{number:02}-{name}".replace("/", "_").replace(" ", "")
        (tmp_path / f"{kept}.html").write_text(html)
    checked = sorted(map(str, tmp_path.glob("*.html")))
    assert len(checked) == len(list(pages(states)))
    ended = subprocess.run(
        [*command, "--errors-only", "--stdout", *checked],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert (ended.stdout + ended.stderr).strip() == ""
    assert ended.returncode == 0


def transferred(page, path):
    """Bytes over the wire until the page is quiet: {kind of resource: bytes}."""
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    kinds, sizes = {}, {}
    session.on(
        "Network.responseReceived",
        lambda event: kinds.__setitem__(event["requestId"], event["type"]),
    )

    def finished(event):
        kind = kinds.get(event["requestId"], "?")
        sizes[kind] = sizes.get(kind, 0) + event["encodedDataLength"]

    session.on("Network.loadingFinished", finished)
    page.goto(path, wait_until="networkidle")
    session.detach()
    return sizes


@pytest.mark.parametrize("state", ["since", "objected", "delayed"])
def test_the_page_is_light(visit, states, state):
    page = visit(cookies=states.cookies(state), viewport={"width": 375, "height": 667})
    first = transferred(page, "/")
    assert {"Document", "Stylesheet", "Script"} <= first.keys()
    assert sum(first.values()) <= 50_000, first
    again = transferred(page, "/")
    assert "Document" in again
    assert sum(again.values()) <= 15_000, again


def test_the_button_waits_for_no_script(visit, states):
    page = visit(cookies=states.cookies("since"), expects=["ERR_FAILED"])
    page.goto("/")
    for script in page.locator("script[src]").all():
        assert script.get_attribute("defer") is not None
    assert page.locator("script:not([src])").count() == 0


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_matters_is_seen_without_scrolling(visit, states, language):
    """On a small phone: what happens, whether it is about me, the button; then: is it done."""
    language_cookie = {"name": "django_language", "value": language, "url": states.site.url}
    for state, last in (("since", "#choice .button"), ("objected", "#confirmations h3")):
        page = visit(
            cookies=[*states.cookies(state), language_cookie],
            viewport={"width": 375, "height": 667},
        )
        page.goto("/")
        box = page.locator(last).bounding_box()
        assert box["y"] + box["height"] <= 667, (state, box)
