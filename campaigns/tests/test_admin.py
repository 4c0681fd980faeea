"""A campaign's page in admin: who may press what, what it says, and what it never does."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from campaigns import lifecycle, walking
from campaigns.acting import ACTIONS
from campaigns.models import Campaign, CampaignChange, Lane, MailStop, Recipient, Walk
from campaigns.tests.admin import english_only, fresh, page, press, words
from campaigns.tests.campaigns import (
    make_campaign,
    prepared,
    released,
    running,
    walk_to_the_end,
)
from tests.people import Role, make_member, sign_in_staff

pytestmark = pytest.mark.django_db
State = Campaign.State


@pytest.fixture
def jo(staff):
    return staff(Role.CAMPAIGN_MANAGER, name="jo")


@pytest.fixture
def kim(staff):
    return staff(Role.CAMPAIGN_MANAGER, name="kim")


@pytest.fixture
def officer(staff):
    return staff(Role.PRIVACY_OFFICER)


def history(campaign):
    return list(campaign.history.order_by("pk").values_list("kind", "by"))


class TestTheWholeWay:
    def test_by_two(self, jo, kim, notice, member):
        campaign = make_campaign(notice)
        assert press(jo, campaign, "count").status_code == 302
        assert "It is being counted: 0 %" in words(page(jo, campaign))
        walk_to_the_end(campaign, Walk.Kind.COUNT)
        assert "1 member , as counted at" in words(page(jo, campaign))
        assert press(jo, campaign, "prepare").status_code == 302
        walk_to_the_end(campaign, Walk.Kind.COUNT)
        assert press(kim, campaign, "release").status_code == 302
        assert "The audience is being written down: 0 %" in words(page(kim, campaign))
        walk_to_the_end(campaign, Walk.Kind.FREEZE)
        lifecycle.start_due(timezone.now())
        assert press(kim, campaign, "pause", reason="A call").status_code == 302
        assert fresh(campaign).state == State.PAUSED
        assert press(jo, campaign, "resume").status_code == 302
        assert press(jo, campaign, "kill", reason="Wrong date").status_code == 302
        assert history(campaign) == [
            ("prepared", "jo"), ("released", "kim"), ("started", lifecycle.BY_ITSELF),
            ("paused", "kim"), ("resumed", "jo"), ("killed", "jo"),
        ]  # fmt: skip
        assert "A call" in words(page(jo, campaign))

    def test_the_preparer_does_not_release(self, jo, notice, member):
        campaign = prepared(notice)
        assert "You prepared it yourself" in words(page(jo, campaign))
        answer = press(jo, campaign, "release")
        assert answer.status_code == 422
        assert "You prepared it yourself: somebody else has to release it." in words(answer)
        assert fresh(campaign).state == State.PREPARED

    def test_a_privacy_officer_releases_too(self, officer, notice, member):
        campaign = prepared(notice)
        assert press(officer, campaign, "release").status_code == 302
        assert fresh(campaign).released_by == "privacy-officer"

    def test_withdrawing_asks_why_and_keeps_what_was_typed(self, jo, notice, member):
        campaign = prepared(notice)
        answer = press(jo, campaign, "withdraw", reason=" ")
        assert answer.status_code == 422
        assert "This field is required" in words(answer)
        assert fresh(campaign).state == State.PREPARED
        press(jo, campaign, "withdraw", reason="A comma")
        assert fresh(campaign).state == State.DRAFT

    def test_no_audience(self, kim, notice, member):
        campaign = prepared(notice, countries=["FR"])
        assert "It matches nobody" in words(page(kim, campaign))
        assert "Its audience matches nobody." in words(press(kim, campaign, "release"))

    def test_each_language_without_a_text_is_accepted_by_name(self, kim, notice):
        for number, language in enumerate(["ja", "ja", "zh"]):
            make_member(f"m{number}@example.org", "DE", language=language)
        campaign = prepared(notice)
        shown = words(page(kim, campaign))
        assert "There is no text in these languages" in shown
        assert "Japanese (2), Chinese (1)" in shown
        answer = press(kim, campaign, "release", accepted=["ja"])
        assert answer.status_code == 422
        assert "no text in some languages" in words(answer)
        assert press(kim, campaign, "release", accepted=["ja", "zh"]).status_code == 302

    def test_a_notice_that_is_not_current(self, jo, notice, member):
        draft = english_only(notice)
        campaign = make_campaign(draft)
        assert "not the one that members are shown" in words(press(jo, campaign, "prepare"))

    def test_a_draft_that_went_wrong_meanwhile(self, jo, notice):
        campaign = make_campaign(notice)
        Campaign.objects.update(countries=["ZZ"])
        assert "There is no country 'ZZ'." in words(press(jo, campaign, "prepare"))


class TestWhileItRuns:
    def test_pace(self, jo, notice, member):
        campaign = running(notice)
        sent = {
            "starts_at": campaign.starts_at.strftime("%Y-%m-%dT%H:%M:%S"),
            "per_minute": campaign.per_minute, "ramp_hours": 0,
        }  # fmt: skip
        answer = press(jo, campaign, "change", **sent, limit_google=30, reason="Gmail asked")
        assert answer.status_code == 302
        after = fresh(campaign)
        assert (after.limits, after.starts_at) == ({"google": 30}, campaign.starts_at)
        assert "Gmail asked (limits was {})" in words(page(jo, campaign))
        answer = press(jo, campaign, "change", **sent, limit_google=30, reason="Again")
        assert "Nothing is different" in words(answer)
        answer = press(jo, campaign, "change", **{**sent, "per_minute": 0}, reason="Stop")
        assert "greater than or equal to 1" in words(answer)
        assert 'value="0"' in answer.content.decode()
        answer = press(jo, campaign, "change", **sent, quiet_from="21:00", reason="Night")
        assert "Quiet hours have a beginning and an end." in words(answer)
        assert fresh(campaign).quiet_from is None

    def test_what_is_wrong_is_said_in_words(self, jo, notice, member):
        campaign = running(notice)
        Campaign.objects.update(problem="The mail server cannot be reached.")
        soon = timezone.now() + timezone.timedelta(minutes=3)
        Lane.objects.filter(provider="other").update(not_before=soon, problem="421 too many")
        shown = words(page(jo, campaign))
        assert "The mail server cannot be reached." in shown
        assert "all others is left alone until" in shown
        assert "421 too many" in shown

    def test_numbers_and_charts(self, jo, notice):
        for number in range(3):
            make_member(f"m{number}@gmail.com", "DE", language="de")
        campaign = running(notice)
        done = Recipient.objects.order_by("pk")
        first, second, _third = done
        Recipient.objects.filter(pk=first.pk).update(
            state="sent", sent_at=timezone.now(), seen_at=timezone.now()
        )
        Recipient.objects.filter(pk=second.pk).update(state="bounced", reason="hard_bounce")
        walking.start(campaign, Walk.Kind.FIGURES)
        walk_to_the_end(campaign, Walk.Kind.FIGURES)
        answer = page(jo, campaign)
        shown = words(answer)
        assert "66 %, 2 of 3" in shown
        assert "Opened the notice 1" in shown
        assert "There is no such address 1" in shown
        assert "Google (Gmail) 1 1 0 1 3" in shown
        content = answer.content.decode()
        assert content.count('role="img"') == 3
        assert 'aria-labelledby="chart-time-title chart-time-desc"' in content
        assert " style=" not in content

    def test_charts_have_points_in_every_language(self, jo, notice, member):
        campaign = running(notice)
        Recipient.objects.update(state="sent", sent_at=timezone.now())
        walking.start(campaign, Walk.Kind.FIGURES)
        walk_to_the_end(campaign, Walk.Kind.FIGURES)
        jo.cookies["django_language"] = "de"
        assert 'width="340.0"' in page(jo, campaign).content.decode()

    def test_the_part_that_changes(self, jo, notice, member):
        campaign = running(notice)
        path = reverse("admin:campaigns_standing", args=[campaign.pk])
        answer = jo.get(path, {"state": "released"}, headers={"HX-Request": "true"})
        content = answer.content.decode()
        assert content.lstrip().startswith('<div id="live"')
        assert 'data-hx-trigger="every 5s"' in content
        assert "It was released when you opened this page, and is running now." in words(answer)
        lifecycle.kill(campaign, by="jo", reason="x")
        Walk.objects.update(done_at=timezone.now())
        assert "data-hx-trigger" not in page(jo, campaign).content.decode()

    def test_the_page_counts_nothing(self, jo, notice, member, django_assert_max_num_queries):
        """However many members there are, no statement goes over them."""
        campaign = running(notice)
        page(jo, campaign)
        with django_assert_max_num_queries(30) as queries:
            page(jo, campaign)
        asked = [query["sql"].lower() for query in queries]
        assert not [sql for sql in asked if "count(" in sql]
        over = [sql for sql in asked if 'from "campaigns_recipient"' in sql]
        assert all("limit 1" in sql for sql in over)


class TestKillSwitch:
    def test_stop_and_lift(self, jo, kim, notice, member):
        campaign = running(notice)
        path = reverse("admin:campaigns_stop")
        assert jo.post(path, {"reason": " "}).status_code == 200
        assert not MailStop.objects.exists()
        jo.post(path, {"reason": "Something is wrong"})
        assert not lifecycle.may_send(campaign)
        shown = words(page(kim, campaign))
        assert "All campaigns are stopped since" in shown
        assert "by jo: Something is wrong" in shown
        again = kim.post(path, {"reason": "Me too"}, follow=True)
        assert "stopped already" in words(again)
        assert "All campaigns are stopped since" in words(again)
        kim.post(reverse("admin:campaigns_lift"))
        assert MailStop.objects.get().lifted_by == "kim"
        again = kim.post(reverse("admin:campaigns_lift"), follow=True)
        assert "The campaigns are not stopped." in words(again)
        shown = words(kim.get(reverse("admin:campaigns_mailstop_changelist")))
        assert "Something is wrong" in shown

    def test_a_look_stops_nothing(self, jo):
        assert jo.get(reverse("admin:campaigns_stop")).status_code == 200
        assert jo.get(reverse("admin:campaigns_lift")).status_code == 405
        assert not MailStop.objects.exists()


MAY = {
    Role.CAMPAIGN_MANAGER: set(ACTIONS),
    Role.PRIVACY_OFFICER: {"count", "test", "release", "withdraw", "pause", "resume", "kill"},
}


class TestRights:
    @pytest.mark.parametrize("role", Role)
    def test_who_presses_what(self, staff, notice, member, role):
        browser = staff(role, name="somebody")
        campaign = make_campaign(notice)
        for action in ACTIONS:
            answer = press(browser, campaign, action)
            may = action in MAY.get(role, set())
            assert (answer.status_code != 403) == may, action
        stop = browser.post(reverse("admin:campaigns_stop"), {"reason": "x"})
        assert (stop.status_code == 302) == (role in MAY)

    @pytest.mark.parametrize("role", Role)
    def test_who_looks(self, staff, notice, member, role):
        browser = staff(role)
        campaign = released(notice)
        sees = role in {Role.CAMPAIGN_MANAGER, Role.PRIVACY_OFFICER, Role.AUDITOR}
        for name in ("standing", "preview", "preview_html", "report", "report_pdf", "report_csv"):
            answer = page(browser, campaign, name)
            assert answer.status_code == (200 if sees else 403), name
        listed = browser.get(reverse("admin:campaigns_campaign_changelist"))
        assert listed.status_code == (200 if sees else 403)
        export = browser.post(reverse("admin:campaigns_unreached", args=[campaign.pk]))
        assert (export.status_code == 200) == (role in MAY)

    def test_an_auditor_is_offered_nothing(self, staff, notice, member):
        shown = words(page(staff(Role.AUDITOR), running(notice)))
        assert "What you can do" not in shown

    def test_members_and_strangers(self, client, notice, member):
        campaign = released(notice)
        assert page(client, campaign).status_code == 302
        client.force_login(member)
        assert page(client, campaign).status_code == 302
        assert press(client, campaign, "pause", reason="x").status_code == 302
        assert fresh(campaign).state == State.RELEASED

    @pytest.mark.parametrize("action", ACTIONS)
    def test_a_get_does_nothing(self, jo, notice, member, action):
        campaign = prepared(notice)
        before = history(campaign)
        path = reverse("admin:campaigns_act", args=[campaign.pk, action])
        assert jo.get(path).status_code == 405
        assert history(campaign) == before

    def test_nor_a_post_from_elsewhere(self, jo, notice, member):
        browser = Client(enforce_csrf_checks=True)
        sign_in_staff(browser, jo.member)
        campaign = make_campaign(notice)
        assert press(browser, campaign, "prepare").status_code == 403
        assert fresh(campaign).state == State.DRAFT

    def test_what_there_is_not(self, jo, notice):
        campaign = make_campaign(notice)
        assert press(jo, campaign, "explode").status_code == 404
        campaign.pk += 1
        assert press(jo, campaign, "prepare").status_code == 404
        assert page(jo, campaign).status_code == 404

    def test_a_report_before_the_release(self, jo, notice):
        campaign = make_campaign(notice)
        answer = jo.get(reverse("admin:campaigns_report", args=[campaign.pk]), follow=True)
        assert "It was not released: there is nothing to report." in words(answer)


def test_the_list_by_state(kim, notice, member):
    """The first page of admin leads there."""
    make_campaign(notice, name="Draft one")
    prepared(notice, name="Prepared one")
    path = reverse("admin:campaigns_campaign_changelist")
    shown = words(kim.get(path, {"state__exact": "prepared"}))
    assert "Prepared one" in shown
    assert "Draft one" not in shown
    assert "Prepared one" not in words(kim.get(path, {"q": "draft"}))


class TestTests:
    def test_to_the_seeds(self, jo, notice, server):
        campaign = make_campaign(notice, seeds=["seed@example.net"], minors="own_text")
        answer = press(jo, campaign, "test", languages=["de", "en"])
        assert answer.status_code == 302
        assert len(server.received) == 4
        assert "4 mails were sent to each of 1 test addresses." in words(page(jo, campaign))

    def test_a_server_that_is_away(self, jo, notice, settings):
        settings.MAILERS = {
            "default": {
                "BACKEND": "django.core.mail.backends.smtp.EmailBackend",
                "OPTIONS": {"host": "127.0.0.1", "port": 9, "timeout": 1},
            }
        }
        campaign = make_campaign(notice, seeds=["seed@example.net"])
        answer = press(jo, campaign, "test", languages=["de", "en"])
        assert "seed@example.net: The mail server cannot be reached" in words(answer)

    def test_without_any(self, jo, notice):
        answer = press(jo, make_campaign(notice), "test", languages=["de"])
        assert "The campaign has no seed list." in words(answer)


class TestPreview:
    def test_in_each_language(self, jo, notice):
        campaign = make_campaign(notice, texts={"de": {"intro": "Guten Tag!"}})
        answer = page(jo, campaign, "preview", language="de", country="AT")
        shown = words(answer)
        assert "German, Austria" in shown
        assert "Guten Tag!" in shown
        assert "German not counted of the notice, with own words" in shown
        assert answer.content.decode().count("<iframe") == 4
        policy = answer.headers["Content-Security-Policy"]
        assert "frame-src 'self'" in policy
        assert "unsafe" not in policy

    def test_the_html_part_can_do_nothing(self, jo, notice):
        campaign = make_campaign(notice, texts={"en": {"intro": "<script>alert(1)</script>"}})
        answer = page(jo, campaign, "preview_html", language="en", scheme="dark")
        content = answer.content.decode()
        assert "<script" not in content
        assert "prefers-color-scheme" not in content
        assert "@media all" in content
        policy = answer.headers["Content-Security-Policy"]
        assert "sandbox" in policy
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'self'" in policy
        assert answer.headers["X-Frame-Options"] == "SAMEORIGIN"
        light = page(jo, campaign, "preview_html", language="en", scheme="light")
        assert "@media not all" in light.content.decode()

    def test_a_language_without_a_text_is_seen_to_fall_back(self, jo, notice):
        make_member("yuki@example.org", "DE", language="ja")
        campaign = make_campaign(english_only(notice))
        walking.start(campaign, Walk.Kind.COUNT)
        walk_to_the_end(campaign, Walk.Kind.COUNT)
        shown = words(page(jo, campaign, "preview", language="ja"))
        assert "The notice has no text in this language" in shown
        assert "Japanese 1 falls back to English" in shown
        assert "German 0 falls back to English" in shown

    def test_minors(self, jo, notice):
        texts = {"en": {"minor_subject": "For you under 18", "subject": "For all"}}
        campaign = make_campaign(notice, minors="own_text", texts=texts)
        assert "For you under 18" in words(page(jo, campaign, "preview", minor="on"))
        assert "For all" in words(page(jo, campaign, "preview"))

    @pytest.mark.parametrize(
        "query", [{"language": "xx"}, {"country": "'"}, {"language": "\0"}, {"scheme": "../x"}]
    )
    def test_a_bad_address(self, jo, notice, query):
        campaign = make_campaign(notice)
        assert page(jo, campaign, "preview", **query).status_code == 200
        assert page(jo, campaign, "preview_html", **query).status_code == 200


@pytest.mark.django_db(transaction=True)
def test_two_press_at_once(staff, notice, member):
    campaign = prepared(notice)
    browsers = [staff(Role.CAMPAIGN_MANAGER, name=name) for name in ("kim", "lee")]

    def release(browser):
        try:
            return press(browser, campaign, "release")
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(release, browsers))
    assert sorted(answer.status_code for answer in answers) == [302, 422]
    late = next(answer for answer in answers if answer.status_code == 422)
    assert "The campaign is released: it cannot be released now." in words(late)
    assert CampaignChange.objects.filter(kind="released").count() == 1
