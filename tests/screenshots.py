"""`make screenshots`: pictures of the demo for README and docs, into docs/screenshots/."""

import tempfile
from pathlib import Path

from playwright.sync_api import Browser, Page

from tests.chromium import chromium, sign_in
from tests.site import BASE, Site, running_site

FOLDER = BASE / "docs" / "screenshots"
PHONE = {"width": 375, "height": 740}
DESKTOP = {"width": 1280, "height": 900}


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        running_site(Path(folder) / "data") as site,
        chromium() as browser,
    ):
        _phone(browser, site)
        _desktop(browser, site)


def _page(browser: Browser, site: Site, size: dict[str, int], **options: str) -> Page:
    return browser.new_context(base_url=site.url, viewport=size, **options).new_page()


def _keep(page: Page, name: str) -> None:
    page.screenshot(path=FOLDER / f"{name}.png")


def _phone(browser: Browser, site: Site) -> None:
    page = _page(browser, site, PHONE, locale="en-GB")
    page.goto("/accounts/login/")
    _keep(page, "sign-in-phone")
    sign_in(page, site, "mary@demo.example")
    _keep(page, "dashboard-phone")
    page.get_by_role("button", name="I object").click()
    page.get_by_text("All systems have confirmed").wait_for()
    page.evaluate("scrollTo(0, 0)")
    _keep(page, "objected-phone")


def _desktop(browser: Browser, site: Site) -> None:
    page = _page(browser, site, DESKTOP, color_scheme="dark")
    sign_in(page, site, "anna@demo.example")
    _keep(page, "dashboard-desktop-dark-german")
    page = _page(browser, site, DESKTOP, locale="en-GB")
    sign_in(page, site, "staff@demo.example")
    page.goto("/admin/ledger/entry/")
    _keep(page, "admin-choices")


if __name__ == "__main__":
    main()
