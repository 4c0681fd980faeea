"""A text that members saw can be read again, in the language in which they saw it."""

import pytest

from consent.models import Notice
from tests.people import choose

pytestmark = pytest.mark.django_db


def test_the_text_is_there_in_its_language(client, notice):
    page = client.get("/de/notice/1/", headers={"Accept-Language": "fr"}).content.decode()
    assert '<html lang="de"' in page
    assert notice.text("de").title in page
    assert "Version 1" in page
    assert '<a href="/fr/notice/1/"' in page


def test_the_history_leads_to_it(client, notice, member):
    choose(member.member_ref, notice_version=1, notice_language="fr")
    client.force_login(member)
    assert 'href="/fr/notice/1/"' in client.get("/").content.decode()


def test_a_choice_without_a_known_text(client, notice, member):
    choose(member.member_ref)
    client.force_login(member)
    assert "/notice/1/" not in client.get("/").content.decode()


@pytest.mark.parametrize(
    "path",
    [
        "de/notice/2",
        "xx/notice/1",
        "de/notice/x",
        "de/notice/0",
        f"de/notice/{10**30}",
        "%00/notice/1",
    ],
)
def test_what_never_was(client, notice, path):
    assert client.get(f"/{path}/").status_code == 404


def test_a_draft_is_not_shown(client, notice):
    draft = Notice.objects.create(purpose=notice.purpose, version=2)
    assert draft.published_at is None
    assert client.get("/en/notice/2/").status_code == 404


def test_only_reading(client, notice):
    assert client.post("/de/notice/1/").status_code == 405
