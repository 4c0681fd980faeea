"""`make screenshots`: pictures of every state for README and docs, into docs/screenshots/."""

import io
import tempfile
from collections.abc import Iterator
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page

from tests.browsing import States, staff_cookies_of
from tests.campaigning import Campaigning
from tests.chromium import chromium
from tests.officer import Office
from tests.site import BASE, Site, running_site

FOLDER = BASE / "docs" / "screenshots"
SIZES = {"phone": {"width": 375, "height": 740}, "desktop": {"width": 1280, "height": 900}}
LANGUAGES = ("en", "de", "el")
COLOURS = 64
"""In one picture: enough for pages of few colours, and a third of the size."""

# Name of the picture, member's state ("" for nobody), path, what is shown.
STATES = [
    ("notice", "", "/LANGUAGE/notice/", "signed out"),
    ("sign-in", "", "/accounts/login/", "sign-in"),
    ("before", "before", "/", "before the start"),
    ("since", "since", "/", "after the start, no choice yet"),
    ("objected", "objected", "/", "objected"),
    ("allowed", "allowed", "/", "allowed again"),
    ("delayed", "delayed", "/", "a system is late"),
    ("paused", "paused", "/", "paused"),
    ("elsewhere", "elsewhere", "/", "not in a concerned region"),
    ("unknown", "unknown", "/", "country not known"),
    ("disputed", "disputed", "/", "account and member name different countries"),
    ("minor", "minor", "/", "under 18"),
    ("link", "link", "LINK", "came by a mail link"),
    ("link-objected", "link-objected", "LINK", "objected by a mail link"),
    ("receipt", "objected", "/receipt/1/", "a receipt"),
    ("verify", "", "/verify/", "a receipt is checked"),
    ("my-data", "objected", "/my-data/", "what is held, and deleting it"),
]
STAFF = {"admin-choices": "/admin/ledger/entry/", "admin-stores": "/admin/propagation/cursor/"}
CAMPAIGN = {
    "admin-campaign": "page/",
    "admin-campaign-mails": "preview/?language=de",
    "admin-campaign-report": "report/",
}
DESK = {
    "desk-inbox": "/admin/desk/memberrequest/",
    "desk-request": "/admin/desk/memberrequest/1/change/",
    "desk-correction": "/admin/desk/correction/1/change/",
}
DESK_STEPS = ("desk-found", "desk-masked", "desk-member", "desk-object")

OFFICE = (
    "dashboard", "notice", "notice-text", "notice-preview", "notice-diff", "notice-checks",
    "rollout", "packs",
)  # fmt: skip


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    for old in FOLDER.glob("*.png"):
        old.unlink()
    with (
        tempfile.TemporaryDirectory() as folder,
        running_site(Path(folder) / "data") as site,
        chromium() as browser,
    ):
        states = States.prepared(site)
        for size, language, scheme in _views():
            for name, state, path, _what in STATES:
                page = _page(browser, states, size, language, scheme, state)
                link = states.link(state) if path == "LINK" else path
                page.goto(link.replace("LANGUAGE", language))
                _keep(page, f"{name}-{size}-{scheme}-{language}")
                page.context.close()
        _staff(browser, site)
        _office(browser, site)
    (FOLDER / "README.md").write_text("\n".join(_gallery()) + "\n")


def _views() -> Iterator[tuple[str, str, str]]:
    for size in SIZES:
        for language in LANGUAGES:
            for scheme in ("light", "dark"):
                yield size, language, scheme


def _page(
    browser: Browser, states: States, size: str, language: str, scheme: str, state: str
) -> Page:
    context = browser.new_context(
        base_url=states.site.url, viewport=SIZES[size], color_scheme=scheme, locale=language
    )
    picked = {"name": "django_language", "value": language, "url": states.site.url}
    context.add_cookies([picked, *(states.cookies(state) if state else [])])
    return context.new_page()


def _keep(page: Page, name: str) -> None:
    picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    picture.quantize(COLOURS).save(FOLDER / f"{name}.png", optimize=True)


def _staff(browser: Browser, site: Site) -> None:
    """As members of staff see it who have signed in with their second factor."""
    campaigning = Campaigning.prepared(site)
    shown = {name: ("dana", path) for name, path in STAFF.items()}
    shown |= {name: ("kim", campaigning.path("paused", path)) for name, path in CAMPAIGN.items()}
    for name, (who, path) in shown.items():
        page = browser.new_context(base_url=site.url, viewport=SIZES["desktop"]).new_page()
        page.context.add_cookies(campaigning.cookies(who))
        page.goto(path, wait_until="networkidle")
        _keep(page, name)
        page.context.close()
    _desk(browser, site)


def _desk(browser: Browser, site: Site) -> None:
    """Pages that a support lead opens, then the way from a search to an action."""
    page = browser.new_context(base_url=site.url, viewport=SIZES["desktop"]).new_page()
    page.context.add_cookies(staff_cookies_of(site)("lead"))
    for name, path in DESK.items():
        page.goto(path)
        _keep(page, name)
    page.goto("/admin/desk/memberpage/")
    page.get_by_label("Find a member").fill("lang")
    page.get_by_role("button", name="Find").click()
    _keep(page, "desk-found")
    page.goto("/admin/desk/memberpage/demo-9/")
    _keep(page, "desk-masked")
    page.get_by_label("Ticket number, or why you look").fill("ticket 4711")
    page.get_by_role("button", name="Open the page").click()
    _keep(page, "desk-member")
    page.get_by_role("link", name="Record an objection").click()
    _keep(page, "desk-object")


def _office(browser: Browser, site: Site) -> None:
    office = Office.prepared(site)
    context = browser.new_context(base_url=site.url, viewport=SIZES["desktop"])
    context.add_cookies(office.cookies)
    page = context.new_page()
    for name in OFFICE:
        page.goto(office.pages[name])
        page.wait_for_load_state("networkidle")  # the frame of the preview too
        _keep(page, f"officer-{name}")


def _gallery() -> Iterator[str]:
    yield "# What members see\n"
    yield "Made by `make screenshots`: each state on a phone and on a desktop, light and dark."
    for name, _state, _path, what in STATES:
        yield f"\n## {what.capitalize()}\n"
        for size, width in (("phone", 180), ("desktop", 380)):
            views = [view for view in _views() if view[0] == size]
            yield " ".join(
                f'<img src="{name}-{size}-{scheme}-{language}.png" '
                f'alt="{what}, {size}, {scheme}, {language}" width="{width}">'
                for _size, language, scheme in views
            )
    yield "\n## For staff\n"
    office = (f"officer-{name}" for name in OFFICE)
    for name in (*STAFF, *CAMPAIGN, *office, *DESK, *DESK_STEPS):
        yield f'<img src="{name}.png" alt="{name}" width="760">'


if __name__ == "__main__":
    main()
