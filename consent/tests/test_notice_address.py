"""The address of the public notice carries its language."""

import re

import pytest
from django.conf import settings

GERMAN = '<html lang="de"'


def get(client, path, **headers):
    return client.get(path, headers={name.replace("_", "-"): v for name, v in headers.items()})


@pytest.mark.parametrize(
    ("accepted", "path"), [("de-AT", "/de/notice/"), ("fr", "/fr/notice/"), ("xx", "/en/notice/")]
)
def test_without_a_language_it_leads_to_the_readers(client, notice, accepted, path):
    response = get(client, "/notice/", accept_language=accepted)
    assert (response.status_code, response.url) == (302, path)
    assert {"Accept-Language", "Cookie"} <= set(response["Vary"].split(", "))


def test_the_start_page_leads_there_at_once(client, notice):
    assert get(client, "/", accept_language="fr").url == "/fr/notice/"


def test_it_speaks_the_language_of_its_address(client, notice):
    client.cookies[settings.LANGUAGE_COOKIE_NAME] = "fr"
    response = get(client, "/de/notice/", accept_language="en")
    assert response["Content-Language"] == "de"
    page = response.content.decode()
    assert GERMAN in page
    assert "Widerspr" in page


def test_it_names_its_other_languages(client, notice, settings):
    settings.SITE_URL = "https://site.example"
    page = client.get("/de/notice/").content.decode()
    assert '<link rel="canonical" href="https://site.example/de/notice/">' in page
    links = dict(re.findall(r'<link rel="alternate" hreflang="([\w-]+)" href="(\S+)">', page))
    assert links.pop("x-default") == "https://site.example/notice/"
    assert links == {
        code: f"https://site.example/{code}/notice/" for code, _name in settings.LANGUAGES
    }


def test_its_languages_are_links_and_no_form(client, notice):
    page = client.get("/de/notice/").content.decode()
    assert 'action="/i18n/setlang/"' not in page
    current = re.search(r'<a href="/de/notice/"[^>]*>Deutsch</a>', page)
    assert current is not None
    assert 'aria-current="true"' in current[0]


@pytest.mark.parametrize(
    "path",
    ["/xx/notice/", "/DE/notice/", "/de-AT/notice/", "/%00/notice/", f"/{'x' * 4000}/notice/"],
)
def test_no_such_language(client, notice, path):
    response = get(client, path, accept_language="de")
    assert response.status_code == 404
    assert "Seite nicht gefunden" in response.content.decode()


def test_without_a_notice_the_address_holds_too(client, db):
    response = get(client, "/de/notice/", accept_language="en")
    assert response["Content-Language"] == "de"
    assert '<a href="/fr/notice/"' in response.content.decode()


@pytest.mark.parametrize("path", ["/notice/", "/de/notice/"])
def test_only_for_reading(client, notice, path):
    assert client.post(path).status_code == 405
    assert client.head(path).status_code in {200, 302}


def test_other_pages_link_there_without_a_detour(client, notice):
    page = get(client, "/o/wrong/", accept_language="de").content.decode()
    assert '"/notice/"' not in page
    assert '"/de/notice/"' in page


@pytest.mark.parametrize(("accepted", "told"), [("rm", True), ("rm-CH, fr", True), ("de", False)])
def test_romansh_readers_are_told_why_it_is_german(client, notice, accepted, told):
    response = client.get("/notice/", headers={"accept-language": accepted}, follow=True)
    page = response.content.decode()
    assert GERMAN in page
    assert ("Rätoromanisch" in page) is ("per rumantsch" in page) is told


def test_not_where_they_picked_another_language(client, notice):
    page = get(client, "/fr/notice/", accept_language="rm").content.decode()
    assert "rumantsch" not in page
    client.cookies[settings.LANGUAGE_COOKIE_NAME] = "de"
    page = get(client, "/de/notice/", accept_language="rm").content.decode()
    assert "rumantsch" not in page


@pytest.mark.parametrize("language", [code for code, _name in settings.LANGUAGES])
def test_it_is_shown_in_every_language(client, notice, language):
    """Also where a translation is missing: then in English."""
    response = client.get(f"/{language}/notice/")
    assert response.status_code == 200
    page = response.content.decode()
    assert f'<html lang="{language}"' in page
    assert "Example Network" in page
