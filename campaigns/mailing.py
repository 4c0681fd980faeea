"""The notice mail: what stands in the notice, in the member's language, with a personal link."""

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


def link_for(member: Member, notice: Notice) -> str:
    token = make_token(Link(member_id=member.pk, notice_id=notice.pk))
    return settings.SITE_URL + reverse("object_by_link", args=[token])


def notice_mail(member: Member, notice: Notice) -> EmailMultiAlternatives:
    """The mail that tells a member of the notice; not sent yet."""
    with translation.override(language_of(member)):
        text = notice.text()
        context = {
            "text": text,
            "situation": situation_of(member, notice, text),
            "link": link_for(member, notice),
        }
        return member_mail(member, "campaigns/notice_mail", context, language=text.language)
