"""The notice mail: what stands in the notice, in the member's language, with a personal link."""

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation

from accounts.languages import language_of
from accounts.models import Member
from consent.links import Link, make_token
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
            "operator_name": settings.OPERATOR_NAME,
            "operator_email": settings.OPERATOR_PRIVACY_EMAIL,
        }
        subject = render_to_string("campaigns/notice_mail_subject.txt", context)
        mail = EmailMultiAlternatives(
            subject=" ".join(subject.split()),
            body=render_to_string("campaigns/notice_mail.txt", context),
            to=[member.email],
            headers={"Content-Language": text.language, "Auto-Submitted": "auto-generated"},
        )
        mail.attach_alternative(
            render_to_string("campaigns/notice_mail.html", context), "text/html"
        )
    return mail
