"""A privacy officer on the running site, with something to look at: for tests and screenshots."""

import json
from dataclasses import dataclass
from typing import Any

from tests.site import Site

# Run in the site's own data by `manage.py shell`; prints what the tests need to know. The numbers
# are put where counting would put them, so that no choice of anybody has to be made up.
_OFFICE = """
import json, math
from datetime import timedelta
from django.conf import settings
from django.contrib.auth.models import Group
from django.test import Client
from django.utils import timezone
from accounts.models import Member, UnusualAccess
from consent import publishing
from consent.dashboard import current_notice
from consent.models import Reach
from desk import counting
from desk.counters import ChoiceCount, LatencyCount, bucket_of
from desk.pack_scope import scope_of
from desk.packing import ask
from desk.roles import Role
from tests.people import sign_in_staff

now = timezone.now()
today = now.date()
notice = current_notice()
officer = Member.objects.create_user("office@staff.example", member_ref="office-1", is_staff=True)
officer.groups.set(Group.objects.filter(name=Role.PRIVACY_OFFICER))
browser = Client()
sign_in_staff(browser, officer)

draft = publishing.new_version(notice, by="office-2")
text = draft.translations.get(language="en")
text.recipients = "{operator}, its affiliated companies and its suppliers"
text.save()
draft.translations.get(language="mt").delete()

for ago in range(1, 30):
    day = today - timedelta(days=ago)
    most = int(400 + 300 * math.sin(ago / 3))
    for region, share in (("eu_eea", 6), ("gb", 3), ("ch", 1), ("unknown", 0.4)):
        for channel, part in (("mail_link", 0.6), ("dashboard", 0.35), ("support", 0.05)):
            ChoiceCount.objects.update_or_create(
                day=day, purpose=settings.PURPOSE, region=region, channel=channel,
                decision="objected", defaults={"number": int(most * share * part)},
            )
    for store, seconds in (("member-profiles", 3), ("affiliates", 40)):
        for times, number in ((1, 600), (4, 300), (20, 20)):
            LatencyCount.objects.update_or_create(
                store=store, day=day, bucket=bucket_of(seconds * times),
                defaults={"number": number, "worst": seconds * times},
            )
UnusualAccess.objects.create(
    kind="many", by="agent-7", day=today, members=61, first_at=now, last_at=now
)
counting.count_reach_due()
Reach.objects.update(concerned=812_340, told=798_112)
pack = ask(scope_of(region="", since=today - timedelta(days=30), until=today), by="office-1")
print("OFFICE" + json.dumps({
    "session": browser.cookies[settings.SESSION_COOKIE_NAME].value,
    "notice": draft.pk,
    "rollout": notice.rollouts.get(region="eu_eea").pk,
    "pack": pack.pk,
}))
"""


@dataclass(frozen=True)
class Office:
    """``pages``: address by name, of all that the privacy officer works with."""

    site: Site
    session: str
    pages: dict[str, str]

    @classmethod
    def prepared(cls, site: Site) -> "Office":
        printed = site.manage("shell", "-v0", "-c", _OFFICE)
        made = json.loads(printed.partition("OFFICE")[2])
        return cls(site, made["session"], _pages(made))

    @property
    def cookies(self) -> list[dict[str, str]]:
        """What signs the officer in."""
        return [{"name": "sessionid", "value": self.session, "url": self.site.url}]


def _pages(made: dict[str, Any]) -> dict[str, str]:
    notice = f"/admin/consent/notice/{made['notice']}"
    rollout = f"/admin/consent/rollout/{made['rollout']}"
    packs = "/admin/desk/evidencepack"
    return {
        "dashboard": "/admin/desk/dashboard/",
        "notice": f"{notice}/change/",
        "notice-text": f"{notice}/text/de/",
        "notice-preview": f"{notice}/preview/?language=de&state=before",
        "notice-diff": f"{notice}/diff/",
        "notice-checks": f"{notice}/checks/",
        "notice-propose": f"{notice}/do/propose/",
        "notices": "/admin/consent/notice/",
        "rollout": f"{rollout}/change/",
        "rollout-pause": f"{rollout}/do/pause/",
        "rollout-announce": "/admin/consent/rollout/add/",
        "packs": f"{packs}/",
        "pack": f"{packs}/{made['pack']}/change/",
        "pack-make": f"{packs}/make/",
    }
