"""What a receipt's payload says, in words of the active language: for page, PDF and check."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.template.loader import render_to_string
from django.utils.translation import gettext as _

from accounts.cldr import active_locale, country_name, long_datetime
from accounts.regions import country_for
from consent.situation import region_name


@dataclass(frozen=True, slots=True)
class Row:
    """One fact. ``language``: that of the value, where it is not the page's."""

    label: str
    value: str
    language: str = ""


@dataclass(frozen=True, slots=True)
class Words:
    title: str
    choice: str
    facts: list[Row]
    systems_heading: str
    systems: list[Row]


def words_of(payload: dict[str, Any]) -> Words:
    event = payload["event"]
    date = {"date": _when(event["event_time"])}
    return Words(
        title=_("Receipt for a choice"),
        choice=_("Objection, saved on %(date)s") % date
        if event["event_type"] == "objected"
        else _("Permission, saved on %(date)s") % date,
        facts=[row for row in _facts(payload) if row.value],
        systems_heading=_("Which systems had confirmed when this receipt was issued"),
        systems=list(_systems(payload)),
    )


def _facts(payload: dict[str, Any]) -> Iterator[Row]:
    event, process, language = payload["event"], payload["dpv:hasProcess"], payload["dct:language"]
    yield Row(_("For what"), process["dpv:hasPurpose"]["dct:title"], language)
    yield Row(_("How"), _channel(event["dpv:hasIndicationMethod"]))
    yield Row(_("Notice seen"), _notice(process["dpv:hasNotice"]))
    yield Row(_("What it does"), event.get("effect", ""), language)
    yield Row(_("What cannot be undone"), event.get("not_undone", ""), language)
    yield Row(_("Legal basis"), process.get("dpv:hasLegalBasis", {}).get("dct:title", ""), language)
    yield Row(_("Who is responsible"), _party(process["dpv:hasDataController"]))
    yield Row(_("Country"), _country(process.get("dpv:hasJurisdiction", "")))
    yield Row(_("Where to complain"), _party(process.get("dpv:hasAuthority", {})))
    yield Row(_("Member"), payload["pii_principal_id"])
    yield Row(_("Choice number"), str(event["revision"]))
    yield Row(_("Receipt number"), payload["record_id"])
    yield Row(_("Receipt issued on"), _when(payload["dct:created"]))
    yield Row(
        _("At that time"),
        _("This choice was in force.")
        if event["holds_at_issue"]
        else _("A later choice had taken its place."),
    )


def _systems(payload: dict[str, Any]) -> Iterator[Row]:
    states = {"confirmed": _("confirmed"), "delayed": _("delayed since"), "waiting": _("waiting")}
    for system in payload["confirmations"]["systems"]:
        state = f"{states[system['state']]} {_when(system['at'])}".strip()
        yield Row(system["name"], state, payload["dct:language"])


def _notice(notice: dict[str, Any]) -> str:
    version, language = notice["dct:hasVersion"], notice["dct:language"]
    if not version:
        return _("not known")
    seen = _("Notice version %(version)s") % {"version": version}
    if language:
        seen = f"{seen} ({active_locale().languages.get(language, language)})"
    return _listed(seen, notice.get("@id"))


def _channel(channel: str) -> str:
    context = {"channel": channel, "operator_name": settings.OPERATOR_NAME}
    return render_to_string("consent/_channel.txt", context).strip()


def _party(party: dict[str, str]) -> str:
    return _listed(party.get("dpv:hasName"), party.get("dpv:hasContact"))


def _listed(*parts: str | None) -> str:
    return ", ".join(filter(None, parts))


def _country(place: str) -> str:
    country = country_for(place.removeprefix("loc:"))
    if country is None:
        return _("not known")
    name = country_name(country)
    region = region_name(country.region) if country.region else ""
    return f"{name} ({region})" if region not in {"", name} else name


def _when(iso: str | None) -> str:
    return long_datetime(datetime.fromisoformat(iso)) if iso else ""
