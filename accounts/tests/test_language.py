"""In which language a page answers."""

from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from django.urls import reverse
from django.utils import translation

from accounts.languages import language_of, site_language
from accounts.middleware import LanguageMiddleware
from accounts.models import Member

LOGIN = reverse("account_login")
SIGNED_IN = reverse("account_set_password")


def language(client: Client, url: str = LOGIN, **headers: str) -> str:
    return client.get(url, headers=headers).headers["Content-Language"]


@pytest.mark.parametrize(
    ("accepted", "expected"),
    [("de-AT, en;q=0.5", "de"), ("fr", "fr"), ("xx", "en"), ("", "en"), ("xx, fr;q=0.1", "fr")],
)
def test_of_the_browser(client: Client, db: None, accepted: str, expected: str) -> None:
    response = client.get(LOGIN, headers={"accept-language": accepted})
    assert response.headers["Content-Language"] == expected
    assert f'<html lang="{expected}"' in response.content.decode()


def test_of_the_member_before_the_browser(client: Client, member: Member) -> None:
    Member.objects.update(language="de-CH")
    client.force_login(member)
    assert language(client, SIGNED_IN, **{"accept-language": "fr"}) == "de"


@pytest.mark.parametrize("unknown", ["", "xx", "x" * 12])
def test_browser_where_the_members_is_not_offered(
    client: Client, member: Member, unknown: str
) -> None:
    Member.objects.update(language=unknown)
    client.force_login(member)
    assert language(client, SIGNED_IN, **{"accept-language": "fr"}) == "fr"


@pytest.mark.parametrize(("accepted", "expected"), [("xx", "de"), ("*", "de"), ("fr", "fr")])
def test_of_the_country_where_the_browser_names_none(
    client: Client, member: Member, accepted: str, expected: str
) -> None:
    Member.objects.update(language="", country="AT")
    client.force_login(member)
    assert language(client, SIGNED_IN, **{"accept-language": accepted}) == expected


def test_chosen_on_a_page_before_all(client: Client, member: Member) -> None:
    Member.objects.update(language="de")
    client.force_login(member)
    client.post(reverse("set_language"), {"language": "fr"})
    assert language(client, SIGNED_IN, **{"accept-language": "en"}) == "fr"


def test_nonsense_cookie(client: Client, settings: Any, db: None) -> None:
    client.cookies[settings.LANGUAGE_COOKIE_NAME] = "klingon"
    assert language(client, **{"accept-language": "fr"}) == "fr"


def test_caches_keep_the_languages_apart(client: Client, db: None) -> None:
    vary = client.get(LOGIN).headers["Vary"]
    assert {"Accept-Language", "Cookie"} <= {part.strip() for part in vary.split(",")}


def test_stays_with_its_request(client: Client, db: None) -> None:
    before = translation.get_language()
    client.get(LOGIN, headers={"accept-language": "fr"})
    assert translation.get_language() == before


def _middleware(request: HttpRequest) -> str:
    def view(_request: HttpRequest) -> HttpResponse:
        return HttpResponse(translation.get_language() or "")

    return LanguageMiddleware(view)(request).content.decode()


class _NotToBeLooked:
    def __getattr__(self, name: str) -> None:
        raise AssertionError(f"the member was loaded for {name}")


def test_loads_no_member_without_a_session(settings: Any) -> None:
    request = RequestFactory().get("/", headers={"accept-language": "de"})
    request.user = _NotToBeLooked()  # type: ignore[assignment]
    assert _middleware(request) == "de"


def test_loads_no_member_where_the_language_was_chosen(settings: Any) -> None:
    request = RequestFactory().get("/")
    request.COOKIES = {
        settings.SESSION_COOKIE_NAME: "x" * 32,
        settings.LANGUAGE_COOKIE_NAME: "fr",
    }
    request.user = _NotToBeLooked()  # type: ignore[assignment]
    assert _middleware(request) == "fr"


def test_asks_the_database_nothing_without_cookies(
    client: Client, django_assert_num_queries: Any, db: None
) -> None:
    with django_assert_num_queries(0):
        client.get(reverse("account_signup"))


def test_a_view_can_say_otherwise() -> None:
    def view(_request: HttpRequest) -> HttpResponse:
        return HttpResponse(headers={"Content-Language": "is"})

    response = LanguageMiddleware(view)(RequestFactory().get("/"))
    assert response.headers["Content-Language"] == "is"


@pytest.mark.parametrize(
    ("tag", "nearest"),
    [
        ("de-AT", "de"), ("PT-br", "pt"), ("no", "nb"), ("nn-NO", "nb"), ("nb", "nb"),
        ("rm-CH", "de"), ("xx", None), ("", None), ("\0", None), ("x" * 1_000_000, None),
    ],
)  # fmt: skip
def test_nearest_language(tag: str, nearest: str | None) -> None:
    assert site_language(tag) == nearest


@pytest.mark.parametrize(
    ("own", "country", "expected"),
    [
        ("fr", "DE", "fr"),
        ("", "DE", "de"),
        ("xx", "CH", "de"),
        ("rm", "FR", "de"),
        ("", "NO", "nb"),
        ("", "US", "en"),
        ("", "", "en"),
    ],
)
def test_of_a_mail(own: str, country: str, expected: str) -> None:
    with translation.override("is"):  # whoever starts the mailing
        assert language_of(Member(language=own, country=country)) == expected
