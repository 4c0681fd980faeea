"""Whoever of staff looks at a member's page leaves a trace that nobody can take away."""

from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.urls import reverse

from accounts.access_log import note, note_all
from accounts.models import Member, MemberAccess
from tests.people import sign_in_staff

pytestmark = pytest.mark.django_db

PASSWORD = "lamp river seven"


def page(member: Member, name: str = "accounts_member_change") -> str:
    return reverse(f"admin:{name}", args=[member.pk])


def trace() -> list[tuple[str, str, str]]:
    return list(MemberAccess.objects.order_by("pk").values_list("by", "what", "member_ref"))


@pytest.fixture
def boss(client: Client, db: None) -> Member:
    boss = Member.objects.create_superuser("boss@example.org", PASSWORD, member_ref="boss")
    sign_in_staff(client, boss)
    return boss


@pytest.mark.parametrize("name", ["accounts_member_change", "accounts_member_history"])
def test_a_look_is_logged(client: Client, boss: Member, member: Member, name: str) -> None:
    assert client.get(page(member, name)).status_code == 200
    assert trace() == [("boss", "viewed", "anna")]


def test_a_change_is_logged(client: Client, boss: Member, member: Member) -> None:
    values = {"member_ref": "anna", "email": member.email, "country": "FR", "is_active": "on"}
    assert client.post(page(member), values).status_code == 302
    assert trace()[-1] == ("boss", "changed", "anna")
    Member.objects.filter(pk=member.pk).update(member_ref="local-1")
    url = page(member, "auth_user_password_change")
    client.post(url, {"password1": PASSWORD, "password2": PASSWORD})
    assert trace()[-1] == ("boss", "changed", "local-1")


def test_a_new_member_is_logged(client: Client, boss: Member) -> None:
    values = {"email": "new@example.org", "usable_password": "false"}
    client.post(reverse("admin:accounts_member_add"), values)
    new = Member.objects.get(email="new@example.org")
    assert ("boss", "added", new.member_ref) in trace()


def test_who_is_found_in_a_search_is_logged(
    client: Client, boss: Member, member: Member, other: Member
) -> None:
    page = reverse("admin:accounts_member_changelist")
    client.get(page)
    assert trace() == []  # without a search nobody is shown
    client.get(page, {"q": "ann"})
    assert trace() == [("boss", "searched", "anna")]


def test_who_may_not_look_leaves_no_trace(client: Client, member: Member) -> None:
    staff = Member.objects.create_user("staff@example.org", member_ref="staff", is_staff=True)
    for visitor in (None, member, staff):
        if visitor:
            client.force_login(visitor) if visitor is member else sign_in_staff(client, visitor)
        assert client.get(page(member)).status_code in {302, 403}
    assert trace() == []
    staff.user_permissions.set(Permission.objects.filter(codename="view_member"))
    assert client.get(page(member)).status_code == 200
    assert trace() == [("staff", "viewed", "anna")]


@pytest.mark.parametrize("key", ["0", "nonsense", "_00", "9" * 400])
def test_a_page_of_nobody(client: Client, boss: Member, key: str) -> None:
    client.get(reverse("admin:accounts_member_change", args=[key]))
    assert trace() == []


def test_without_a_trace_there_is_no_page(
    client: Client, boss: Member, member: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(**values: Any) -> None:
        raise IntegrityError("disk full")

    monkeypatch.setattr(MemberAccess.objects, "create", full)
    client.raise_request_exception = False
    answer = client.get(page(member))
    assert answer.status_code == 503
    assert member.email not in answer.content.decode()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE accounts_memberaccess SET by = 'somebody'",
        "DELETE FROM accounts_memberaccess",
        "INSERT OR REPLACE INTO accounts_memberaccess (id, at, by, member_ref, what, reason) "
        "SELECT id, at, 'x', member_ref, what, '' FROM accounts_memberaccess",
        "TRUNCATE accounts_memberaccess",
    ],
)
def test_the_database_refuses_to_change_the_log(statement: str) -> None:
    only_on = {"INSERT": "sqlite", "TRUNCATE": "postgresql"}.get(statement.split(maxsplit=1)[0])
    if only_on not in {None, connection.vendor}:
        pytest.skip(f"a statement of {only_on}")
    MemberAccess.objects.create(by="boss", member_ref="anna", what="viewed")
    with (
        pytest.raises(IntegrityError, match="only ever added to"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)
    assert trace() == [("boss", "viewed", "anna")]


def test_in_admin_the_log_is_read_only(client: Client, boss: Member, member: Member) -> None:
    client.get(page(member))
    entry = MemberAccess.objects.get()
    log = reverse("admin:accounts_memberaccess_changelist")
    for term in ("boss", "anna"):
        assert f"/{entry.pk}/change/" in client.get(log, {"q": term}).content.decode()
    assert f"/{entry.pk}/change/" not in client.get(log, {"q": "ann"}).content.decode()
    url = reverse("admin:accounts_memberaccess_change", args=[entry.pk])
    assert client.post(url, {"by": "x"}).status_code == 403
    for name in ("add", "delete"):
        arguments = [] if name == "add" else [entry.pk]
        url = reverse(f"admin:accounts_memberaccess_{name}", args=arguments)
        assert client.post(url, {"post": "yes"}).status_code == 403
    assert len(trace()) == 1


def test_a_reason_is_kept(member: Member) -> None:
    note(by="agent", member_ref="anna", what="shown", reason=" Ticket 4711\0 " + "x" * 1000)
    kept = MemberAccess.objects.get()
    assert kept.reason.startswith("Ticket 4711 x")
    assert len(kept.reason) == 500


def test_a_list_is_kept_as_one_access_for_each() -> None:
    note_all(by="agent", member_refs=["anna", "ben"], what="searched")
    assert trace() == [("agent", "searched", "anna"), ("agent", "searched", "ben")]


def test_an_access_of_no_known_kind() -> None:
    with pytest.raises(ValueError, match="peeked"):
        note(by="agent", member_ref="anna", what="peeked")
