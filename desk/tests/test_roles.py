"""Each role has its group, with exactly the permissions that are written down."""

import pytest
from django.contrib.auth.models import Group, Permission

from desk import roles
from desk.roles import PERMISSIONS, Role, make_groups

pytestmark = pytest.mark.django_db


def held(role):
    permissions = Group.objects.get(name=role).permissions.select_related("content_type")
    return {f"{p.content_type.app_label}.{p.codename}" for p in permissions}


@pytest.mark.parametrize("role", set(Role) - {Role.AUDITOR})
def test_a_role_has_what_is_written_down(role):
    assert held(role) == PERMISSIONS[role]


def test_auditors_view_all_and_change_nothing():
    permissions = held(Role.AUDITOR)
    assert {"ledger.view_entry", "accounts.view_memberaccess"} <= permissions
    assert all(name.partition(".")[2].startswith("view_") for name in permissions)
    assert "accounts.view_member" not in permissions  # unmasked, and without a reason


def test_what_was_given_by_hand_is_taken_back():
    group = Group.objects.get(name=Role.AUDITOR)
    group.permissions.add(Permission.objects.get(codename="change_member"))
    make_groups()
    assert "accounts.change_member" not in held(Role.AUDITOR)


def test_a_permission_that_does_not_exist(monkeypatch):
    monkeypatch.setitem(roles.PERMISSIONS, Role.OPERATOR, {"ledger.rewrite_history"})
    with pytest.raises(LookupError, match="rewrite_history"):
        make_groups()


def test_staff_have_the_rights_of_their_roles(staff):
    browser = staff(Role.SUPPORT_AGENT)
    assert browser.member.has_perm("desk.view_memberpage")
    assert not browser.member.has_perm("accounts.view_member")
    assert not browser.member.has_perm("consent.change_notice")
