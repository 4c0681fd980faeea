"""Which of the site's languages suits whom."""

from collections.abc import Iterable, Iterator

from django.conf import settings
from django.http import HttpRequest
from django.utils import translation
from django.utils.translation.trans_real import parse_accept_lang_header

from accounts.models import Member
from accounts.regions import official_languages

STAFF_PAGES = ("/admin/", "/accounts/second-factor/")
"""They are in English, for everybody who works there."""

# Norwegian without a form, and Nynorsk, whose readers read Bokmål. Romansh: we cannot write it
# well enough, and nearly all who read it read German; base.html tells them.
_NEAREST = {"no": "nb", "nn": "nb", "rm": "de"}


def languages() -> list[tuple[str, str]]:
    """The site's languages as choices of a field: migrations need not follow them."""
    return list(settings.LANGUAGES)


def site_language(tag: str) -> str | None:
    """The site's language nearest to a language tag (de-AT: de), or None."""
    try:
        return translation.get_supported_language_variant(_NEAREST.get(_main(tag), tag.lower()))
    except LookupError:
        return None


def language_of(member: Member) -> str:
    """For a mail: the member's own language, else their country's first, else the default."""
    return _first_offered([member.language, *official_languages(member.residence.code)])[0]


def language_for(request: HttpRequest, member: Member | None = None) -> tuple[str, str]:
    """For a page: the site's language, and the tag that asked for it (de, rm-CH).

    Pages for staff are in English. Else in this order: chosen on a page, the member's own
    (default: of who is signed in), the browser's, the country's.
    """
    if request.path.startswith(STAFF_PAGES):
        return settings.LANGUAGE_CODE, ""
    return _first_offered(_wanted(request, member))


def wants_romansh(tag: str) -> bool:
    return _main(tag) == "rm"


def _main(tag: str) -> str:
    return tag.lower().partition("-")[0]


def _first_offered(tags: Iterable[str]) -> tuple[str, str]:
    for tag in tags:
        if language := site_language(tag):
            return language, tag
    return settings.LANGUAGE_CODE, ""


def _wanted(request: HttpRequest, member: Member | None) -> Iterator[str]:
    yield request.COOKIES.get(settings.LANGUAGE_COOKIE_NAME, "")
    member = member or _signed_in(request)
    if member:
        yield member.language
    for tag, _weight in parse_accept_lang_header(request.META.get("HTTP_ACCEPT_LANGUAGE", "")):
        yield tag
    if member:
        yield from official_languages(member.residence.code)


def _signed_in(request: HttpRequest) -> Member | None:
    # Without the cookie nobody is signed in: not even the session is looked at then.
    if settings.SESSION_COOKIE_NAME not in request.COOKIES or not request.user.is_authenticated:
        return None
    return request.user
