"""The form for a campaign's draft: everything by hand, nothing lost, errors in words."""

from datetime import UTC, datetime

import pytest
from django.urls import reverse

from campaigns import lifecycle
from campaigns.models import Campaign
from campaigns.tests.admin import add, change, english_only, fields, fresh, words
from campaigns.tests.campaigns import make_campaign, prepared
from tests.people import Role

pytestmark = pytest.mark.django_db


@pytest.fixture
def manager(staff):
    return staff(Role.CAMPAIGN_MANAGER, name="jo")


def test_all_that_a_campaign_has(manager, notice):
    answer = add(
        manager, notice,
        regions=["gb", "unknown"],
        countries="Germany\nfr, Norway",
        languages=["de", "en"],
        told="unanswered",
        objected="not_objected",
        minors="own_text",
        seeds="one@example.org\n two@example.org \n\none@example.org",
        stops_at_0="2026-12-05", stops_at_1="00:00:00",
        ramp_from=60, ramp_hours=12,
        quiet_from="21:00", quiet_until="07:00",
        limit_google=100, limit_other=50, sent_elsewhere="on",
        text_de_subject="Betrifft {title}",
        text_de_minor_intro="Du bist unter 18.\nFrag {email}.",
    )  # fmt: skip
    campaign = Campaign.objects.get()
    assert answer.url == reverse("admin:campaigns_standing", args=[campaign.pk])
    assert campaign.state == "draft"
    assert campaign.regions == ["gb", "unknown"]
    assert campaign.countries == ["DE", "FR", "NO"]
    assert campaign.languages == ["de", "en"]
    assert campaign.seeds == ["one@example.org", "two@example.org"]
    assert campaign.limits == {"google": 100, "other": 50}
    assert campaign.texts == {
        "de": {"subject": "Betrifft {title}", "minor_intro": "Du bist unter 18.\nFrag {email}."}
    }
    assert campaign.sent_elsewhere
    assert campaign.starts_at == datetime(2026, 12, 1, 8, tzinfo=UTC)
    assert (campaign.quiet_from.hour, campaign.quiet_until.hour) == (21, 7)
    lifecycle.prepare(campaign, by="jo")


def test_the_form_shows_what_is_there_and_keeps_it(manager, notice):
    texts = {"de": {"subject": "Hört", "minor_intro": "Du"}, "en": {"intro": "Read this."}}
    campaign = make_campaign(
        notice, countries=["DE"], seeds=["a@example.org"], texts=texts, limits={"gmx": 7},
        regions=["ch"],
    )  # fmt: skip
    answer = manager.get(reverse("admin:campaigns_campaign_change", args=[campaign.pk]))
    form = answer.context["adminform"].form
    assert form["countries"].value() == "Germany"
    assert form["text_de_subject"].value() == "Hört"
    assert form["limit_gmx"].value() == 7
    title = notice.translations.get(language="fr").filled().title
    assert form.fields["text_fr_subject"].widget.attrs["placeholder"] == title
    assert "Words in German (own words)" in words(answer)
    same = {"text_de_subject": "Hört", "text_de_minor_intro": "Du", "limit_gmx": 7,
            "text_en_intro": "Read this."}  # fmt: skip
    assert change(manager, campaign, **same, per_minute=5).status_code == 302
    after = fresh(campaign)
    assert (after.texts, after.limits, after.per_minute) == (texts, {"gmx": 7}, 5)
    assert (after.countries, after.regions) == (["DE"], ["ch"])


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"text_de_subject": "Dear {name}"}, "unknown field {name}. Known: {operator}"),
        ({"text_de_subject": "Hello\r\nBcc: all@example.org"}, "A subject is one line."),
        ({"text_de_subject": "Hello\u2028Bcc: x"}, "A subject is one line."),
        ({"text_de_intro": "x" * 2_001}, "at most 2,000 characters"),
        ({"countries": "Atlantis"}, "There is no country 'Atlantis'."),
        ({"seeds": "a@example.org\nBcc: x"}, "'Bcc: x' is no e-mail address."),
        ({"limit_google": "0"}, "greater than or equal to 1"),
        ({"limit_google": "many"}, "Enter a whole number"),
        ({"regions": ["mars"]}, "mars is not one of the available choices"),
        ({"per_minute": 0}, "greater than or equal to 1"),
        ({"quiet_from": "21:00"}, "Quiet hours have a beginning and an end."),
        ({"stops_at_0": "2026-11-01", "stops_at_1": "00:00"}, "It would stop before it starts."),
        ({"ramp_from": 5}, "A warm-up has a pace and a duration."),
        ({"told": "unanswered", "objected": "objected"}, "nobody is both"),
        ({"name": "\0"}, "Null characters are not allowed"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_typed_is_lost(manager, notice, values, says):
    kept = {"text_fr_intro": "Lisez ceci.", "countries": "Germany", "limit_apple": 3}
    answer = add(manager, notice, **{**kept, **values})
    assert answer.status_code == 200
    assert says in words(answer)
    form = answer.context["adminform"].form
    for name, value in {**kept, **values}.items():
        assert form.data.getlist(name) == (value if isinstance(value, list) else [str(value)])
    assert not Campaign.objects.exists()


def test_words_in_a_language_that_the_notice_has_not(manager, notice):
    newer = english_only(notice)
    answer = add(manager, newer, text_ga_intro="Léigh é seo.")
    assert "The notice has no text in this language" in words(answer)
    campaign = make_campaign(newer)
    answer = manager.get(reverse("admin:campaigns_campaign_change", args=[campaign.pk]))
    assert "Words in Irish (the notice has no text in it)" in words(answer)


def test_prepared_by_somebody_else_meanwhile(manager, notice, member):
    campaign = make_campaign(notice)
    sent = fields(campaign, per_minute=5)
    lifecycle.prepare(campaign, by="kim")
    path = reverse("admin:campaigns_campaign_change", args=[campaign.pk])
    answer = manager.post(path, sent)
    assert "The campaign is prepared meanwhile, so nothing was saved" in words(answer)
    assert answer.context["adminform"].form.data["per_minute"] == "5"
    assert fresh(campaign).state == "prepared"


def test_changed_by_somebody_else_meanwhile(manager, notice):
    campaign = make_campaign(notice)
    sent = fields(campaign, per_minute=5)
    Campaign.objects.update(countries=["DE"])
    path = reverse("admin:campaigns_campaign_change", args=[campaign.pk])
    answer = manager.post(path, sent)
    assert "Somebody else has changed this campaign" in words(answer)
    assert fresh(campaign).countries == ["DE"]
    again = answer.context["adminform"].form.data.dict()
    assert manager.post(path, again).status_code == 302
    assert (fresh(campaign).countries, fresh(campaign).per_minute) == ([], 5)


def test_what_is_no_draft_has_no_form(manager, notice, member):
    campaign = prepared(notice)
    answer = manager.get(reverse("admin:campaigns_campaign_change", args=[campaign.pk]))
    assert answer.url == reverse("admin:campaigns_standing", args=[campaign.pk])


def test_save_and_go_on_editing(manager, notice):
    campaign = make_campaign(notice)
    answer = change(manager, campaign, _continue="1")
    assert answer.url == reverse("admin:campaigns_campaign_change", args=[campaign.pk])


@pytest.mark.parametrize("role", set(Role) - {Role.CAMPAIGN_MANAGER})
def test_nobody_else_writes_campaigns(staff, notice, role):
    campaign = make_campaign(notice)
    browser = staff(role)
    assert add(browser, notice, name="Another").status_code == 403
    assert change(browser, campaign, per_minute=1).status_code == 403
    assert fresh(campaign).per_minute != 1


def test_nobody_deletes_a_campaign(manager, notice):
    campaign = make_campaign(notice)
    path = reverse("admin:campaigns_campaign_delete", args=[campaign.pk])
    assert manager.post(path, {"post": "yes"}).status_code == 403
