"""Who reaches what: every role × every page of admin × every page of members.

The tables below say what is meant. A page or a model that is in none of them makes a test fail,
so that somebody decides who it is for. To read the first one: v sees, a adds, c changes, d deletes.
"""

from datetime import timedelta

import pytest
from allauth.mfa.models import Authenticator
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import Member, MemberAccess, UnusualAccess
from campaigns.models import MailStop
from campaigns.tests.campaigns import make_campaign
from consent.links import Link, make_token
from consent.models import Notice, ParkedMail, Purpose, Rollout
from desk import packing
from desk.counters import Dashboard
from desk.models import Correction, Evidence, MemberRequest, StaffAction
from desk.packs import EvidencePack
from desk.roles import Role
from desk.tests.matrix import custom_admin_pages, models, other_pages
from ledger.models import CurrentChoice, Entry
from propagation.models import Cursor, Parked, StorePause
from tests.people import choose, make_member, sign_in_staff

pytestmark = pytest.mark.django_db

SUPERUSER, NO_ROLE, MEMBER, NOBODY = "superuser", "staff without a role", "member", "nobody"
STAFF = [*Role, SUPERUSER]
ALL = [*STAFF, NO_ROLE, MEMBER, NOBODY]

MODELS = """
                        agent  lead  campaigns  officer  auditor  operator  superuser
accounts.member         -      -     -          -        -        -         vac
accounts.memberaccess   -      v     -          v        v        -         v
accounts.unusualaccess  -      v     -          v        v        -         v
auth.group              -      -     -          -        -        -         vacd
campaigns.campaign      -      -     vac        v        v        -         vac
campaigns.mailstop      -      -     v          v        v        -         v
desk.correction         v      v     -          v        v        -         v
desk.memberpage         v      v     -          v        v        -         v
desk.memberrequest      v      v     -          v        v        -         v
desk.staffaction        -      v     -          v        v        -         v
consent.notice          v      v     v          vac      v        -         vacd
consent.parkedmail      v      v     -          v        v        -         v
consent.purpose         -      -     -          -        v        -         vacd
consent.rollout         v      v     v          va       v        -         va
desk.dashboard          -      -     -          v        v        -         v
desk.evidencepack       -      -     -          v        v        -         v
ledger.entry            v      v     -          v        v        -         v
mfa.authenticator       -      -     -          -        -        -         vd
propagation.cursor      -      -     -          v        v        v         v
propagation.parked      v      v     -          v        v        v         v
propagation.storepause  -      -     -          -        v        v         v
"""

ONLY_OWN_PAGES = {"desk.memberpage"}
"""Django's own pages for the model do not exist: they would show a member without a reason."""
SUPPORT = {Role.SUPPORT_AGENT, Role.SUPPORT_LEAD, SUPERUSER}
DESK = SUPPORT | {Role.PRIVACY_OFFICER}
READS_THE_DESK = DESK | {Role.AUDITOR}
DECIDES = {Role.SUPPORT_LEAD, Role.PRIVACY_OFFICER, SUPERUSER}
LOOKS_AT_STORES = {Role.PRIVACY_OFFICER, Role.AUDITOR, Role.OPERATOR, SUPERUSER}
OFFICERS = {Role.PRIVACY_OFFICER, SUPERUSER}
READS_NOTICES = {
    Role.SUPPORT_AGENT, Role.SUPPORT_LEAD, Role.CAMPAIGN_MANAGER, Role.PRIVACY_OFFICER,
    Role.AUDITOR, SUPERUSER,
}  # fmt: skip
READS_THE_LOG = {Role.SUPPORT_LEAD, Role.PRIVACY_OFFICER, Role.AUDITOR, SUPERUSER}
SEES_CAMPAIGNS = {Role.CAMPAIGN_MANAGER, Role.PRIVACY_OFFICER, Role.AUDITOR, SUPERUSER}
RUNS_CAMPAIGNS = SEES_CAMPAIGNS - {Role.AUDITOR}
# Name of the page: how it is asked for, and who gets an answer other than a refusal.
CUSTOM = {
    "auth_user_password_change": ("get", ["MEMBER"], set()),  # nobody signs in as a member
    "propagation_store": ("get", ["sql"], LOOKS_AT_STORES),
    "propagation_store_pause": ("get", ["sql"], {Role.OPERATOR, SUPERUSER}),
    "propagation_store_act": ("post", ["sql", "resume"], {Role.OPERATOR, SUPERUSER}),
    "desk_memberpage_open": ("post", ["ben"], READS_THE_DESK),
    # Closed to all until they have said why they look: the tests of the page open it.
    "desk_memberpage_sees": ("get", ["ben"], set()),
    "desk_memberpage_evidence": ("get", ["EVIDENCE"], set()),
    "desk_memberpage_act": ("get", ["ben", "object"], READS_THE_DESK),  # leads to the reason first
    "desk_memberrequest_act": ("get", ["REQUEST", "extend"], DECIDES),
    "desk_memberrequest_my_data": ("get", ["REQUEST", "json"], DECIDES),
    "desk_correction_act": ("get", ["CORRECTION", "agree"], DECIDES),
    "accounts_memberaccess_export": ("get", [], READS_THE_LOG),
    "consent_notice_text": ("get", ["DRAFT", "de"], READS_NOTICES),
    "consent_notice_preview": ("get", ["DRAFT"], READS_NOTICES),
    "consent_notice_framed": ("get", ["PUBLISHED", "de", "since"], READS_NOTICES),
    "consent_notice_diff": ("get", ["DRAFT"], READS_NOTICES),
    "consent_notice_checks": ("get", ["DRAFT"], READS_NOTICES),
    "consent_notice_act": ("post", ["DRAFT", "propose"], OFFICERS),
    "consent_rollout_act": ("post", ["ROLLOUT", "pause"], OFFICERS),
    "desk_evidencepack_make": ("post", [], OFFICERS),
    "desk_evidencepack_file": ("get", ["PACK"], OFFICERS | {Role.AUDITOR}),
    **{
        f"campaigns_{page}": ("get", ["CAMPAIGN"], SEES_CAMPAIGNS)
        for page in (
            "standing", "preview", "preview_html", "report", "report_pdf", "report_csv",
        )
    },
    "campaigns_act": ("post", ["CAMPAIGN", "count"], RUNS_CAMPAIGNS),
    "campaigns_unreached": ("post", ["CAMPAIGN"], RUNS_CAMPAIGNS),
    "campaigns_stop": ("get", [], RUNS_CAMPAIGNS),
    "campaigns_lift": ("post", [], RUNS_CAMPAIGNS),
    "consent_launch": ("get", ["ROLLOUT"], set(STAFF) - {Role.OPERATOR}),
    "consent_override": ("post", ["ROLLOUT", "ask"], {Role.PRIVACY_OFFICER, SUPERUSER}),
}  # fmt: skip

ROWS = {
    "REQUEST": "desk.memberrequest",
    "CORRECTION": "desk.correction",
    "EVIDENCE": "desk.evidence",
    "CAMPAIGN": "campaigns.campaign",
    "ROLLOUT": "consent.rollout",
}

# What is not admin. PUBLIC: the same for everybody (the API asks other systems for a token). OWN:
# about whoever is signed in, and nobody else; others sign in first. FACTOR: the second factor,
# which only staff have.
PUBLIC = {
    "account_confirm_email", "account_confirm_login_code", "account_email",
    "account_email_verification_sent", "account_inactive", "account_login", "account_logout",
    "account_request_login_code", "account_reset_password", "account_reset_password_done",
    "account_reset_password_from_key", "account_reset_password_from_key_done", "account_signup",
    "accessibility", "api_events", "api_links", "favicon.ico", "gpc", "healthz", "jwks", "mailbox",
    "mailbox_codes", "mailbox_html", "mailbox_message", "metrics", "openid_connect_login",
    "openid_connect_callback", "mfa_authenticate", "notice", "notice_version",
    "object_by_link", "operator_colours", "operator_logo", "readyz", "reminders", "security_txt",
    "seen_by_link", "set_language", "verify",
}  # fmt: skip
OWN = {
    "account_change_password": [], "account_reauthenticate": [], "account_set_password": [],
    "choose": [], "confirmations": [], "country": [], "dashboard": [], "delete_my_data": [],
    "my_data": [], "my_data_html": [], "my_data_json": [], "receipt": [1], "receipt_json": [1],
    "receipt_pdf": [1],
}  # fmt: skip
FACTOR = {
    "mfa_activate_totp": [], "mfa_add_webauthn": [], "mfa_deactivate_totp": [],
    "mfa_download_recovery_codes": [], "mfa_edit_webauthn": [1],
    "mfa_generate_recovery_codes": [], "mfa_index": [], "mfa_list_webauthn": [],
    "mfa_reauthenticate": [], "mfa_reauthenticate_webauthn": [], "mfa_remove_webauthn": [1],
    "mfa_view_recovery_codes": [],
}  # fmt: skip


@pytest.fixture
def browser_of(staff, member):
    def browser_of(who):
        if who in set(Role):
            return staff(who)
        browser = Client()
        if who == SUPERUSER:
            boss = Member.objects.create_superuser("boss@staff.example", member_ref="boss")
            sign_in_staff(browser, boss)
        elif who == NO_ROLE:
            sign_in_staff(browser, make_member("new@staff.example", is_staff=True))
        elif who == MEMBER:
            browser.force_login(member)
        return browser

    return browser_of


@pytest.fixture
def rows(sql_store, notice, other):
    """One row of each model in admin, by label; ``sql`` is a store."""
    now = timezone.now()
    draft = Notice.objects.create(purpose=notice.purpose, version=2)
    made = [
        other,
        MemberAccess.objects.create(by="x", member_ref="y", what="viewed"),
        UnusualAccess.objects.create(
            kind="many", by="x", day=now.date(), members=60, first_at=now, last_at=now
        ),
        Group.objects.first(),
        draft,
        make_campaign(notice),
        MailStop.objects.create(by="x", reason="x"),
        ParkedMail.objects.create(
            member=other, partition=0, purpose="p", revision=1, reason="x", parked_at=now
        ),
        Purpose.objects.create(code="unused"),
        Rollout.objects.create(
            notice=draft, region="eu_eea", announced_on=now.date(),
            starts_on=now.date() + timedelta(days=40),
        ),
        choose("ben") and Entry.objects.get(member_ref="ben"),
        Authenticator.objects.create(user=other, type="recovery_codes", data={}),
        Cursor.objects.create(store="sql", partition=0),
        Parked.objects.create(
            store="sql", partition=0, member_ref="ben", purpose="p", revision=1, reason="x",
            parked_at=now, retry_at=now,
        ),
        StorePause.objects.create(store="sql", paused_at=now, by="x", reason="x"),
        Dashboard.objects.create(
            day=now.date(), purpose="p", region="gb", channel="api", decision="objected"
        ),
        EvidencePack.objects.create(since=now.date(), until=now.date(), asked_by="x"),
        MemberRequest.objects.create(
            member_ref="ben", kind="access", received_on=now.date(), due_on=now.date(),
            opened_by="x",
        ),
        Correction.objects.create(
            member_ref="ben", purpose="genai-training", revision=1, reason="x", asked_by="x"
        ),
        StaffAction.objects.create(by="x", member_ref="ben", kind="note", reason="x"),
    ]  # fmt: skip
    keys = {row._meta.label_lower: row.pk for row in made}
    evidence = Evidence.objects.create(
        member=other, name="x", kind="pdf", size=1, sha256="0" * 64, kept_by="x"
    )
    return keys | {"desk.memberpage": "ben", "desk.evidence": evidence.key}


def table():
    """What MODELS says: who may do what with which model."""
    _head, *lines = [line.split() for line in MODELS.strip().splitlines()]
    return {
        model: dict(zip(STAFF, (set(word) - {"-"} for word in may), strict=True))
        for model, *may in lines
    }


def measured(browser, label, key):
    """What this browser can do with the model, as letters of the table."""

    def ask(page, method="get", arguments=()):
        url = reverse(f"admin:{label.replace('.', '_')}_{page}", args=arguments)
        return getattr(browser, method)(url, follow=method == "get")

    def refused(*page):
        answer = ask(*page)
        return answer.status_code == 403 or "/login/" in answer.request["PATH_INFO"]

    may = set()
    sees = [refused("changelist"), refused("change", "get", [key])]
    if label in ONLY_OWN_PAGES:
        assert sees[0] == sees[1], label
        return set() if sees[0] else {"v"}
    assert sees[0] == sees[1] == refused("history", "get", [key]), label
    if not sees[0]:
        may.add("v")
    if not refused("add"):
        may.add("a")
    sent = ask("change", "post", [key])  # saved, or shown again as it is not filled in
    back = reverse(f"admin:{label.replace('.', '_')}_changelist")
    if sent.status_code == 200 or sent.headers.get("Location") == back:
        may.add("c")
    if not refused("delete", "get", [key]):
        may.add("d")
    return may


def test_every_page_is_classified():
    assert set(models()) == set(table()), "add the model to MODELS, and a row to `rows`"
    assert custom_admin_pages() == set(CUSTOM), "add the page to CUSTOM"
    assert other_pages() == PUBLIC | set(OWN) | set(FACTOR), "add the page to PUBLIC, OWN, FACTOR"


@pytest.mark.parametrize("who", STAFF)
def test_models_in_admin(browser_of, rows, who):
    browser = browser_of(who)
    assert {label: measured(browser, label, rows[label]) for label in table()} == {
        label: may[who] for label, may in table().items()
    }


@pytest.mark.parametrize("who", [NO_ROLE, MEMBER, NOBODY])
def test_others_reach_nothing_in_admin(browser_of, rows, who):
    browser = browser_of(who)
    for label in table():
        key = rows[label]
        assert measured(browser, label, key) == set(), label


def packed(key):
    """The pack, with a file."""
    pack = EvidencePack.objects.get(pk=key)
    path = packing.file_of(pack)
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"zip")
    EvidencePack.objects.filter(pk=key).update(sha256="0" * 64, finished_at=pack.asked_at)
    return key


@pytest.mark.parametrize("who", ALL)
def test_other_pages_in_admin(browser_of, rows, member, who, settings, tmp_path):
    settings.PACKS_FOLDER = tmp_path
    browser = browser_of(who)
    keys = {
        "MEMBER": member.pk, "CAMPAIGN": rows["campaigns.campaign"],
        "ROLLOUT": rows["consent.rollout"], "DRAFT": rows["consent.notice"],
        "PUBLISHED": Notice.objects.get(version=1).pk, "PACK": packed(rows["desk.evidencepack"]),
        **{name: rows[label] for name, label in ROWS.items()},
    }  # fmt: skip
    for name, (method, arguments, allowed) in CUSTOM.items():
        about = [keys.get(one, one) for one in arguments]
        answer = getattr(browser, method)(reverse(f"admin:{name}", args=about))
        if who in {MEMBER, NOBODY}:
            assert "/login/" in answer.headers["Location"], name
        else:
            assert answer.status_code in ({200, 302, 422} if who in allowed else {403}), name


@pytest.mark.parametrize("who", ALL)
def test_the_first_pages_of_admin(browser_of, who):
    browser = browser_of(who)
    for name in ("index", "password_change", "jsi18n"):
        answer = browser.get(reverse(f"admin:{name}"))
        if who in {MEMBER, NOBODY}:
            assert "/login/" in answer.headers["Location"]
        else:
            assert answer.status_code == 200
    assert browser.get("/admin/no/such/page/").status_code in {302, 404}


@pytest.mark.parametrize("who", ALL)
def test_pages_about_oneself(browser_of, notice, other, who):
    """Nobody of staff sees another member there, or does something as one."""
    choose("ben")
    browser = browser_of(who)
    for name, arguments in OWN.items():
        answer = browser.get(reverse(name, args=arguments))
        content = b"" if answer.streaming else answer.content
        assert other.email.encode() not in content
        assert answer.status_code in {200, 286, 302, 404, 405}, name
        if who == NOBODY and name not in {"choose", "confirmations", "dashboard"}:
            assert "/accounts/login/" in answer.headers["Location"], name


@pytest.mark.parametrize("who", ALL)
def test_pages_of_the_second_factor(browser_of, who):
    browser = browser_of(who)
    for name, arguments in FACTOR.items():
        answer = browser.get(reverse(name, args=arguments))
        if who == NOBODY:
            assert "/accounts/login/" in answer.headers["Location"]
        elif who == MEMBER:
            assert answer.status_code == 404
        else:
            assert answer.status_code in {200, 302, 404}, name


@pytest.mark.parametrize("who", ALL)
def test_public_pages_are_the_same_for_all(browser_of, notice, other, who):
    browser, token = browser_of(who), make_token(Link(other.pk, notice.pk))
    for path in (
        "/en/notice/", "/en/notice/1/", "/accessibility/", "/verify/", f"/o/{token}/",
        "/.well-known/gpc.json", "/.well-known/jwks.json", "/healthz",
    ):  # fmt: skip
        assert browser.get(path).status_code == 200, path
    assert not Entry.objects.exists()  # looking changes nothing


@pytest.mark.parametrize("who", ALL)
def test_nobody_allows_for_another(browser_of, notice, other, who):
    """Whatever is sent along: the choice is that of whoever is signed in."""
    choose("ben")
    browser = browser_of(who)
    named = {"member": other.pk, "member_ref": "ben", "user": other.pk, "email": other.email}
    token = make_token(Link(other.pk, notice.pk))
    for path in ("/choose/", f"/o/{token}/", f"/choose/?member_ref=ben&member={other.pk}"):
        browser.post(path, {"decision": "allowed", "request_id": "1", **named})
    assert CurrentChoice.objects.get(member_ref="ben").decision == "objected"
