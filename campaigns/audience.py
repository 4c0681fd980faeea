"""Who a campaign is for, as a query over members; and the same in numbers."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.conf import settings
from django.db.models import Case, CharField, Count, Exists, OuterRef, Q, Value, When
from django.db.models.functions import Upper
from django.db.models.lookups import Exact

from accounts.languages import language_of, site_language
from accounts.models import Member, MemberQuerySet
from accounts.regions import Region, countries, country_for
from campaigns.models import UNKNOWN, Campaign, NoReminders
from campaigns.providers import provider_expression
from consent.models import Notice, Told
from ledger.models import CurrentChoice, Decision

ELSEWHERE = "elsewhere"
"""In the place of a region: known countries that the change does not apply to."""


def audience(campaign: Campaign, now: datetime, within: MemberQuerySet) -> MemberQuerySet:
    """Those of the members that the campaign is for now, its languages apart (`of_languages`)."""
    members = within.filter(_place(campaign), is_active=True, is_staff=False)
    if campaign.joined_before:
        members = members.filter(joined_at__lt=campaign.joined_before)
    if campaign.minors == Campaign.Minors.LEFT_OUT:
        members = members.filter(is_minor=False)
    return members.filter(_told(campaign, now), _objected(campaign))


type LanguageOf = Callable[[str, str], str]
"""The language of the mail by a member's language tag and country of residence."""


def of_languages(
    campaign: Campaign, members: MemberQuerySet, language_of_mail: LanguageOf
) -> MemberQuerySet:
    """Those of the members who get their mail in one of the campaign's languages."""
    if not campaign.languages:
        return members
    found = Q(pk__in=[])
    for tag, home in members.order_by().values_list("language", HOME).distinct():
        if language_of_mail(tag, home) in campaign.languages:
            found |= Q(Exact(HOME, home), language=tag)
    return members.filter(found)


def _place(campaign: Campaign) -> Q:
    """Where the account or the member says: whoever may be concerned is told."""
    if not campaign.regions and not campaign.countries:
        return Q()
    codes = {*campaign.countries}
    for region in campaign.regions:
        if region != UNKNOWN:
            codes |= {country.code for country in countries(Region(region))}
    place = Q(country__in=codes) | Q(stated_country__in=codes)
    return place | Q(country="", stated_country="") if UNKNOWN in campaign.regions else place


def _told(campaign: Campaign, now: datetime) -> Q:
    told = Told.objects.reached().filter(notice=campaign.notice_id, member=OuterRef("pk"))
    if campaign.told == Campaign.WhoWasTold.NOT_TOLD:
        return ~Q(Exists(told))
    if campaign.told == Campaign.WhoWasTold.ANY:
        return Q()
    before = now - timedelta(days=campaign.told_days)
    lately = Q(mailed_at__gt=before) | Q(seen_at__gt=before) | Q(letter_at__gt=before)
    chosen = CurrentChoice.objects.filter(
        purpose=campaign.notice.purpose_id, member_ref=OuterRef("member_ref")
    )
    left = NoReminders.objects.filter(member=OuterRef("pk"))
    long_ago = Q(Exists(told)) & ~Q(Exists(told.filter(lately)))
    return long_ago & ~Q(Exists(chosen)) & ~Q(Exists(left))


def _objected(campaign: Campaign) -> Q:
    objection = CurrentChoice.objects.filter(
        purpose=campaign.notice.purpose_id,
        member_ref=OuterRef("member_ref"),
        decision=Decision.OBJECTED,
    )
    if campaign.objected == Campaign.WhoObjected.ANY:
        return Q()
    found = Q(Exists(objection))
    return found if campaign.objected == Campaign.WhoObjected.OBJECTED else ~found


def languages_of(notice: Notice) -> LanguageOf:
    """Which of the notice's languages members get it in."""
    return partial(_language, set(notice.translations.values_list("language", flat=True)))


def _language(written: set[str], tag: str, home: str) -> str:
    language = language_of(Member(language=tag, country=home))
    return language if language in written else settings.LANGUAGE_CODE


_STATED = ~Q(stated_country="")
HOME = Case(
    When(_STATED, then=Upper("stated_country")), default=Upper("country"), output_field=CharField()
)
"""Over members: the country of residence."""
ACCOUNT = Case(
    When(_STATED & ~Q(stated_country=Upper("country")), then=Upper("country")),
    default=Value(""),
    output_field=CharField(),
)
"""Over members: what the account says instead; empty where it says the same."""


def grouped(members: MemberQuerySet) -> Iterable[Mapping[str, Any]]:
    """Numbers of members by what their mail depends on: rows of language (the member's tag),
    home, account, provider, is_minor and n."""
    return (
        members.annotate(home=HOME, account=ACCOUNT, provider=provider_expression())
        .order_by()
        .values("language", "home", "account", "provider", "is_minor")
        .annotate(n=Count("pk"))
    )


def region_of(code: str) -> str:
    country = country_for(code)
    if country is None:
        return UNKNOWN
    return country.region or ELSEWHERE


@dataclass
class Numbers:
    """An audience in numbers. ``fallbacks``: members by the language that they want and that there
    is no text in; they get it in another one."""

    size: int
    minors: int
    regions: Counter[str]
    countries: Counter[str]
    languages: Counter[str]
    providers: Counter[str]
    fallbacks: Counter[str]

    @classmethod
    def read(cls, stored: Mapping[str, Any]) -> "Numbers":
        counters = ("regions", "countries", "languages", "providers", "fallbacks")
        return cls(
            stored.get("size", 0),
            stored.get("minors", 0),
            *(Counter(stored.get(name, {})) for name in counters),
        )

    def stored(self) -> dict[str, Any]:
        """As JSON, for `read`."""
        return {
            name: dict(value) if isinstance(value, Counter) else value
            for name, value in vars(self).items()
        }

    def add(self, row: Mapping[str, Any], language: str) -> None:
        """Add a row of `grouped`, whose members get their mail in ``language``."""
        number = row["n"]
        self.size += number
        self.minors += number if row["is_minor"] else 0
        self.regions[region_of(row["home"])] += number
        self.countries[row["home"]] += number
        self.languages[language] += number
        self.providers[row["provider"]] += number
        tag = row["language"]
        wanted = (site_language(tag) or tag.partition("-")[0].lower()) if tag else ""
        if wanted and wanted != language:
            self.fallbacks[wanted] += number
