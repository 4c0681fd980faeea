"""Where a campaign stands, as its page in admin shows it: from what is kept, never by counting."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from django.utils import timezone

from campaigns import walking
from campaigns.audience import Numbers
from campaigns.charts import Chart, bars, over_time
from campaigns.figures import Figures, figures_of
from campaigns.lifecycle import numbers_of
from campaigns.models import Campaign, CampaignChange, Lane, MailStop, Recipient, Walk
from campaigns.names import country_name, language_name, members, provider_name, region_name
from campaigns.pace import pace
from campaigns.rule import Row, audience_rule, timing

State = Campaign.State
type NameOf = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Breakdown:
    title: str
    rows: list[tuple[str, str, str]]
    """Name, members, share; the most first."""


@dataclass(frozen=True, slots=True)
class Outcome:
    name: str
    number: str
    meaning: str


class Standing:
    """Everything on a campaign's page. Each part is read once, when it is asked for."""

    def __init__(self, campaign: Campaign) -> None:
        self.campaign = campaign
        self.now = timezone.now()

    @cached_property
    def stop(self) -> MailStop | None:
        found: MailStop | None = MailStop.objects.open().first()
        return found

    @cached_property
    def numbers(self) -> Numbers | None:
        return numbers_of(self.campaign)

    @cached_property
    def figures(self) -> Figures:
        return figures_of(self.campaign)

    @cached_property
    def walks(self) -> dict[str, Walk]:
        return {walk.kind: walk for walk in self.campaign.walks.all()}

    @property
    def counted_at(self) -> datetime | None:
        """When the shown numbers of a draft were counted."""
        walk = self.walks.get(Walk.Kind.COUNT)
        return walk.done_at if walk and self.campaign.audience is None else None

    @property
    def counting(self) -> int | None:
        """Percent done of the count under way."""
        return self._percent(Walk.Kind.COUNT) if self.campaign.audience is None else None

    @property
    def freezing(self) -> int | None:
        """Percent of the audience that is written down, while it is."""
        return self._percent(Walk.Kind.FREEZE)

    def _percent(self, kind: str) -> int | None:
        walk = self.walks.get(kind)
        return int(100 * walking.progress(walk)) if walk and not walk.done_at else None

    @cached_property
    def breakdowns(self) -> list[Breakdown]:
        numbers = self.numbers
        if numbers is None:
            return []
        return [
            _breakdown("Region", numbers.regions, numbers.size, region_name),
            _breakdown("Country", numbers.countries, numbers.size, country_name),
            _breakdown("Language of the mail", numbers.languages, numbers.size, language_name),
            _breakdown("Mailbox provider", numbers.providers, numbers.size, provider_name),
        ]

    @property
    def size_in_words(self) -> str:
        numbers = self.numbers
        if numbers is None:
            return ""
        minors = f", {numbers.minors:,} of them under 18" if numbers.minors else ""
        return f"{members(numbers.size)}{minors}"

    @cached_property
    def fallbacks(self) -> list[tuple[str, str]]:
        """Languages that there is no text in, and the members who want them."""
        numbers = self.numbers
        found = numbers.fallbacks.most_common() if numbers else []
        return [(language_name(code), f"{number:,}") for code, number in found]

    @property
    def is_live(self) -> bool:
        """Whether what is shown changes by itself."""
        under_way = self.campaign.state in Campaign.UNDER_WAY
        return under_way or any(walk.done_at is None for walk in self.walks.values())

    @property
    def has_begun(self) -> bool:
        return self.campaign.released_at is not None and self.campaign.audience is not None

    @property
    def percent_done(self) -> int:
        return int(100 * self.figures.share_done)

    @property
    def progress_in_words(self) -> str:
        return f"{self.figures.total - self.figures.left:,} of {self.figures.total:,}"

    @property
    def rate_in_words(self) -> str:
        now = pace(self.campaign, self.now)
        return f"{self.figures.rate:,.0f} of at most {now:,.0f} mails a minute"

    @property
    def ends_at(self) -> datetime | None:
        """At the rate of late; None while nothing goes out."""
        left = self.figures.time_left
        running = self.campaign.state == State.RUNNING and self.figures.left
        return self.now + left if left is not None and running else None

    @cached_property
    def outcome(self) -> list[Outcome]:
        return outcome_of(self.figures)

    @cached_property
    def reasons(self) -> list[tuple[str, str]]:
        return named_reasons(self.figures)

    @cached_property
    def charts(self) -> list[Chart]:
        figures = self.figures
        return [
            over_time("time", "Mails accepted over time", figures.hours),
            bars("language", "By language", _named(figures.languages, language_name), "Language"),
            bars(
                "provider", "By mailbox provider", _named(figures.providers, provider_name),
                "Mailbox provider",
            ),
        ]  # fmt: skip

    @cached_property
    def troubles(self) -> list[str]:
        """What is wrong now, in words."""
        found = [self.campaign.problem] if self.campaign.problem else []
        lanes: Iterable[Lane] = self.campaign.lanes.filter(not_before__gt=self.now)
        for lane in lanes:
            until = f"{lane.not_before:%H:%M:%S} UTC"
            words = lane.problem or "It wants fewer mails."
            found.append(f"{provider_name(lane.provider)} is left alone until {until}: {words}")
        return found

    @cached_property
    def rule(self) -> list[Row]:
        return audience_rule(self.campaign)

    @cached_property
    def timing(self) -> list[Row]:
        return timing(self.campaign)

    @cached_property
    def history(self) -> list[CampaignChange]:
        return list(self.campaign.history.order_by("-at", "-pk")[:200])

    @property
    def figures_at(self) -> datetime | None:
        at = self.figures.counted_at
        return datetime.fromisoformat(at) if at else None


def outcome_of(figures: Figures) -> list[Outcome]:
    state = figures.in_state
    rows = [
        ("Accepted by mail servers", state("sent"), "Sent, and not come back."),
        ("Came back", state("bounced"), "There is no such address. Nothing more goes there."),
        ("Refused", state("failed"), "By the mail server."),
        ("Left out", state("skipped"), "Looked at again just before sending; see why below."),
        ("Waiting", figures.left, "Their turn comes."),
        ("Opened the notice", figures.seen, "Somebody looked at the page behind the link."),
        ("Objected", figures.objected, "Of those mailed, since the start, in whatever way."),
        ("Complained", figures.complained, "Marked the mail as spam. They get no reminders."),
        (
            "Possibly doubled",
            figures.possibly_doubled,
            "The connection broke before the mail server's answer, and it was sent again.",
        ),
    ]
    return [Outcome(name, f"{number:,}", meaning) for name, number, meaning in rows]


def named_reasons(figures: Figures) -> list[tuple[str, str]]:
    """Why mails were left out, refused or came back, the most frequent first."""
    labels = dict(Recipient.Reason.choices)
    found = sorted(figures.reasons.items(), key=lambda pair: -pair[1])
    return [(str(labels.get(code, code)), f"{number:,}") for code, number in found]


def _breakdown(title: str, counted: Mapping[str, int], size: int, name: NameOf) -> Breakdown:
    found = sorted(counted.items(), key=lambda pair: (-pair[1], name(pair[0])))
    return Breakdown(
        title, [(name(code), f"{n:,}", f"{100 * n / (size or 1):.1f} %") for code, n in found]
    )


def _named(splits: Mapping[str, Mapping[str, int]], name: NameOf) -> dict[str, Mapping[str, int]]:
    return {name(code): states for code, states in splits.items()}
