"""How tests press the buttons of campaigns in admin."""

import html
import re

from django.urls import reverse

from campaigns.forms import CampaignForm
from campaigns.models import Campaign


def words(answer):
    """The page without tags, in one line."""
    text = re.sub(r"<[^>]+>", " ", answer.content.decode())
    return " ".join(html.unescape(text).split())


def page(browser, campaign, name="standing", **query):
    return browser.get(reverse(f"admin:campaigns_{name}", args=[campaign.pk]), query)


def press(browser, campaign, action, **values):
    path = reverse("admin:campaigns_act", args=[campaign.pk, action])
    return browser.post(path, {f"{action}-{name}": value for name, value in values.items()})


def fields(campaign=None, **values):
    """What the form for a draft sends, as it is on the page."""
    form = CampaignForm(instance=campaign)
    sent = {"name": "First notice", "told": "not_told", "told_days": 7, "objected": "any",
            "minors": "left_out", "per_minute": 600, "ramp_hours": 0,
            "starts_at_0": "2026-12-01", "starts_at_1": "08:00:00"}  # fmt: skip
    for name in ("opened", "countries", "seeds"):
        field = form[name]
        sent[name] = field.field.prepare_value(field.initial or "")
    if campaign:
        sent |= {"name": campaign.name, "notice": campaign.notice_id}
        sent |= {"regions": campaign.regions, "languages": campaign.languages}
    return sent | values


def add(browser, notice, **values):
    sent = fields(notice=notice.pk, **values)
    return browser.post(reverse("admin:campaigns_campaign_add"), sent)


def change(browser, campaign, **values):
    path = reverse("admin:campaigns_campaign_change", args=[campaign.pk])
    return browser.post(path, fields(campaign, **values))


def fresh(campaign):
    return Campaign.objects.get(pk=campaign.pk)


def english_only(notice):
    """A newer version of the notice, a draft, with one text."""
    newer = type(notice).objects.create(
        purpose=notice.purpose, version=notice.version + 1, used=notice.used,
        never_used=notice.never_used,
    )  # fmt: skip
    text = notice.translations.get(language="en")
    text.pk, text.notice, text._state.adding = None, newer, True
    text.save()
    return newer
