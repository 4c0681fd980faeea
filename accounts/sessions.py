"""Sessions that know whose they are: erasing a member finds them, and one query finds both.

Django has the member's key inside the encoded data only, and allauth keeps the address there too.
"""

from functools import cache
from typing import Any

from allauth.account.utils import url_str_to_user_pk
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends import db
from django.contrib.sessions.backends.base import UpdateError
from django.db import connection
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from accounts.models import Member, Session
from privacydash.prepared import Prepared


class SessionStore(db.SessionStore):
    found: Session | None = None
    """The row as it was loaded, with its member."""

    @classmethod
    def get_model_class(cls) -> type[Session]:
        return Session

    def _get_session_from_db(self) -> Session | None:
        self.found = _find(self.session_key or "")
        if self.found is None:
            self._session_key = None
        return self.found

    def signed_in(self) -> Member | None:
        """Who is signed in, if nothing about that needs a second look.

        For None ask `django.contrib.auth.get_user`, which says who it is after the key of the site
        has changed, and ends a session that the member's new password has made invalid.
        """
        member_id, proof = self.get(SESSION_KEY), self.get(HASH_SESSION_KEY)
        member = self.found and self.found.member
        if (
            member
            and member.is_active
            and member_id == str(member.pk)
            and self.get(BACKEND_SESSION_KEY) in settings.AUTHENTICATION_BACKENDS
            and proof
            and constant_time_compare(proof, member.get_session_auth_hash())
        ):
            return member
        return None

    def create_model_instance(self, data: dict[str, Any]) -> Session:
        session = super().create_model_instance(data)
        assert isinstance(session, Session)  # noqa: S101 (for mypy)
        session.member_id = _member_id(data)
        # Django takes a failing foreign key for a session key that is in use, and tries for ever.
        if session.member_id and not Member.objects.filter(pk=session.member_id).exists():
            raise UpdateError
        return session


def _find(key: str) -> Session | None:
    """A session that has not expired, with its member, in one query."""
    if "\0" in key:  # PostgreSQL would refuse it, and no session has such a key
        return None
    now = timezone.now()
    if connection.vendor != "postgresql":
        unexpired = Session.objects.select_related("member").filter(expire_date__gt=now)
        return unexpired.filter(session_key=key).first()
    statement, fields, fields_of_member = _statement()
    row = statement.fetch_row({"now": now, "key": key})
    if row is None:
        return None
    session = Session.from_db(connection.alias, fields, row[: len(fields)])
    if session.member_id:
        values = row[len(fields) :]
        session.member = Member.from_db(connection.alias, fields_of_member, values)
    return session


@cache
def _statement() -> tuple[Prepared, list[str], list[str]]:
    """What the ORM sends for this, and the fields of its columns.

    On PostgreSQL they need no conversion, and making the statement costs more than running it.
    """
    found = Session.objects.select_related("member").filter(
        expire_date__gt=timezone.now(), session_key=""
    )
    text, (_now, _key) = found.query.sql_with_params()
    models = (model._meta.concrete_fields for model in (Session, Member))
    fields, fields_of_member = ([field.attname for field in of_one] for of_one in models)
    found_by = Prepared(text % ("%(now)s", "%(key)s"), ("now", "key"), "session")
    return found_by, fields, fields_of_member


def _member_id(data: dict[str, Any]) -> int | None:
    """Who is signed in, or has been sent a code that is not typed in yet."""
    if SESSION_KEY in data:
        return int(data[SESSION_KEY])
    pending = (data.get("account_login") or {}).get("user_pk")
    return int(url_str_to_user_pk(pending)) if pending else None
