"""The system's Chromium, for browser tests and screenshots."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, Page, sync_playwright

from tests.site import Site

# As root Chromium needs --no-sandbox; the rest keeps it from calling home.
ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip


class ChromiumMissingError(Exception):
    """There is no Chromium on this machine."""


def find_chromium() -> str:
    names = ("chromium", "chromium-browser", "google-chrome")
    found = os.environ.get("TEST_CHROMIUM") or next(filter(None, map(shutil.which, names)), None)
    if not found:
        raise ChromiumMissingError("no Chromium on this machine; install it or set TEST_CHROMIUM")
    return found


@contextmanager
def chromium() -> Iterator[Browser]:
    path = find_chromium()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()


def sign_in(page: Page, site: Site, email: str) -> None:
    page.goto("/accounts/login/")
    form = page.locator("form:has(input[type=password])")
    form.locator("input[type=email]").fill(email)
    form.locator("input[type=password]").fill(site.password)
    form.locator("button[type=submit]").click()
    page.wait_for_url("**/")
