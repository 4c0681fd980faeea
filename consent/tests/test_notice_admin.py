"""Notices in Django admin: written, looked at, compared and published by two."""

import re

import pytest
from django.urls import reverse

from consent import publishing
from consent.loading import DEFAULT, load_notice
from consent.models import Notice
from consent.preview import STATES
from tests.people import Role

pytestmark = pytest.mark.django_db
SCRIPT = "<script>alert(1)</script>"


@pytest.fixture
def draft(db):
    return load_notice(DEFAULT, publish=False, by="tests")


@pytest.fixture
def officer(staff):
    return staff(Role.PRIVACY_OFFICER)


@pytest.fixture
def colleague(staff):
    return staff(Role.PRIVACY_OFFICER, name="colleague")


def page(name, notice, *more):
    return reverse(f"admin:consent_notice_{name}", args=[notice.pk, *more])


def form_of(text, **values):
    """What the page of a text sends."""
    sent = {name: getattr(text, name) for name in text.PLACEHOLDER_FIELDS}
    for kind, words in text.kinds.items():
        sent |= {f"{kind}.{part}": value for part, value in words.items()}
    return sent | values


def said(answer):
    return [str(message) for message in answer.context["messages"]]


def test_published_by_two(officer, colleague, draft):
    act = page("act", draft, "propose")
    assert b"Propose it for publishing?" in officer.get(act).content
    officer.post(act, follow=True)
    answer = officer.post(page("act", draft, "publish"), follow=True)
    assert "somebody else has to publish it" in said(answer)[0]
    assert Notice.objects.get().published_at is None
    answer = colleague.post(page("act", draft, "publish"), follow=True)
    assert said(answer) == ["genai-training 1 is published: members see it from now on."]
    notice = Notice.objects.get()
    assert (notice.proposed_by, notice.published_by) == (
        officer.member.member_ref, colleague.member.member_ref,
    )  # fmt: skip


def test_the_action_on_the_list_needs_two_as_well(officer, colleague, draft):
    sent = {"action": "publish_selected", "_selected_action": [draft.pk]}
    path = reverse("admin:consent_notice_changelist")
    assert "Nobody has proposed it" in said(officer.post(path, sent, follow=True))[0]
    publishing.propose(draft, by=officer.member.member_ref)
    officer.post(path, sent)
    assert Notice.objects.get().published_at is None
    colleague.post(path, sent)
    assert Notice.objects.get().published_at


def test_an_incomplete_draft_is_not_proposed_and_what_is_missing_is_named(officer, draft):
    draft.translations.filter(language="de").update(retention="")
    path = page("act", draft, "propose")
    answer = officer.get(path).content.decode()
    assert "de: Art. 13(2)(a)" in answer
    assert 'value="Yes"' not in answer
    assert "nothing was changed" in said(officer.post(path, follow=True))[0]
    assert Notice.objects.get().is_draft


def test_a_get_does_nothing(officer, draft):
    officer.get(page("act", draft, "propose"))
    assert Notice.objects.get().is_draft


@pytest.mark.parametrize("role", [Role.AUDITOR, Role.SUPPORT_LEAD, Role.CAMPAIGN_MANAGER])
def test_others_read_and_do_nothing(staff, draft, role):
    browser = staff(role)
    for name in ("change", "checks", "diff", "preview"):
        assert browser.get(page(name, draft)).status_code == 200
    text = page("text", draft, "de")
    assert b"<textarea" not in browser.get(text).content
    assert browser.post(text, form_of(draft.translations.get(language="de"))).status_code == 403
    for action in ("propose", "withdraw", "publish", "new-version"):
        assert browser.post(page("act", draft, action)).status_code == 403
    assert Notice.objects.get().is_draft


def test_operators_have_no_business_there(staff, draft):
    browser = staff(Role.OPERATOR)
    for path in (page("preview", draft), page("framed", draft, "en", "since"), page("diff", draft)):
        assert browser.get(path).status_code == 403


def test_members_come_to_none_of_it(client, member, draft):
    client.force_login(member)
    assert client.get(page("framed", draft, "en", "since")).status_code == 302


@pytest.mark.parametrize(
    ("name", "more"),
    [("text", ["xx"]), ("framed", ["xx", "since"]), ("framed", ["en", "asleep"]),
     ("act", ["erase"])],
)  # fmt: skip
def test_what_is_not_there(officer, draft, name, more):
    assert officer.get(page(name, draft, *more)).status_code == 404
    draft.pk = 999
    assert officer.get(page("checks", draft)).status_code == 404


class TestWriting:
    def test_side_by_side_with_the_reference_text(self, officer, draft):
        answer = officer.get(page("text", draft, "de")).content.decode()
        assert 'lang="de"' in answer
        assert "This is about one use of your data" in answer
        assert "Nothing was found." in answer

    def test_a_text_is_changed_and_who_did_it_is_kept(self, officer, draft):
        german = draft.translations.get(language="de")
        sent = form_of(german, title="Neuer Titel", **{"profile.label": "Profil"})
        assert officer.post(page("text", draft, "de"), sent).status_code == 302
        german.refresh_from_db()
        assert (german.title, german.kinds["profile"]["label"]) == ("Neuer Titel", "Profil")
        assert Notice.objects.get().edited_by == officer.member.member_ref

    def test_a_draft_may_have_gaps(self, officer, draft):
        draft.translations.filter(language="mt").delete()
        assert officer.post(page("text", draft, "mt"), {"title": "Titlu"}).status_code == 302
        answer = officer.get(page("text", draft, "mt")).content.decode()
        assert "nothing is written under: who receives the data" in answer

    def test_not_while_it_is_proposed(self, officer, draft):
        publishing.propose(draft, by="jo")
        sent = form_of(draft.translations.get(language="de"), title="Anders")
        assert officer.post(page("text", draft, "de"), sent).status_code == 403
        assert officer.post(page("change", draft), {"version": 3}).status_code == 403

    def test_proposed_between_opening_and_saving(self, officer, draft, monkeypatch):
        publishing.propose(draft, by="jo")
        monkeypatch.setattr(Notice, "is_draft", True)
        sent = form_of(draft.translations.get(language="de"), title="Anders")
        answer = officer.post(page("text", draft, "de"), sent, follow=True)
        assert "proposed for publishing" in said(answer)[0]
        assert draft.translations.get(language="de").title != "Anders"

    def test_a_new_notice_from_nothing(self, officer, draft):
        sent = {"purpose": "genai-training", "version": 2, "used": "profile\nposts"}
        officer.post(reverse("admin:consent_notice_add"), sent)
        made = Notice.objects.get(version=2)
        assert (made.used, made.never_used) == (["profile", "posts"], [])
        assert made.edited_by == officer.member.member_ref
        answer = officer.get(page("preview", made)).content.decode()
        assert "There is no text yet." in answer

    @pytest.mark.parametrize(
        ("values", "problem"),
        [
            ({"used": "Profile!"}, "is no code"),
            ({"used": "profile profile"}, "stands here twice"),
            ({"used": "profile", "never_used": "profile"}, "Used and never used at once"),
            ({"used": "profile", "version": 1}, "already exists"),
            ({"used": "a\x00b"}, "Null characters"),
        ],
    )
    def test_bad_input(self, officer, draft, values, problem):
        sent = {"purpose": "genai-training", "version": 2, **values}
        answer = officer.post(reverse("admin:consent_notice_add"), sent).content.decode()
        assert problem in answer
        assert Notice.objects.count() == 1

    def test_too_long(self, officer, draft):
        sent = form_of(draft.translations.get(language="de"), title="x" * 10_000)
        answer = officer.post(page("text", draft, "de"), sent)
        assert b"Nothing was saved" in answer.content


class TestPreview:
    @pytest.mark.parametrize("state", STATES)
    def test_in_each_state(self, officer, draft, state):
        answer = officer.get(page("framed", draft, "de", state))
        assert answer.status_code == 200
        assert "<script" not in answer.content.decode()
        assert "frame-ancestors 'self'" in answer["Content-Security-Policy"]
        assert answer["X-Frame-Options"] == "SAMEORIGIN"

    @pytest.mark.parametrize(
        ("state", "words"),
        [
            ("before", "unless you object"),
            ("since", "Since "),
            ("paused", "has been paused since"),
            ("objected", "You have objected"),
            ("gb", "UK GDPR Art. 6(1)(f)"),
            ("ch", "Overriding private interest"),
            ("elsewhere", "This does not apply where you live."),
            ("minor", "because you are under 18"),
        ],
    )
    def test_it_says_what_the_member_will_read(self, officer, draft, state, words):
        answer = officer.get(page("framed", draft, "en", state)).content.decode()
        assert words in answer

    def test_nothing_in_it_can_be_sent(self, officer, draft):
        answer = officer.get(page("framed", draft, "en", "objected")).content.decode()
        assert re.search(r'name="seen" value=""', answer)
        outer = officer.get(page("preview", draft) + "?language=de&state=minor")
        assert b"sandbox>" in outer.content
        assert "frame-src 'self'" in outer["Content-Security-Policy"]

    def test_a_stored_script_is_text(self, officer, draft):
        draft.translations.filter(language="en").update(why=SCRIPT)
        answer = officer.get(page("framed", draft, "en", "since")).content.decode()
        assert "&lt;script&gt;alert" in answer
        assert SCRIPT not in answer
        for name in ("checks", "diff"):
            assert SCRIPT not in officer.get(page(name, draft)).content.decode()

    def test_kinds_without_words(self, officer, draft):
        Notice.objects.update(used=["profile", "new_kind"])
        answer = officer.get(page("preview", draft)).content.decode()
        assert "There are no words yet for: new_kind." in answer
        assert officer.get(page("framed", draft, "en", "since")).status_code == 404

    @pytest.mark.parametrize("query", ["?state=asleep", "?language=xx", "?language=%00"])
    def test_bad_input(self, officer, draft, query):
        assert officer.get(page("preview", draft) + query).status_code == 404


class TestDiff:
    def test_words_that_were_added_and_removed(self, officer, notice):
        draft = publishing.new_version(notice, by="jo")
        Notice.objects.filter(pk=draft.pk).update(used=[*notice.used, "photos"])
        draft.translations.filter(language="de").delete()
        english = draft.translations.get(language="en")
        english.recipients = "{operator} and its suppliers"
        english.save()
        answer = officer.get(page("diff", draft)).content.decode()
        assert re.search(r"<del><span[^>]*>\[removed: </span>affiliated companies<", answer)
        assert re.search(r"<ins><span[^>]*>\[added: </span>suppliers<", answer)
        assert "Deutsch (not there any more)" in answer
        assert "Français" not in answer
        assert "photos" in answer

    def test_the_first_version(self, officer, draft):
        assert b"all of it is new" in officer.get(page("diff", draft)).content
