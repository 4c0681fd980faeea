"""Whether it applies, in every case that a member can be in, and in the right tense."""

from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db import DatabaseError, transaction
from django.utils import timezone

from accounts.regions import Region
from consent.loading import DEFAULT, load_notice
from consent.models import Immutable, Notice, NoticeText, RolloutChange
from consent.situation import situation_of
from tests.people import make_member

pytestmark = pytest.mark.django_db


def situation(notice, country="DE", **fields):
    member = make_member(f"m{country}{len(fields)}@example.org", country, **fields)
    return situation_of(member, notice, notice.text())


def move_start(notice, days):
    start = timezone.localdate() + timedelta(days=days)
    notice.rollouts.update(starts_on=start, announced_on=start - timedelta(days=40))


@pytest.mark.parametrize(
    ("country", "applies", "why"),
    [
        ("DE", True, "region"),
        ("NO", True, "region"),
        ("RE", True, "region"),
        ("GB", True, "region"),
        ("CH", True, "region"),
        ("US", False, "not_here"),
        ("JE", False, "not_here"),
        ("", True, "unknown_country"),
        ("XX", True, "unknown_country"),
    ],
)
def test_by_country(notice, country, applies, why):
    found = situation(notice, country)
    assert (found.applies, found.why) == (applies, why)
    assert bool(found.phase) == applies


def test_a_minor_is_never_concerned(notice):
    assert situation(notice, is_minor=True).why == "minor"
    assert situation(notice, "US", is_minor=True).why == "minor"


def test_no_rollout_in_the_region(notice):
    notice.rollouts.filter(region=Region.CH).update(region="other")
    assert situation(notice, "CH").why == "no_notice"


def test_legal_basis_fits_the_region(notice):
    assert "GDPR Art. 6(1)(f)" in situation(notice, "DE").basis
    assert "UK GDPR" in situation(notice, "GB").basis
    assert "FADP" in situation(notice, "CH").basis


@pytest.mark.parametrize(("days", "phase"), [(1, "before"), (0, "since"), (-1, "since")])
def test_the_tense_follows_the_date(notice, days, phase):
    move_start(notice, days)
    assert situation(notice).phase == phase


@pytest.mark.parametrize(
    ("days", "paused", "words"),
    [
        (5, False, "will use your data for this, unless you object"),
        (-5, False, "use your data for this, unless you object"),
        (-5, True, "has been paused since"),
    ],
)
def test_the_page_says_so(client, notice, member, days, paused, words):
    move_start(notice, days)
    if paused:
        notice.rollouts.get(region=Region.EU_EEA).pause(by="lee", reason="asked by the authority")
    client.force_login(member)
    page = " ".join(client.get("/").content.decode().split())
    assert words in page
    assert "Germany" in page


@pytest.mark.parametrize(
    ("country", "fields", "words"),
    [
        ("US", {}, "does not apply where you live"),
        ("", {}, "We do not know in which country you live"),
        ("DE", {"is_minor": True}, "never used for this, because you are under 18"),
    ],
)
def test_the_page_for_whom_it_does_not_concern_offers_the_objection(
    client, notice, country, fields, words
):
    client.force_login(make_member("x@example.org", country, **fields))
    page = " ".join(client.get("/").content.decode().split())
    assert words in page
    assert 'value="objected"' in page


def test_signed_out_the_notice_is_shown(client, notice):
    assert client.get("/").url == "/en/notice/"
    page = client.get("/en/notice/").content.decode()
    assert "/accounts/login/" in page
    assert "Private messages" in page


def test_without_a_notice_the_pages_say_so(client, member):
    client.force_login(member)
    for path in ("/", "/en/notice/"):
        assert client.get(path).status_code == 200


class TestRolloutHistory:
    def test_pause_and_resume_are_kept(self, notice):
        rollout = notice.rollouts.get(region=Region.GB)
        rollout.pause(by="lee", reason="the ICO asked")
        assert rollout.phase() == "paused"
        rollout.resume(by="lee", reason="agreed")
        assert list(rollout.history.order_by("pk").values_list("kind", "reason")) == [
            ("announced", "The notice was loaded."),
            ("paused", "the ICO asked"),
            ("resumed", "agreed"),
        ]

    def test_a_reason_is_needed(self, notice):
        with pytest.raises(ValidationError, match="reason"):
            notice.rollouts.first().pause(by="lee", reason=" ")

    def test_twice_is_refused(self, notice):
        rollout = notice.rollouts.first()
        rollout.pause(by="lee", reason="x")
        with pytest.raises(ValidationError, match="already"):
            rollout.pause(by="lee", reason="x")

    def test_it_cannot_start_before_it_is_announced(self, notice):
        rollout = notice.rollouts.first()
        with pytest.raises(ValidationError):
            rollout.reschedule(rollout.announced_on - timedelta(days=1), by="lee", reason="x")
        assert rollout.history.count() == 1

    def test_history_cannot_be_changed(self, notice):
        with pytest.raises(DatabaseError), transaction.atomic():
            RolloutChange.objects.update(reason="other")
        with pytest.raises(DatabaseError), transaction.atomic():
            RolloutChange.objects.all().delete()


class TestPublished:
    """A published notice stays as members saw it, by the model and by the database."""

    def test_the_model_refuses(self, notice):
        with pytest.raises(Immutable):
            notice.save()
        with pytest.raises(Immutable):
            notice.translations.first().save()
        with pytest.raises(Immutable):
            NoticeText(notice=notice, language="en").save()

    @pytest.mark.parametrize("model", [Notice, NoticeText])
    def test_the_database_refuses(self, notice, model):
        change = {"version": 9} if model is Notice else {"title": "other"}
        with pytest.raises(DatabaseError), transaction.atomic():
            model.objects.update(**change)
        with pytest.raises(DatabaseError), transaction.atomic():
            model.objects.all()._raw_delete(using="default")

    def test_a_draft_can_be_changed(self, db):
        draft = load_notice(DEFAULT, publish=False, by="tests")
        text = draft.translations.first()
        text.title = "Better"
        text.save()
        draft.publish()
        assert draft.is_current

    def test_loading_again_changes_nothing(self, notice):
        assert load_notice(DEFAULT, publish=True, by="tests") == notice
        assert Notice.objects.count() == 1


class TestBadFiles:
    @pytest.fixture
    def folder(self, tmp_path, db):
        for path in DEFAULT.iterdir():
            (tmp_path / path.name).write_text(path.read_text())
        return tmp_path

    @pytest.mark.parametrize(
        ("name", "old", "new", "says"),
        [
            ("en.toml", 'title = "', "title = [", "en.toml"),
            ("en.toml", 'title = "', 'titel = "', "titel"),
            ("en.toml", "[used.profile]", "[used.profil]", "profile"),
            ("notice.toml", "2025-11-03", "2025-01-01", "before it starts"),
            ("notice.toml", "rollouts.gb", "rollouts.mars", "mars"),
        ],
    )
    def test_what_is_wrong_is_named_and_nothing_is_kept(self, folder, name, old, new, says):
        text = (folder / name).read_text()
        assert old in text
        (folder / name).write_text(text.replace(old, new))
        with pytest.raises(ValidationError, match=says):
            load_notice(folder, publish=True, by="tests")
        assert not Notice.objects.exists()

    def test_a_missing_default_language(self, folder):
        (folder / "en.toml").unlink()
        with pytest.raises(ValidationError, match="'en' is missing"):
            load_notice(folder, publish=True, by="tests")
