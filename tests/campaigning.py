"""Campaigns in every state on the running site, and two who manage them, for browser tests."""

import json
from dataclasses import dataclass
from typing import Any

from tests.site import Site

# Run in the site's own data by `manage.py shell`; prints what the tests need to know.
_CAMPAIGNS = """
import json
from datetime import timedelta
from django.conf import settings
from django.contrib.auth.models import Group
from django.test import Client
from django.utils import timezone
from accounts.models import Member
from campaigns import lifecycle, walking
from campaigns.models import Campaign, Recipient, Walk
from consent.dashboard import current_notice
from desk.roles import Role
from tests.people import sign_in_staff

people = {}
for name, role in [
    ("jo", Role.CAMPAIGN_MANAGER), ("kim", Role.CAMPAIGN_MANAGER), ("dana", Role.PRIVACY_OFFICER),
]:
    person = Member.objects.create_user(
        f"{name}@staff.example", member_ref=name, country="IE", language="en", is_staff=True
    )
    person.groups.set(Group.objects.filter(name=role))
    browser = Client()
    sign_in_staff(browser, person)
    people[name] = browser.cookies[settings.SESSION_COOKIE_NAME].value

places = [("DE", "de"), ("FR", "fr"), ("PL", "pl"), ("IT", "it"), ("SE", "sv"), ("GR", "el"),
          ("GB", "en"), ("CH", "fr"), ("AT", "de"), ("IE", "ga"), ("NL", "ja"), ("ES", "es")]
domains = ["gmail.com", "gmx.de", "outlook.com", "orange.fr", "company.example"]
Member.objects.bulk_create(
    Member(
        member_ref=f"audience-{number}", email=f"audience-{number}@{domains[number % 5]}",
        country=places[number % 12][0], language=places[number % 12][1], password="!",
    )
    for number in range(600)
)
notice = current_notice()

def make(name, **values):
    # The start is far away, so that the site's own workers send nothing.
    values = {"starts_at": timezone.now() + timedelta(days=30), "notice": notice,
              "seeds": ["seed@example.org"], "texts": {"de": {"intro": "Guten Tag!"}}, **values}
    return Campaign.objects.create(name=name, **values)

def walked(campaign, kind):
    walk = Walk.objects.get(campaign=campaign, kind=kind)
    while walk.done_at is None:
        walking.walk_on(walk.pk)
        walk.refresh_from_db()

def released(name, **values):
    campaign = make(name, **values)
    lifecycle.prepare(campaign, by="jo")
    walked(campaign, Walk.Kind.COUNT)
    lifecycle.release(campaign, by="kim", accept_fallbacks=True)
    walked(campaign, Walk.Kind.FREEZE)
    return campaign

draft = make("Spring notice, draft")
prepared = make("Spring notice, prepared")
lifecycle.prepare(prepared, by="jo")
walked(prepared, Walk.Kind.COUNT)
paused = released("Spring notice", limits={"google": 60}, quiet_from="21:00", quiet_until="07:00")
now = timezone.now().replace(minute=5)
for number, pk in enumerate(paused.recipients.order_by("pk").values_list("pk", flat=True)):
    if number >= 430:
        break
    state, reason = "sent", ""
    if number % 29 == 0:
        state, reason = "bounced", "hard_bounce"
    elif number % 37 == 0:
        state, reason = "failed", "refused"
    elif number % 41 == 0:
        state, reason = "skipped", "told"
    sent_at = now - timedelta(hours=9 - number // 50) if state == "sent" else None
    Recipient.objects.filter(pk=pk).update(
        state=state, reason=reason, sent_at=sent_at, seen_at=sent_at if number % 3 else None,
        complained_at=sent_at if number == 100 else None,
    )
lifecycle.pause(paused, by="kim", reason="A question from the press office")
walking.start(paused, Walk.Kind.FIGURES)
walked(paused, Walk.Kind.FIGURES)
rollout = notice.rollouts.get(region="ch")
print("CAMPAIGNS" + json.dumps({
    "people": people, "rollout": rollout.pk,
    "draft": draft.pk, "prepared": prepared.pk, "paused": paused.pk,
}))
"""


@dataclass(frozen=True)
class Campaigning:
    site: Site
    found: dict[str, Any]

    @classmethod
    def prepared(cls, site: Site) -> "Campaigning":
        printed = site.manage("shell", "-v0", "-c", _CAMPAIGNS)
        return cls(site, json.loads(printed.partition("CAMPAIGNS")[2]))

    def cookies(self, name: str) -> list[dict[str, str]]:
        """What signs them in."""
        session = self.found["people"][name]
        return [{"name": "sessionid", "value": session, "url": self.site.url}]

    def path(self, state: str, page: str = "page/") -> str:
        return f"/admin/campaigns/campaign/{self.found[state]}/{page}"
