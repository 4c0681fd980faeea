"""What staff, or somebody in their place, might send: crafted forms, searches, stored scripts."""

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group
from django.db import IntegrityError, models, transaction
from django.db.models import ProtectedError
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import Member, MemberAccess, UnusualAccess
from consent.models import Notice, ParkedMail, Purpose
from desk.models import Correction, MemberPage, MemberRequest, StaffAction
from desk.roles import Role
from ledger.models import CurrentChoice, Entry
from propagation.models import Cursor, Parked, StorePause
from tests.people import choose, make_member, sign_in_staff

pytestmark = pytest.mark.django_db

SCRIPT = "<script>alert(1)</script>"
CHOICES = reverse("admin:ledger_entry_changelist")


@pytest.fixture
def boss(db):
    browser = Client()
    sign_in_staff(browser, Member.objects.create_superuser("boss@x.example", member_ref="boss"))
    return browser


def lists():
    """The lists in admin, by label of the model."""
    return {
        model._meta.label_lower: reverse(
            f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist"
        )
        for model in admin.site._registry
    }


def refused_by_the_database(statement):
    with pytest.raises((IntegrityError, ProtectedError)), transaction.atomic():
        statement()


class TestChoices:
    """Nobody changes or deletes one, whatever they send."""

    @pytest.fixture(autouse=True)
    def objected(self, member):
        choose("anna")
        yield
        entry = Entry.objects.get()
        assert (entry.decision, entry.member_ref) == ("objected", "anna")
        assert CurrentChoice.objects.get().decision == "objected"

    @pytest.mark.parametrize("role", Role)
    @pytest.mark.parametrize(
        "action", ["delete_selected", "allow", "publish", "make_allowed", "update"]
    )
    def test_mass_action_by_a_crafted_post(self, staff, role, action):
        self.crafted(staff(role), action)

    @pytest.mark.parametrize("action", ["delete_selected", "allow", "update"])
    def test_nor_by_a_superuser(self, boss, action):
        self.crafted(boss, action)

    def crafted(self, browser, action):
        key = Entry.objects.get().pk
        sent = {
            "action": action, "_selected_action": [key], "select_across": "1", "post": "yes",
            "decision": "allowed", "_save": "Save", "form-TOTAL_FORMS": "1",
            "form-INITIAL_FORMS": "1", "form-0-id": key, "form-0-decision": "allowed",
        }  # fmt: skip
        browser.post(CHOICES, sent)
        for page in ("change", "delete"):
            answer = browser.post(reverse(f"admin:ledger_entry_{page}", args=[key]), sent)
            assert answer.status_code == 403
        assert browser.post(reverse("admin:ledger_entry_add"), sent).status_code == 403

    def test_deleting_a_member_deletes_none(self, member):
        member.delete()

    def test_deleting_a_notice_or_purpose_deletes_none(self, notice):
        refused_by_the_database(notice.delete)
        refused_by_the_database(notice.purpose.delete)
        refused_by_the_database(Notice.objects.all().delete)
        assert Purpose.objects.exists()

    def test_deleting_an_unused_purpose_deletes_none(self, boss):
        """Of the same code as the choice: only the record of the purpose goes."""
        Purpose.objects.all().delete()
        Purpose.objects.create(code="genai-training")
        url = reverse("admin:consent_purpose_delete", args=["genai-training"])
        assert boss.post(url, {"post": "yes"}).status_code == 302
        assert not Purpose.objects.exists()

    def test_nor_does_the_orm(self):
        refused_by_the_database(Entry.objects.all().delete)
        refused_by_the_database(lambda: Entry.objects.update(decision="allowed"))


class TestSearches:
    @pytest.mark.parametrize("term", ["%", "_", "a" * 10_000, "' OR '1'='1", "\\", "*", "😀", "-1"])
    def test_that_find_nobody(self, boss, filled, term):
        """Nothing in them is a wildcard."""
        for label, url in self.searchable():
            answer = boss.get(url, {"q": term})
            assert answer.status_code == 200, label
            assert "/change/" not in _results(answer.content.decode()), label

    @pytest.mark.parametrize("term", ["\0", SCRIPT, "a\0b" * 1_000])
    def test_that_are_no_words(self, boss, filled, term):
        for label, url in self.searchable():
            answer = boss.get(url, {"q": term})
            assert answer.status_code == 200, label
            assert SCRIPT not in answer.content.decode(), label

    def searchable(self):
        registered = {m._meta.label_lower: a for m, a in admin.site._registry.items()}
        return [(label, url) for label, url in lists().items() if registered[label].search_fields]

    @pytest.mark.parametrize("query", [{"p": "9" * 30}, {"o": "99.-99"}, {"x": "y"}, {"p": "-1"}])
    def test_other_parameters_that_are_none(self, boss, filled, query):
        for label, url in lists().items():
            assert boss.get(url, query).status_code in {200, 302}, label


def _results(page):
    return page.partition('id="result_list"')[2].partition("</table>")[0]


@pytest.fixture
def filled(notice, member):
    """Rows whose every text that somebody could have written is a script."""
    now = timezone.now()
    MemberAccess.objects.create(by=SCRIPT, member_ref=SCRIPT, what="shown", reason=SCRIPT)
    UnusualAccess.objects.create(
        kind="many", by=SCRIPT, day=now.date(), members=60, first_at=now, last_at=now
    )
    Group.objects.create(name=SCRIPT)
    StorePause.objects.create(store="sql", paused_at=now, by=SCRIPT, reason=SCRIPT)
    Cursor.objects.create(store="sql", partition=0, last_error=SCRIPT)
    Parked.objects.create(
        store="sql", partition=0, member_ref=SCRIPT, purpose=SCRIPT, revision=1, reason=SCRIPT,
        parked_at=now, retry_at=now,
    )  # fmt: skip
    ParkedMail.objects.create(
        member=member, partition=0, purpose=SCRIPT, revision=1, reason=SCRIPT, parked_at=now
    )
    Purpose.objects.create(code=SCRIPT)
    rollout = notice.rollouts.first()
    rollout.pause(by=SCRIPT, reason=SCRIPT)
    make_member("x@example.org", language=SCRIPT[:12], name=SCRIPT)
    StaffAction.objects.create(
        by=SCRIPT, member_ref=SCRIPT, kind="note", reason=SCRIPT, outcome=SCRIPT
    )
    MemberRequest.objects.create(
        member_ref=SCRIPT, kind="access", received_on=now.date(), due_on=now.date(),
        owner=SCRIPT, opened_by=SCRIPT,
    )  # fmt: skip
    choose("x", channel="support")
    Correction.objects.create(
        member_ref="x", purpose="genai-training", revision=1, meant_ref=SCRIPT, reason=SCRIPT,
        asked_by=SCRIPT,
    )  # fmt: skip
    return rollout


def test_a_stored_script_is_text_everywhere(boss, filled):
    """On lists, on the pages of the rows, and on the pages that delete them."""
    seen = 0
    for model in admin.site._registry:
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        urls = [reverse(f"{name}_changelist")]
        for row in model._default_manager.order_by("-pk")[:3]:
            if model is MemberPage:  # Django's own pages for it do not exist
                if row.member_ref != SCRIPT:
                    urls.append(reverse(f"{name}_change", args=[row.member_ref]))
                continue
            urls += [reverse(f"{name}_{page}", args=[row.pk]) for page in ("change", "history")]
        for url in urls:
            page = boss.get(url, follow=True).content.decode()
            assert SCRIPT not in page, url
            seen += page.count("&lt;script&gt;")
    assert seen > 20


class TestSigningInAsAMember:
    """What a superuser could try: a password, an address, rights, an account of the same name."""

    def test_by_a_password(self, boss, member):
        url = reverse("admin:auth_user_password_change", args=[member.pk])
        sent = {"usable_password": "true", "password1": "lamp river 7", "password2": "lamp river 7"}
        assert boss.get(url).status_code == 403
        assert boss.post(url, sent).status_code == 403
        assert not Member.objects.get(pk=member.pk).has_usable_password()

    def test_by_an_address_or_rights(self, boss, member):
        url = reverse("admin:accounts_member_change", args=[member.pk])
        sent = {
            "email": "boss@x.example.org", "is_active": "on", "is_staff": "on", "password": "x",
            "is_superuser": "on", "groups": [1], "member_ref": "x", "country": "FR",
        }  # fmt: skip
        assert boss.post(url, sent).status_code == 302
        after = Member.objects.get(pk=member.pk)
        assert (after.email, after.password) == (member.email, member.password)
        assert not after.is_staff
        assert not after.is_superuser
        assert not after.groups.exists()
        assert after.country == "FR"

    def test_by_an_account_of_the_same_name(self, boss):
        """For a member whom the host has not sent yet."""
        sent = {"member_ref": "m1", "email": "n@example.org", "usable_password": "false"}
        assert boss.post(reverse("admin:accounts_member_add"), sent).status_code == 302
        new = Member.objects.get(email="n@example.org")
        assert new.is_made_here
        assert new.is_staff
        assert not Member.objects.filter(member_ref="m1").exists()


def test_only_superusers_give_rights(staff, member):
    """A crafted form of a member's page gives nobody a role."""
    for role in Role:
        browser = staff(role)
        url = reverse("admin:accounts_member_change", args=[browser.member.pk])
        browser.post(url, {"is_superuser": "on", "is_staff": "on", "groups": [1, 2, 3, 4, 5, 6]})
        person = Member.objects.get(pk=browser.member.pk)
        assert not person.is_superuser
        assert [group.name for group in person.groups.all()] == [role]
        assert browser.get(reverse("admin:auth_group_changelist")).status_code == 403


@pytest.mark.parametrize("model", [MemberAccess, Entry])
def test_no_model_that_must_stay_hangs_on_another(model):
    """So that no cascade can reach it: its only ties are references, which are plain text."""
    assert not [f for f in model._meta.get_fields() if isinstance(f, models.ForeignKey)]
