"""Sessions that know whose they are, so that erasing a member finds them.

Django has the member's key inside the encoded data only, and allauth keeps the address there too.
"""

from typing import Any

from allauth.account.utils import url_str_to_user_pk
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends import db
from django.contrib.sessions.backends.base import UpdateError

from accounts.models import Member, Session


class SessionStore(db.SessionStore):
    @classmethod
    def get_model_class(cls) -> type[Session]:
        return Session

    def create_model_instance(self, data: dict[str, Any]) -> Session:
        session = super().create_model_instance(data)
        assert isinstance(session, Session)  # noqa: S101 (for mypy)
        session.member_id = _member_id(data)
        # Django takes a failing foreign key for a session key that is in use, and tries for ever.
        if session.member_id and not Member.objects.filter(pk=session.member_id).exists():
            raise UpdateError
        return session


def _member_id(data: dict[str, Any]) -> int | None:
    """Who is signed in, or has been sent a code that is not typed in yet."""
    if SESSION_KEY in data:
        return int(data[SESSION_KEY])
    pending = (data.get("account_login") or {}).get("user_pk")
    return int(url_str_to_user_pk(pending)) if pending else None
