"""What is filed about a campaign, in three formats; and whom it did not reach."""

import csv
import io
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from pypdf import PdfReader

from campaigns import lifecycle, unreached, walking
from campaigns.models import Campaign, Message, Recipient, Walk
from campaigns.report import report_on
from campaigns.spreadsheet import lines
from campaigns.tests.admin import page, words
from campaigns.tests.campaigns import make_campaign, running, walk_to_the_end
from consent import launch, told
from tests.people import Role, choose, make_member

pytestmark = pytest.mark.django_db


@pytest.fixture
def officer(staff):
    return staff(Role.PRIVACY_OFFICER, name="dana")


@pytest.fixture
def campaign(notice):
    """Ended: one reached, one bounced, one refused, one not tried, one left out."""
    for number in range(5):
        make_member(f"m{number}@example.org", ("DE", "AT")[number % 2], language="de")
    texts = {"de": {"subject": "=HYPERLINK(1)", "intro": "Guten Tag <b>!"}}
    campaign = running(notice, texts=texts, regions=["eu_eea"])
    outcomes = [("sent", ""), ("bounced", "hard_bounce"), ("failed", "refused"),
                ("skipped", "stopped"), ("skipped", "answered")]  # fmt: skip
    for recipient, (state, reason) in zip(Recipient.objects.order_by("pk"), outcomes, strict=True):
        Recipient.objects.filter(pk=recipient.pk).update(state=state, reason=reason)
    Recipient.objects.filter(state="sent").update(sent_at=timezone.now(), possibly_doubled=True)
    lifecycle.kill(campaign, by="kim", reason="+cmd|' /C calc'!A0")
    walking.start(campaign, Walk.Kind.FIGURES)
    walk_to_the_end(campaign, Walk.Kind.FIGURES)
    return Campaign.objects.get(pk=campaign.pk)


def rows_of(answer):
    content = (b"".join(answer.streaming_content) if answer.streaming else answer.content).decode()
    return list(csv.reader(io.StringIO(content, newline="")))


def export(browser, campaign):
    return browser.post(reverse("admin:campaigns_unreached", args=[campaign.pk]))


class TestReport:
    def test_all_that_is_asked_for(self, officer, notice, campaign):
        shown = words(page(officer, campaign, "report"))
        for said in (
            "Made", "by dana", "Version of the notice 1", "Regions EU and EEA",
            "Members 5", "Prepared", "by jo", "by kim",
            "Reached 1", "Not reached 2", "Left out 2", "Possibly doubled 1",
            "There is no such address 1", "The mail server refused it 1",
            "The campaign ended before 1", "Germany 1 1 1 0",
            "The interlock was not overridden.", "German: Austria", "German: Germany",
            "=HYPERLINK(1)", "SHA-256",
        ):  # fmt: skip
            assert said in shown, said
        assert "Guten Tag <b>!" in shown

    def test_the_counts_are_those_of_the_release(self, officer, campaign):
        make_member("late@example.org", "DE", language="de")
        shown = words(page(officer, campaign, "report"))
        assert "Members 5" in shown

    def test_who_overrode_the_interlock(self, officer, notice, campaign, settings):
        settings.LAUNCH_NOTICE_DAYS = 30
        rollout = notice.rollouts.get(region="gb")
        rollout.reschedule(rollout.starts_on + timedelta(1), by="x", reason="y")
        launch.ask_override(rollout, by="ada", reason="The court said so")
        launch.agree_to_override(rollout, by="bob", reason="It did")
        shown = words(page(officer, campaign, "report"))
        assert "asked to start all the same ada The court said so" in shown
        assert "agreed: it may start bob It did" in shown

    def test_a_stop_of_all(self, officer, campaign):
        lifecycle.stop_all(by="kim", reason="before")
        lifecycle.lift_stop(by="kim")
        assert "All campaigns were stopped" not in words(page(officer, campaign, "report"))
        Campaign.objects.update(finished_at=timezone.now())
        assert "All campaigns were stopped" in words(page(officer, campaign, "report"))

    def test_pdf(self, officer, campaign):
        answer = page(officer, campaign, "report_pdf")
        assert answer.headers["Content-Type"] == "application/pdf"
        assert "attachment" in answer.headers["Content-Disposition"]
        pages = [p.extract_text() for p in PdfReader(io.BytesIO(answer.content)).pages]
        text = " ".join(" ".join(pages).split())
        for said in (
            "Report: First notice", "by dana", "Reached 1", "+cmd|' /C calc'!A0",
            "the campaign ended before 1", "Subject: =HYPERLINK(1)", "Guten Tag <b>!",
        ):  # fmt: skip
            assert said in text, said
        assert text.count("Guten Tag <b>!") == 1  # the other country's differs little
        assert f"page {len(pages)} of {len(pages)}" in pages[-1]

    def test_pdf_of_what_no_font_has_and_no_page_holds(self, officer, campaign):
        reason = "\U0001f642 您好 " + "x" * 400 + " word" * 300
        campaign.history.create(kind="tested", by="jo", reason=reason)
        assert page(officer, campaign, "report_pdf").status_code == 200

    def test_csv_says_the_same(self, officer, campaign):
        rows = rows_of(page(officer, campaign, "report_csv"))
        assert ["How many were reached", "Reached", "1"] in [row[:3] for row in rows]
        subjects = {row[4] for row in rows if row[0] == "Mails as they were sent"}
        assert "'=HYPERLINK(1)" in subjects
        history = [row for row in rows if row[0] == "History"]
        assert history[-1][-1] == "'+cmd|' /C calc'!A0"
        assert not [value for row in rows for value in row if value.startswith(("=", "+", "@"))]

    def test_it_counts_nothing(self, notice, campaign):
        with CaptureQueriesContext(
            connection,
        ) as queries:
            report_on(campaign, by="dana")
        asked = " ".join(query["sql"] for query in queries).lower()
        assert "campaigns_recipient" not in asked
        assert "accounts_member" not in asked
        assert len(queries) < 30

    def test_a_mail_that_was_the_same_in_several_countries_stands_once(self, campaign):
        """In the report it names all of them."""
        one = campaign.messages.first()
        Message.objects.create(
            campaign=campaign, language="de", country="LU", minor=False, subject=one.subject,
            text=one.text, html=one.html,
        )  # fmt: skip
        texts = report_on(campaign, by="dana").texts
        assert len(texts) == 2
        assert "Luxembourg" in texts[0].places + texts[1].places


class TestUnreached:
    def test_who_and_why(self, officer, campaign):
        rows = rows_of(export(officer, campaign))
        assert rows[0] == list(unreached.COLUMNS)
        assert [row[:2] for row in rows[1:]] == [
            ["m1", "there is no such address"],
            ["m2", "the mail server refused it"],
            ["m3", "the campaign ended before"],
        ]
        assert "@" not in "".join(value for row in rows for value in row)
        assert campaign.history.get(kind="exported").by == "dana"

    def test_not_who_knows_by_now(self, officer, notice, campaign, monkeypatch):
        monkeypatch.setattr(unreached, "STEP", 2)
        members = {r.member.member_ref: r.member_id for r in Recipient.objects.all()}
        told.page_seen(notice, members["m1"], timezone.now())
        choose("m2")
        assert [row[0] for row in rows_of(export(officer, campaign))[1:]] == ["m3"]

    def test_nor_who_was_erased(self, officer, campaign):
        Recipient.objects.filter(member__member_ref="m1").update(member=None)
        assert [row[0] for row in rows_of(export(officer, campaign))[1:]] == ["m2", "m3"]

    def test_a_formula_in_what_the_server_said(self, officer, campaign):
        Recipient.objects.filter(member__member_ref="m2").update(reply='=cmd("x")')
        assert rows_of(export(officer, campaign))[2][2] == '\'=cmd("x")'

    def test_a_get_exports_nothing(self, officer, campaign):
        path = reverse("admin:campaigns_unreached", args=[campaign.pk])
        assert officer.get(path).status_code == 405
        assert not campaign.history.filter(kind="exported").exists()

    def test_nor_before_the_release(self, officer, notice):
        campaign = make_campaign(notice)
        assert export(officer, campaign).status_code == 302
        assert not campaign.history.exists()

    @pytest.mark.parametrize("role", [Role.AUDITOR, Role.SUPPORT_LEAD, Role.OPERATOR])
    def test_it_needs_a_right_of_its_own(self, staff, campaign, role):
        assert export(staff(role), campaign).status_code == 403
        assert not campaign.history.filter(kind="exported").exists()


def test_lines_of_csv():
    assert b"".join(lines([["a\nb", 'c"d', "é"]])).decode() == '"a\nb","c""d","é"\r\n'
