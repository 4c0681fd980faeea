"""The notice mail: what stands in the notice, in the member's language, with a personal link."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.urls import reverse
from django.utils import translation

from accounts.languages import language_of
from accounts.models import Member
from consent.links import Link, make_token
from consent.mails import member_mail
from consent.models import Notice
from consent.situation import situation_of


@dataclass(frozen=True, slots=True)
class Words:
    """What staff may add to a notice: a subject in place of its title, and an introduction."""

    subject: str = ""
    intro: str = ""
    reminder: bool = False


@dataclass(frozen=True, slots=True)
class Written:
    """A mail as it is read."""

    language: str
    subject: str
    text: str
    html: str


def link_for(member: Member, notice: Notice) -> str:
    return object_url(make_token(Link(member_id=member.pk, notice_id=notice.pk)))


def object_url(token: str) -> str:
    return settings.SITE_URL + reverse("object_by_link", args=[token])


def reminders_url(token: str) -> str:
    return settings.SITE_URL + reverse("reminders", args=[token])


def write(
    member: Member, notice: Notice, *, link: str, reminders_link: str, words: Words
) -> Written:
    """The mail about the notice to this member, in the active language or the site's default."""
    more = {"reminders_link": reminders_link, "reminder": words.reminder, "intro": words.intro}
    mail = _mail(member, notice, link, more)
    return Written(
        language=mail.extra_headers["Content-Language"],
        subject=" ".join((words.subject or str(mail.subject)).split()),
        text=_tidy(str(mail.body)),
        html=_without_indents(str(mail.alternatives[0][0])),
    )


def notice_mail(member: Member, notice: Notice) -> EmailMultiAlternatives:
    """The mail that tells a member of the notice; not sent yet."""
    with translation.override(language_of(member)):
        return _mail(member, notice, link_for(member, notice), {})


def _mail(
    member: Member, notice: Notice, link: str, more: Mapping[str, Any]
) -> EmailMultiAlternatives:
    text = notice.text()
    with translation.override(text.language):
        situation = situation_of(member, notice, text)
        context = {"text": text, "situation": situation, "link": link, **more}
        return member_mail(member, "campaigns/notice_mail", context, language=text.language)


def _tidy(text: str) -> str:
    """Parts that are left out leave no more than one empty line."""
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


def _without_indents(html: str) -> str:
    """Indents are a third of it, and nobody reads them."""
    return "\n".join(line for row in html.splitlines() if (line := row.strip()))
