"""Signed-in members, and the request with which each of them objects."""

import secrets
import uuid
from datetime import timedelta
from urllib.parse import urlencode

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.middleware.csrf import CSRF_SECRET_LENGTH
from django.utils import timezone
from django.utils.crypto import get_random_string

from accounts.models import Member, Session
from accounts.sessions import SessionStore
from bench.machine import HOST
from consent.forms import Seen, sign_seen

AT_ONCE = 2_000


def objections(count: int) -> list[bytes]:
    """One POST each of as many members, who are made and signed in."""
    members = Member.objects.bulk_create(map(_member, range(count)), batch_size=AT_ONCE)
    sessions = Session.objects.bulk_create(map(_session, members), batch_size=AT_ONCE)
    return [
        _request(member, session.session_key)
        for member, session in zip(members, sessions, strict=True)
    ]


def _member(_number: int) -> Member:
    member_ref = uuid.uuid4().hex
    return Member(
        member_ref=member_ref,
        email=f"{member_ref}@members.example",
        country="DE",
        language="de",
        password=f"!{secrets.token_hex(20)}",
    )


def _session(member: Member) -> Session:
    data = {
        SESSION_KEY: str(member.pk),
        BACKEND_SESSION_KEY: settings.AUTHENTICATION_BACKENDS[0],
        HASH_SESSION_KEY: member.get_session_auth_hash(),
    }
    return Session(
        session_key=get_random_string(32),
        member=member,
        session_data=SessionStore().encode(data),
        expire_date=timezone.now() + timedelta(days=1),
    )


def _request(member: Member, session_key: str) -> bytes:
    token = get_random_string(CSRF_SECRET_LENGTH)
    body = urlencode(
        {
            "csrfmiddlewaretoken": token,
            "request_id": uuid.uuid4(),
            "seen": sign_seen(member.pk, Seen(1, "de", 0)),
            "decision": "objected",
        }
    ).encode()
    head = [
        "POST /choose/ HTTP/1.1",
        f"Host: {HOST}",
        f"Origin: https://{HOST}",
        f"Referer: https://{HOST}/",
        "X-Forwarded-Proto: https",
        "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
        "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
        "Accept-Language: de,en;q=0.7",
        "Accept-Encoding: gzip, deflate, br, zstd",
        f"Cookie: {settings.CSRF_COOKIE_NAME}={token}; "
        f"{settings.SESSION_COOKIE_NAME}={session_key}",
        "Content-Type: application/x-www-form-urlencoded",
        f"Content-Length: {len(body)}",
    ]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body
