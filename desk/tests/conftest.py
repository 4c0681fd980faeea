import uuid

import pytest

from desk.roles import Role
from tests.people import make_member

BASE = "/admin/desk/memberpage/"


@pytest.fixture(autouse=True)
def _evidence_folder(settings, tmp_path):
    settings.EVIDENCE_DIR = str(tmp_path / "evidence")


@pytest.fixture
def anna(notice):
    return make_member("anna@private.example")


@pytest.fixture
def agent(staff):
    return staff(Role.SUPPORT_AGENT)


@pytest.fixture
def lead(staff):
    return staff(Role.SUPPORT_LEAD)


@pytest.fixture
def act():
    """Opens a member's page and sends the form of an action; gives the page that follows."""

    def act_(browser, name, ref="anna", **fields):
        browser.post(f"{BASE}{ref}/open/", {"reason": "ticket 4711"})
        sent = {"press": uuid.uuid4(), "reason": "asked by phone, ticket 4711", **fields}
        return browser.post(f"{BASE}{ref}/do/{name}/", sent, follow=True)

    return act_
