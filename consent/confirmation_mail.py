"""The mail that confirms one choice: what was chosen, when, how, what holds now, how to undo it."""

from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.urls import reverse
from django.utils import translation

from accounts.languages import language_of, site_language
from accounts.models import Member
from consent.mails import member_mail
from consent.models import Notice
from consent.situation import situation_of
from ledger.models import CurrentChoice, Entry


class NoNotice(Exception):
    """No notice is published for the purpose, so there are no words for it yet."""


def confirmation_mail(member: Member, entry: Entry) -> EmailMultiAlternatives:
    """The mail about the choice; not sent yet. Raises `NoNotice`."""
    notice = Notice.objects.current(entry.purpose)
    if notice is None:
        raise NoNotice
    with translation.override(_language(member, entry)):
        text = notice.text()
        holds = CurrentChoice.objects.get(member_ref=entry.member_ref, purpose=entry.purpose)
        context = {
            "text": text,
            "situation": situation_of(member, notice, text),
            "entry": entry,
            "choice": holds,
            "changed_since": holds.revision != entry.revision,
            "sign_in": f"{settings.SITE_URL}{reverse('account_login')}?next={reverse('dashboard')}",
            "receipt": _receipt(entry),
        }
        return member_mail(
            member,
            "consent/confirmation_mail",
            context,
            language=translation.get_language() or "",
            # The same for the same choice: a mail that comes twice is shown once by most programs.
            headers={"Message-ID": f"<{entry.request_id}@{urlsplit(settings.SITE_URL).hostname}>"},
        )


def _receipt(entry: Entry) -> str:
    """Where the receipt is; the pages here are about one purpose."""
    if entry.purpose != settings.PURPOSE:
        return ""
    return settings.SITE_URL + reverse("receipt", args=[entry.revision])


def _language(member: Member, entry: Entry) -> str:
    """The member's own, else the one in which they made the choice."""
    return (
        site_language(member.language)
        or site_language(entry.notice_language)
        or language_of(member)
    )
