"""What mails to members have in common: one content as text and as HTML, and their headers."""

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string

from accounts.models import Member


def member_mail(
    member: Member,
    template: str,
    context: Mapping[str, Any],
    *,
    language: str,
    headers: Mapping[str, str] | None = None,
) -> EmailMultiAlternatives:
    """A mail from ``<template>.txt``, ``<template>.html`` and ``<template>_subject.txt``, in the
    active language; not sent yet. ``language`` is what it says to be in."""
    values = {
        "operator_name": settings.OPERATOR_NAME,
        "operator_email": settings.OPERATOR_PRIVACY_EMAIL,
        **context,
    }
    subject = render_to_string(f"{template}_subject.txt", values)
    mail = EmailMultiAlternatives(
        subject=" ".join(subject.split()),
        body=render_to_string(f"{template}.txt", values),
        to=[member.email],
        # Auto-Submitted (RFC 3834) keeps vacation notices from answering.
        headers={
            "Content-Language": language,
            "Auto-Submitted": "auto-generated",
            **(headers or {}),
        },
    )
    mail.attach_alternative(render_to_string(f"{template}.html", values), "text/html")
    return mail
