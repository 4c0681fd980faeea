"""The log of access is searched by both sides, and exported by those who may read it."""

import csv
import io

import pytest
from django.urls import reverse

from accounts.models import MemberAccess
from consent import access_admin
from desk.roles import Role

pytestmark = pytest.mark.django_db

EXPORT = reverse("admin:accounts_memberaccess_export")
LOG = reverse("admin:accounts_memberaccess_changelist")


def write(by, ref, reason="", what="viewed"):
    return MemberAccess.objects.create(by=by, member_ref=ref, what=what, reason=reason)


def exported(browser, **query):
    answer = browser.get(EXPORT, query)
    assert answer.status_code == 200
    assert "attachment" in answer.headers["Content-Disposition"]
    return list(csv.DictReader(io.StringIO(answer.getvalue().decode())))


def test_all_of_it_in_small_steps(staff, monkeypatch):
    monkeypatch.setattr(access_admin, "STEP", 3)
    for number in range(10):
        write("agent", f"m{number}")
    rows = exported(staff(Role.AUDITOR))
    assert [row["member_ref"] for row in rows] == ["", *(f"m{n}" for n in reversed(range(10)))]


@pytest.mark.parametrize(("term", "found"), [("anna", 1), ("agent", 2), ("ann", 0), ("%", 0)])
def test_by_member_and_by_member_of_staff(staff, term, found):
    write("agent", "anna")
    write("agent", "ben")
    assert len(exported(staff(Role.PRIVACY_OFFICER), q=term)) == found


def test_a_formula_in_a_reason_is_text(staff):
    write("agent", "anna", reason='=HYPERLINK("http://evil.example")', what="shown")
    assert exported(staff(Role.AUDITOR), q="anna")[0]["reason"].startswith("'=HYPERLINK")


def test_a_script_in_a_reason_is_text(staff):
    write("agent", "anna", reason="<script>alert(1)</script>", what="shown")
    page = staff(Role.AUDITOR).get(LOG).content.decode()
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page


def test_an_export_is_logged(staff):
    auditor = staff(Role.AUDITOR)
    auditor.get(EXPORT, {"q": "anna"}).getvalue()
    entry = MemberAccess.objects.get()
    assert (entry.by, entry.what) == (auditor.member.member_ref, "exported")
    assert "anna" in entry.reason


@pytest.mark.parametrize(
    "role", set(Role) - {Role.AUDITOR, Role.SUPPORT_LEAD, Role.PRIVACY_OFFICER}
)
def test_others_do_not_read_it(staff, role):
    browser = staff(role)
    for url in (LOG, EXPORT):
        assert browser.get(url).status_code == 403
    assert not MemberAccess.objects.exists()


def test_the_page_leads_to_the_export_of_the_same_search(staff):
    page = staff(Role.AUDITOR).get(LOG, {"q": "anna"}).content.decode()
    assert f'href="{EXPORT}?q=anna"' in page
