"""Deleting one's data here: who can, what goes, what stays, and what was on its way."""

import threading
import time
import uuid
from datetime import timedelta

import pytest
from allauth.account.models import EmailAddress
from django.contrib.admin.models import CHANGE, LogEntry
from django.core import mail
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.urls import reverse

from accounts import importing
from accounts.freshness import FRESH
from accounts.models import Member, MemberAccess, Session, Suppression
from accounts.suppression import suppress, suppressed
from accounts.tests.mails import mailed_code
from consent import erasure
from consent.erasure import IsStaff, erase
from consent.links import Link, make_token
from consent.models import SentMail
from ledger.models import CurrentChoice, Entry
from ledger.seal import seal_all
from ledger.verify import findings
from propagation.reconcile import reconcile
from propagation.registry import store_for
from propagation.relay import relay
from tests.people import choose, make_member, sign_in_staff

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("notice", "sql_store")]

DELETE = reverse("delete_my_data")
LOGIN, LOGOUT = reverse("account_login"), reverse("account_logout")
CODE, CONFIRM = reverse("account_request_login_code"), reverse("account_confirm_login_code")
PASSWORD = "lamp river seven"
KEY = ("anna", "genai-training")


def sign_in(client: Client, member: Member, **values: str):
    """By a mailed code, as a member does."""
    client.post(CODE, {"email": member.email, **values})
    return client.post(CONFIRM, {"code": mailed_code(), **values})


@pytest.fixture
def fresh(client, member):
    sign_in(client, member)
    return client


def later(monkeypatch, seconds):
    now = time.time()
    monkeypatch.setattr("accounts.freshness.time.time", lambda: now + seconds)


def everything() -> dict[str, str]:
    """All that is in the database, by table, as text."""
    found = {}
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT * FROM "{table}"')
            rows = cursor.fetchall()
            if table == "accounts_session":  # what the text of a session hides
                rows = [session.get_decoded() for session in Session.objects.all()]
            found[table] = str(rows)
    return found


def carry(alias="sql"):
    seal_all(0)
    while relay(alias):
        pass


def test_after_a_fresh_sign_in_one_press_deletes(fresh, member):
    page = fresh.get(DELETE).content.decode()
    assert "Delete my data for good" in page
    answer = fresh.post(DELETE)
    assert answer.status_code == 200
    assert "Your data here is deleted" in answer.content.decode()
    assert not Member.objects.exists()
    assert not answer.wsgi_request.user.is_authenticated
    assert fresh.get("/").status_code == 302


def test_with_a_password_too(client, member):
    member.set_password(PASSWORD)
    member.save()
    client.post(LOGIN, {"login": member.email, "password": PASSWORD})
    assert client.post(DELETE).status_code == 200
    assert not Member.objects.exists()


@pytest.mark.parametrize("old", ["never", "too long ago"])
def test_an_old_sign_in_deletes_nothing_and_leads_to_a_new_one(client, member, monkeypatch, old):
    if old == "never":
        client.force_login(member)
    else:
        sign_in(client, member)
        later(monkeypatch, FRESH)
    answer = client.post(DELETE)
    assert answer.status_code == 403
    page = answer.content.decode()
    assert "Nothing was deleted" in page
    assert "for good" not in page
    assert Member.objects.filter(pk=member.pk).exists()
    monkeypatch.undo()
    # The button on the page: out, in again by a code, and back.
    target = f"{LOGIN}?next={DELETE.replace('/', '%2F')}"
    assert f'value="{target}"' in page
    assert client.post(LOGOUT, {"next": target}).url == target
    assert f'name="next" value="{DELETE}"' in client.get(target).content.decode()
    assert sign_in(client, member, next=DELETE).url == DELETE
    assert "for good" in client.get(DELETE).content.decode()


def test_the_sign_in_of_another_member_is_not_fresh_for_this_one(fresh, member, other):
    fresh.force_login(other)
    assert fresh.post(DELETE).status_code == 403
    assert Member.objects.count() == 2


def test_only_oneself(fresh, member, other):
    fresh.post(f"{DELETE}?member={other.pk}", {"member": other.pk, "member_ref": "ben"})
    assert [left.member_ref for left in Member.objects.all()] == ["ben"]


def test_looking_deletes_nothing(fresh):
    before = everything()
    for method in ("get", "head"):
        assert getattr(fresh, method)(DELETE).status_code == 200
    for method in ("put", "patch", "delete"):
        assert getattr(fresh, method)(DELETE).status_code == 405
    assert everything() == before


@pytest.mark.parametrize("body", [{}, {"x": "\0"}, {"x": "y" * 1_000_000}])
def test_nonsense_in_the_form_does_not_matter(fresh, body):
    assert fresh.post(DELETE, body).status_code == 200


def test_a_form_from_elsewhere_deletes_nothing(member):
    client = Client(enforce_csrf_checks=True)
    client.force_login(member)
    assert client.post(DELETE).status_code == 403
    assert Member.objects.exists()


def test_the_page_says_what_stays_and_to_object_first(fresh, settings):
    page = fresh.get(DELETE).content.decode()
    assert "You have not objected." in page
    assert settings.OPERATOR_PRIVACY_EMAIL in page
    assert "Object first" in page
    choose("anna")
    page = fresh.get(DELETE).content.decode()
    assert "Your objection stays in force." in page
    assert "Object first" not in page


@pytest.mark.parametrize("rights", [{"is_staff": True}, {"is_superuser": True}])
def test_staff_do_not_delete_themselves(client, rights):
    boss = make_member("boss@example.org", **rights)
    sign_in(client, boss)
    page = client.get(DELETE).content.decode()
    assert "cannot be deleted here" in page
    assert "for good" not in page
    assert client.post(DELETE).status_code == 403
    with pytest.raises(IsStaff):
        erase(boss.pk)
    assert Member.objects.exists()
    assert not Suppression.objects.exists()


def test_nor_do_former_staff_whose_work_is_on_record(member):
    LogEntry.objects.create(user=member, action_flag=CHANGE, object_repr="a notice")
    with pytest.raises(IsStaff):
        erase(member.pk)
    assert LogEntry.objects.exists()


def test_nothing_leads_to_the_person_any_more(client, member, other):
    boss = make_member("boss@example.org", is_staff=True, is_superuser=True)
    admin = Client()
    sign_in_staff(admin, boss)
    change = reverse("admin:accounts_member_change", args=[member.pk])
    values = {"member_ref": "anna", "email": member.email, "country": "FR", "is_active": "on"}
    assert admin.post(change, values).status_code == 302
    assert LogEntry.objects.get().object_repr == member.email
    choose("anna")
    carry()
    for person in (member, other):
        SentMail.objects.record(
            person.pk, kind="notice", purpose=KEY[1], notice_version=1, language="en"
        )
    EmailAddress.objects.create(user=member, email=member.email, verified=True, primary=True)
    Client().post(CODE, {"email": member.email})  # a code is asked for in another browser
    sign_in(client, member)
    client.get("/")
    before = everything()
    assert {name for name, rows in before.items() if member.email in rows} == {
        "accounts_member", "accounts_session", "account_emailaddress", "django_admin_log",
    }  # fmt: skip

    client.post(DELETE)
    after = everything()
    assert not [name for name, rows in after.items() if member.email in rows]
    assert {name for name, rows in after.items() if "'anna'" in rows} == {
        "ledger_entry", "ledger_currentchoice", "accounts_memberaccess",
    }  # fmt: skip
    assert SentMail.objects.get().member == other

    assert admin.get(change).status_code == 302  # "does not exist; perhaps it was deleted"
    for term in ("anna", "anna@example.org"):
        found = admin.get(reverse("admin:accounts_member_changelist"), {"q": term})
        assert "0 members" in found.content.decode()
    assert member.email not in admin.get(reverse("admin:index")).content.decode()
    assert LogEntry.objects.get().user == boss  # what staff did stays
    assert MemberAccess.objects.filter(member_ref="anna", by=boss.member_ref).exists()


def test_all_browsers_are_signed_out(fresh, member, other):
    elsewhere, bens = Client(), Client()
    elsewhere.force_login(member)
    bens.force_login(other)
    fresh.post(DELETE)
    assert not elsewhere.get("/").wsgi_request.user.is_authenticated
    assert bens.get("/").wsgi_request.user == other


def test_a_mail_link_answers_as_any_bad_link(client, member, notice):
    link = f"/o/{make_token(Link(member.pk, notice.pk))}/"
    assert client.get(link).status_code == 200
    bad = client.get("/o/nonsense/")
    erase(member.pk)
    for answer in (client.get(link), client.post(link, {"request_id": str(uuid.uuid4())})):
        assert answer.status_code == bad.status_code == 404
        assert "This link does not work" in answer.content.decode()
    assert not Entry.objects.exists()


def test_signing_in_again_finds_no_account(client, member):
    erase(member.pk)
    client.post(CODE, {"email": member.email})
    assert "no account" in str(mail.outbox[-1].body)


def test_an_import_brings_nobody_back(member, tmp_path, capsys):
    choose("anna")
    erase(member.pk)
    file = tmp_path / "members.csv"
    file.write_text(
        "member_ref,email\nanna,new@example.org\nx,anna@example.org\nben,b@example.org\n"
    )
    call_command("import_members", str(file), "--no-progress")
    assert [left.member_ref for left in Member.objects.all()] == ["ben"]
    assert "line 2: erased at the member's own request" in capsys.readouterr().err
    assert CurrentChoice.objects.objects_to(*KEY)


# The objection ---------------------------------------------------------------------------------


def test_an_objection_on_its_way_still_arrives(member, sql_store):
    choose("anna")
    erase(member.pk)  # before it is even sealed
    carry()
    assert sql_store().read([KEY])[KEY].decision == "objected"


def test_a_store_that_is_added_later_is_told_as_well(member, settings, tmp_path):
    choose("anna")
    carry()
    erase(member.pk)
    added = {**settings.DATA_STORES["sql"], "OPTIONS": {"url": f"sqlite:///{tmp_path}/new.db"}}
    settings.DATA_STORES = {**settings.DATA_STORES, "added": added}
    carry("added")
    assert store_for("added").read([KEY])[KEY].decision == "objected"


def test_nothing_drifts_and_the_ledger_is_whole(member):
    choose("anna")
    carry()
    erase(member.pk)
    report = reconcile("sql", full=True)
    assert (report.drift, report.checked) == (0, 1)
    assert list(findings()) == []


# What was on its way ----------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_if_it_fails_nothing_is_deleted(fresh, member, monkeypatch):
    def fail(person):
        raise DatabaseError("disk full")

    before = everything()
    monkeypatch.setattr(erasure, "suppress", fail)
    fresh.raise_request_exception = False
    assert fresh.post(DELETE).status_code == 503
    assert everything() == before
    monkeypatch.undo()
    assert fresh.post(DELETE).status_code == 200


def test_twice_is_once(member):
    erase(member.pk)
    erase(member.pk)
    assert Suppression.objects.count() == 2


def test_the_address_of_this_moment_is_suppressed(member):
    Member.objects.filter(pk=member.pk).update(email="moved@example.org")
    erase(member.pk)
    moved = ("x", "moved@example.org")
    assert suppressed([moved, ("y", "anna@example.org")]) == {moved}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("first", ["erasure", "import"])
def test_an_import_at_the_same_moment_brings_nobody_back(member, tmp_path, monkeypatch, first):
    """Whoever comes first, the other waits for the row."""
    file = tmp_path / "members.csv"
    file.write_text("member_ref,email\nanna,new@example.org\n")
    under_way, done = threading.Event(), []

    def in_thread(work):
        def run():
            under_way.wait(10)
            work()
            done.append(True)
            connection.close()

        thread = threading.Thread(target=run)
        thread.start()
        return thread

    def load():
        call_command("import_members", str(file), "--no-progress")

    if first == "erasure":
        thread = in_thread(load)
        with transaction.atomic():
            erase(member.pk)
            under_way.set()
            time.sleep(0.5)
            assert not done
    else:
        write = importing._write

        def write_slowly(*arguments):
            under_way.set()
            time.sleep(0.5)
            assert not done
            write(*arguments)

        monkeypatch.setattr(importing, "_write", write_slowly)
        thread = in_thread(lambda: erase(member.pk))
        load()
    thread.join()
    assert done
    assert not Member.objects.exists()
    address = "anna@example.org" if first == "erasure" else "new@example.org"
    assert suppressed([("x", address)])


def test_a_confirmation_that_was_under_way_is_not_recorded(member):
    erase(member.pk)
    recorded = SentMail.objects.record(
        member.pk, kind="confirmation", purpose=KEY[1], notice_version=1, language="en", revision=1
    )
    assert recorded is None


def test_a_choice_that_was_under_way_is_kept(fresh, member):
    """Its request had read the member before; what was acknowledged is never lost."""
    erase(member.pk)
    choose("anna", recorded_at=member.joined_at + timedelta(minutes=1))
    carry()
    assert CurrentChoice.objects.objects_to(*KEY)


def test_whom_a_restored_backup_brought_back_is_erased_again(member, other, capsys):
    erase(member.pk)
    make_member("anna@example.org")
    suppress(("x", "boss@example.org"))
    make_member("boss@example.org", is_staff=True)
    call_command("erase_suppressed")
    assert sorted(left.member_ref for left in Member.objects.all()) == ["ben", "boss"]
    said = capsys.readouterr()
    assert said.out == "1 members erased\n"
    assert "is staff" in said.err


def test_without_the_key_of_then_nobody_is_erased(member, settings):
    suppress(("anna", "anna@example.org"))
    settings.SUPPRESSION_KEY = "another-key-of-at-least-32-characters"
    with pytest.raises(CommandError, match="SUPPRESSION_KEY_FALLBACKS"):
        call_command("erase_suppressed")
    assert Member.objects.exists()
