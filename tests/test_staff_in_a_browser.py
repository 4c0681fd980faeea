"""Staff in a real browser: the second factor, a passkey, and admin for everybody to use."""

import re

import pytest
from playwright.sync_api import expect

from tests.chromium import sign_in
from tests.test_quality import AXE, barriers

pytestmark = [pytest.mark.browser, pytest.mark.timeout(400)]

FACTOR = "/accounts/second-factor/"
ADMIN_PAGES = {
    "agent": ["/admin/"],
    "officer": [
        "/admin/", "/admin/accounts/memberaccess/", "/admin/accounts/unusualaccess/",
        "/admin/propagation/cursor/store/member-profiles/",
    ],
    "operator": ["/admin/propagation/cursor/store/member-profiles/pause/"],
    "staff": [
        "/admin/", "/admin/mfa/authenticator/", "/admin/accounts/member/",
        "/admin/accounts/member/?q=anna",
    ],
}  # fmt: skip


def code_of(page, email):
    """What the demo's page shows as the code of now."""
    other = page.context.new_page()
    other.goto("/mailbox/codes/")
    shown = other.locator("li", has_text=email).inner_text()
    other.close()
    return re.search(r"\b(\d{6})\b", shown)[1]


def axe_finds(page):
    from axe_playwright_python.sync_playwright import Axe

    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        for violation in Axe().run(page, options=AXE).response["violations"]:
            for node in violation["nodes"]:
                yield f"{page.url}, {scheme}: {violation['id']}: {node['target']}"


def test_admin_keeps_nobody_out(visit, staff_cookies):
    found = []
    for who, paths in ADMIN_PAGES.items():
        page = visit(cookies=staff_cookies(who))
        for path in paths:
            page.goto(path)
            expect(page.locator("h1").first).to_be_visible()
            found += axe_finds(page)
    assert found == []


def test_nor_do_the_pages_of_the_second_factor(visit, site, staff_cookies):
    page = visit(reduced_motion="reduce")
    sign_in_to_admin(page, site, "auditor@demo.example")
    found = [*barriers(page, "asked for the code")]
    page.locator("#id_code").fill("000000")
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.get_by_role("alert").wait_for()
    found += barriers(page, "a wrong code")
    page = visit(cookies=staff_cookies("auditor"), reduced_motion="reduce")
    for path in ("", "keys/", "confirm/"):
        page.goto(FACTOR + path)
        found += barriers(page, path)
    page.goto("/mailbox/codes/")
    found += barriers(page, "codes")
    assert found == []


def sign_in_to_admin(page, site, email):
    page.goto("/admin/")
    form = page.locator("form:has(input[type=password])")
    form.locator("input[type=email]").fill(email)
    form.locator("input[type=password]").fill(site.password)
    form.locator("button[type=submit]").click()
    page.wait_for_url(f"**{FACTOR}sign-in/")


def test_the_whole_way_with_the_keyboard_alone(visit, site):
    page = visit()
    sign_in_to_admin(page, site, "lead@demo.example")
    code = code_of(page, "lead@demo.example")
    page.locator("#id_code").focus()
    page.keyboard.type(code)
    page.keyboard.press("Enter")
    page.wait_for_url("**/admin/")
    expect(page.get_by_role("heading", name="What needs attention")).to_be_visible()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to main content")).to_be_focused()


def test_a_passkey(visit, site):
    """Added on one visit, used at the next: under the content security policy, with a key."""
    here = f"http://localhost:{site.port}"  # browsers take passkeys for names only
    page = visit(base_url=here, expects=[here])
    sign_in_to_admin(page, site, "operator@demo.example")
    page.locator("#id_code").fill(code_of(page, "operator@demo.example"))
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url("**/admin/")
    keys = page.context.new_cdp_session(page)
    keys.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2", "transport": "internal", "hasResidentKey": True,
        "hasUserVerification": True, "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }  # fmt: skip
    keys.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    page.goto(f"{FACTOR}keys/add/")
    page.get_by_label("Name").fill("blue key")
    page.get_by_role("button", name="Add it").click()
    page.wait_for_url(f"**{FACTOR}codes/")
    expect(page.locator("code")).to_have_count(10)
    page.goto(f"{FACTOR}keys/")
    expect(page.get_by_text("blue key, added")).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    sign_in_to_admin(page, site, "operator@demo.example")
    page.get_by_role("button", name="Use a security key or passkey").click()
    page.wait_for_url("**/admin/")
    page.goto(f"{FACTOR}keys/")
    expect(page.get_by_text("last used")).to_be_visible()


def test_members_see_nothing_of_it(visit, site):
    page = visit(expects=["404 (Not Found)"])
    sign_in(page, site, "claire@demo.example")
    assert "second" not in page.locator("main").inner_text().lower()
    assert page.goto(FACTOR).status == 404
