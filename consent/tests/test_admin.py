"""Django admin: everything can be looked at, no choice can be changed or deleted."""

import pytest
from django.urls import reverse

from accounts.models import Member
from consent.models import ParkedMail
from ledger.models import Entry
from ledger.seal import seal_all
from tests.people import choose, sign_in_staff

pytestmark = pytest.mark.django_db


@pytest.fixture
def admin(client):
    sign_in_staff(client, Member.objects.create_superuser("staff@example.org", "x"))
    return client


@pytest.fixture
def entry(db):
    choose("anna")
    seal_all(0)
    return Entry.objects.get()


@pytest.mark.parametrize(
    "model",
    ["accounts_member", "ledger_entry", "consent_notice", "consent_rollout", "consent_purpose",
     "propagation_cursor", "propagation_parked", "consent_parkedmail"],
)  # fmt: skip
def test_lists(admin, notice, entry, model):
    assert admin.get(reverse(f"admin:{model}_changelist")).status_code == 200


def test_a_mail_that_was_refused_can_be_looked_at_and_not_changed(admin, member):
    mail = ParkedMail.objects.create(
        member=member, purpose="genai-training", revision=1, partition=0, reason="550 unknown"
    )
    assert b"550 unknown" in admin.get(reverse("admin:consent_parkedmail_changelist")).content
    path = reverse("admin:consent_parkedmail_delete", args=[mail.pk])
    assert admin.post(path, {"post": "yes"}).status_code == 403


def test_a_choice_can_be_found_and_looked_at(admin, entry):
    found = admin.get(reverse("admin:ledger_entry_changelist"), {"q": "anna"}).content.decode()
    assert "anna" in found
    page = admin.get(reverse("admin:ledger_entry_change", args=[entry.pk])).content.decode()
    assert "objected" in page
    assert 'name="_save"' not in page


@pytest.mark.parametrize("page", ["change", "delete"])
def test_a_choice_cannot_be_changed_or_deleted(admin, entry, page):
    path = reverse(f"admin:ledger_entry_{page}", args=[entry.pk])
    assert admin.post(path, {"post": "yes", "decision": "allowed"}).status_code == 403
    assert Entry.objects.get().decision == "objected"


def test_no_choice_can_be_added(admin, entry):
    assert admin.get(reverse("admin:ledger_entry_add")).status_code == 403


def test_no_mass_deletion_by_a_crafted_post(admin, entry):
    admin.post(
        reverse("admin:ledger_entry_changelist"),
        {"action": "delete_selected", "_selected_action": [entry.pk], "post": "yes"},
    )
    assert Entry.objects.count() == 1


def test_a_published_notice_is_read_only(admin, notice):
    path = reverse("admin:consent_notice_change", args=[notice.pk])
    page = admin.get(path)
    assert page.status_code == 200
    assert b'name="_save"' not in page.content
    assert admin.post(path, {"version": 9}).status_code == 403
    assert admin.post(reverse("admin:consent_notice_delete", args=[notice.pk])).status_code == 403


def test_members_have_no_admin(client, member):
    client.force_login(member)
    assert client.get("/admin/").status_code == 302
