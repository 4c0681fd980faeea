"""Which of the site's languages suits whom."""

from django.conf import settings
from django.utils import translation

from accounts.models import Member


def site_language(tag: str) -> str | None:
    """The site's language nearest to a language tag (de-AT: de), or None."""
    try:
        return translation.get_supported_language_variant(tag)
    except LookupError:
        return None


def language_of(member: Member) -> str:
    """The site's language nearest to the member's, else the active one."""
    return site_language(member.language) or translation.get_language() or settings.LANGUAGE_CODE
