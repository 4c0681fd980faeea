"""What a privacy officer files about a campaign: one set of tables, for page, PDF and CSV alike.

It is made of what is kept: the released counts, the figures as counted last, the mails as they were
sent, the history. Nothing is counted here, however large the campaign is.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from campaigns.audience import Numbers
from campaigns.charts import OUTCOMES, outcomes
from campaigns.figures import Figures, figures_of
from campaigns.lifecycle import CampaignError
from campaigns.models import Campaign, MailStop
from campaigns.names import country_name, language_name, provider_name, region_name
from campaigns.rule import Row, audience_rule, moment, timing
from campaigns.standing import NameOf, named_reasons, outcome_of
from consent import launch
from consent.models import Rollout, RolloutChange

TEXTS_TITLE = "Mails as they were sent"
DIGEST_NOTE = (
    "SHA-256 of subject, text part and HTML part, with a NUL between them, as they are kept. "
    "OBJECT-TOKEN… and REMINDERS-TOKEN… stand for the parts that are each recipient's own."
)


@dataclass(frozen=True, slots=True)
class Section:
    """A table. ``columns`` empty: names and values without a head."""

    title: str
    rows: Sequence[tuple[str, ...]]
    columns: tuple[str, ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True)
class SentText:
    """A mail as it was sent, to recipients in ``places``. ``digest``: SHA-256 of all three."""

    language: str
    name: str
    places: str
    minor: bool
    subject: str
    text: str
    digest: str

    @property
    def title(self) -> str:
        return f"{self.name}{', under 18' if self.minor else ''}: {self.places}"


@dataclass(frozen=True, slots=True)
class Report:
    title: str
    made_at: datetime
    made_by: str
    sections: list[Section]
    texts: list[SentText]


def report_as_rows(report: Report) -> Iterator[tuple[str, ...]]:
    """For CSV: each row begins with the title of its section."""
    yield ("Section", report.title)
    yield ("Made", moment(report.made_at), report.made_by)
    for section in report.sections:
        if section.columns:
            yield (section.title, *section.columns)
        for row in section.rows:
            yield (section.title, *row)
        if section.note:
            yield (section.title, section.note)
    heads = ("Language", "Countries", "Under 18", "Subject", "Text", "SHA-256")
    yield (TEXTS_TITLE, *heads)
    for text in report.texts:
        minor = "yes" if text.minor else "no"
        yield (
            TEXTS_TITLE, text.name, text.places, minor, text.subject, text.text, text.digest,
        )  # fmt: skip


def report_on(campaign: Campaign, *, by: str) -> Report:
    """Raises CampaignError for a campaign that was never released: there is nothing to report."""
    if campaign.audience is None or campaign.released_at is None:
        raise CampaignError("It was not released: there is nothing to report.")
    figures = figures_of(campaign)
    texts = list(sent_texts(campaign))
    sections = [
        Section("What was told", _what(campaign, texts)),
        Section("To whom: the rule, as released", audience_rule(campaign)),
        *_released_counts(Numbers.read(campaign.audience)),
        Section("When and how fast", [*timing(campaign), *_dates(campaign)]),
        *_outcome(figures),
        *_interlock(campaign),
        _history(campaign),
        *_stops(campaign),
    ]
    return Report(f"Report: {campaign.name}", timezone.now(), by, sections, texts)


def sent_texts(campaign: Campaign) -> Iterator[SentText]:
    """Each mail once, with all the countries in which it was the same."""
    places: dict[tuple[str, bool, str, str, str], list[str]] = {}
    rows = campaign.messages.order_by("language", "minor", "country").values_list(
        "language", "minor", "subject", "text", "html", "country"
    )
    for language, minor, subject, text, html, country in rows:
        digest = hashlib.sha256("\0".join((subject, text, html)).encode()).hexdigest()
        found = places.setdefault((language, minor, subject, text, digest), [])
        if country not in found:
            found.append(country)
    for (language, minor, subject, text, digest), codes in places.items():
        named = ", ".join(map(country_name, codes))
        yield SentText(language, language_name(language), named, minor, subject, text, digest)


def _what(campaign: Campaign, texts: list[SentText]) -> list[Row]:
    notice = campaign.notice
    return [
        ("Operator", settings.OPERATOR_NAME),
        ("Campaign", f"{campaign.name} (number {campaign.pk})"),
        ("Kind", "reminder" if campaign.is_reminder else "notice"),
        ("Purpose", notice.purpose_id),
        ("Version of the notice", str(notice.version)),
        ("Published", moment(notice.published_at)),
        ("Languages sent", ", ".join(dict.fromkeys(text.name for text in texts)) or "none yet"),
    ]


def _dates(campaign: Campaign) -> list[Row]:
    return [
        ("Prepared", f"{moment(campaign.prepared_at)} by {campaign.prepared_by}"),
        ("Released", f"{moment(campaign.released_at)} by {campaign.released_by}"),
        ("Started", moment(campaign.started_at) or "not yet"),
        ("Ended", moment(campaign.finished_at) or f"not yet: {campaign.state}"),
    ]


def _released_counts(numbers: Numbers) -> Iterator[Section]:
    yield Section(
        "To whom: the numbers, as released",
        [("Members", f"{numbers.size:,}"), ("Of them under 18", f"{numbers.minors:,}")],
        note="Counted when it was prepared, and locked at the release.",
    )
    counted: list[tuple[str, Mapping[str, int], NameOf]] = [
        ("region", numbers.regions, region_name),
        ("country", numbers.countries, country_name),
        ("language of the mail", numbers.languages, language_name),
        ("mailbox provider", numbers.providers, provider_name),
        ("language without a text, accepted at the release", numbers.fallbacks, language_name),
    ]
    for title, numbers_by, name in counted:
        if numbers_by:
            found = sorted(numbers_by.items(), key=lambda pair: -pair[1])
            rows: list[tuple[str, ...]] = [(name(code), f"{n:,}") for code, n in found]
            yield Section(f"As released, by {title}", rows, (title.capitalize(), "Members"))


def _outcome(figures: Figures) -> Iterator[Section]:
    at = figures.counted_at
    note = f"As counted {moment(datetime.fromisoformat(at))}." if at else "Not counted yet."
    summary = outcomes(figures.states)
    yield Section(
        "How many were reached",
        [
            ("Reached", f"{summary['reached']:,}", "The mail server accepted it; it is not back."),
            ("Not reached", f"{summary['failed']:,}", "Refused, or come back. Why is below."),
            ("Left out", f"{summary['skipped']:,}", "Looked at again before sending."),
            ("Waiting", f"{summary['waiting']:,}", "Not tried yet, or tried again later."),
            ("Together", f"{figures.total:,}", "The audience as it was written down."),
        ],
        ("Outcome", "Members", "Meaning"),
        note,
    )
    rows = [(row.name, row.number, row.meaning) for row in outcome_of(figures)]
    yield Section("In detail", list(rows), ("Outcome", "Members", "Meaning"))
    if figures.reasons:
        yield Section("Not reached or left out: why", list(named_reasons(figures)))
    splits: list[tuple[str, Mapping[str, Mapping[str, int]], NameOf]] = [
        ("Language", figures.languages, language_name),
        ("Country", figures.countries, country_name),
        ("Mailbox provider", figures.providers, provider_name),
    ]
    for title, split, name in splits:
        if split:
            heads = (title, *(words.capitalize() for words in OUTCOMES.values()))
            yield Section(f"Outcome by {title.lower()}", _split(split, name), heads)


def _split(split: Mapping[str, Mapping[str, int]], name: NameOf) -> list[tuple[str, ...]]:
    found = sorted(split.items(), key=lambda pair: -sum(pair[1].values()))
    return [
        (name(code), *(f"{number:,}" for number in outcomes(states).values()))
        for code, states in found
    ]


def _interlock(campaign: Campaign) -> Iterator[Section]:
    """Where the change may start, and who let it although something was missing."""
    today = timezone.localdate()
    rollouts = Rollout.objects.filter(notice=campaign.notice_id).select_related("notice")
    yield Section(
        "Launch, by region",
        [
            (
                region_name(rollout.region), str(rollout.announced_on), str(rollout.starts_on),
                "held" if rollout.held else "cleared",
                " ".join(launch.missing(rollout, today)) if rollout.held else "",
            )
            for rollout in rollouts.order_by("region")
        ],
        ("Region", "Announced", "Starts", "Interlock", "What is missing"),
        f"Wanted are {settings.LAUNCH_NOTICE_DAYS} days of notice and "
        f"{settings.LAUNCH_TOLD_PERCENT} % of the members concerned told.",
    )  # fmt: skip
    changes = RolloutChange.objects.filter(
        rollout__notice=campaign.notice_id, kind__in=["override", "overridden"]
    )
    rows: list[tuple[str, ...]] = [
        (region_name(change.rollout.region), moment(change.at), _OVERRIDES[change.kind], change.by,
         change.reason)
        for change in changes.select_related("rollout").order_by("at", "pk")
    ]  # fmt: skip
    heads = ("Region", "When", "What", "By", "Reason")
    note = "" if rows else "The interlock was not overridden."
    yield Section("Overrides of the launch interlock", rows, heads, note)


_OVERRIDES = {"override": "asked to start all the same", "overridden": "agreed: it may start"}


def _history(campaign: Campaign) -> Section:
    changes = campaign.history.order_by("at", "pk")
    rows: list[tuple[str, ...]] = [
        (moment(change.at), change.kind, change.by, change.reason) for change in changes
    ]
    return Section("History", rows, ("When", "What", "By", "Reason"))


def _stops(campaign: Campaign) -> Iterable[Section]:
    """Times in which all campaigns were stopped, while this one was under way."""
    ended = campaign.finished_at or timezone.now()
    stops = MailStop.objects.filter(stopped_at__lte=ended).filter(
        Q(lifted_at=None) | Q(lifted_at__gte=campaign.released_at)
    )
    rows: list[tuple[str, ...]] = [
        (moment(stop.stopped_at), stop.by, stop.reason, moment(stop.lifted_at), stop.lifted_by)
        for stop in stops.order_by("pk")
    ]
    if rows:
        heads = ("Stopped", "By", "Reason", "Lifted", "By")
        yield Section("All campaigns were stopped", rows, heads)
