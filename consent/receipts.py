"""A receipt: what a member keeps as proof of one choice, as one signed piece of JSON.

Its names follow ISO/IEC TS 27560 and the W3C Data Privacy Vocabulary where they fit an objection;
docs/receipts.md has the table. Page, PDF and JSON show this payload and nothing beside it.
"""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.urls import reverse
from django.utils import timezone

from accounts.models import Member
from accounts.regions import REGION_LAWS, Authority, Region
from consent.models import Notice, NoticeText
from consent.signing import sign
from consent.situation import Situation, situation_of
from ledger.models import CurrentChoice, Decision, Entry
from propagation.progress import deliveries

SCHEMA = "privacydash-objection-receipt-1"
CONTEXT = {
    "dct": "http://purl.org/dc/terms/",
    "dpv": "https://w3id.org/dpv#",
    "eu-gdpr": "https://w3id.org/dpv/legal/eu/gdpr#",
    "loc": "https://w3id.org/dpv/loc#",
    "schema_version": "dct:conformsTo",
    "record_id": "dct:identifier",
    "pii_principal_id": "dpv:hasDataSubject",
    "event": "dct:hasPart",
    "event_time": "dpv:isIndicatedAtTime",
    "event_state": {"@id": "dpv:hasStatus", "@type": "@id"},
    "dpv:hasJurisdiction": {"@type": "@id"},
}
STATES = {
    Decision.OBJECTED: "dpv:LegitimateInterestObjected",
    Decision.ALLOWED: "dpv:LegitimateInterestNotObjected",
}
# DPV names the articles of the EU's GDPR only.
BASES = {Region.EU_EEA: "eu-gdpr:A6-1-f"}
RIGHTS = {Region.EU_EEA: "eu-gdpr:A21"}


@dataclass(frozen=True, slots=True)
class Receipt:
    """``signed`` is ``payload`` as a compact JWS."""

    payload: dict[str, Any]
    signed: str

    def as_json(self) -> bytes:
        """The JSON file: to read, and to check as it is."""
        document = {
            "about": "What counts is 'jws'. 'receipt' is the same, to read.",
            "check_at": address("verify"),
            "keys_at": address("jwks"),
            "receipt": self.payload,
            "jws": self.signed,
        }
        return json.dumps(document, ensure_ascii=False, indent=2).encode()


def issue_receipt(member: Member, entry: Entry) -> Receipt | None:
    """A receipt for the member's choice, in the active language, as of now.

    None where no notice for the purpose was ever published: then there is nothing to name.
    """
    notice = _notice_of(entry)
    if notice is None:
        return None
    payload = _payload(member, entry, notice.text())
    return Receipt(payload, sign(payload))


def address(name: str, *args: object) -> str:
    return settings.SITE_URL + reverse(name, args=args)


def _notice_of(entry: Entry) -> Notice | None:
    """The notice that the member saw; where that is not known, the current one."""
    seen = Notice.objects.published().filter(
        purpose=entry.purpose, version=entry.notice_version or 0
    )
    return seen.first() or Notice.objects.current(entry.purpose)


def _payload(member: Member, entry: Entry, text: NoticeText) -> dict[str, Any]:
    issued_at = _iso(timezone.now())
    return {
        "@context": CONTEXT,
        "@type": "dpv:RightExerciseRecord",
        "schema_version": SCHEMA,
        "record_id": str(entry.request_id),
        "dct:created": issued_at,
        "dct:publisher": settings.SITE_URL,
        "dct:language": text.language,
        "pii_principal_id": entry.member_ref,
        "event": _event(entry, text),
        "dpv:hasProcess": _process(member, entry, text),
        "confirmations": {
            "as_of": issued_at,
            "systems": [
                {"name": found.label, "state": found.state, "at": found.at and _iso(found.at)}
                for found in deliveries(entry)
            ],
        },
    }


def _event(entry: Entry, text: NoticeText) -> dict[str, Any]:
    event = {
        "@type": "dpv:RightExerciseActivity",
        "event_time": _iso(entry.recorded_at),
        "event_type": entry.decision,
        "event_state": STATES[Decision(entry.decision)],
        "dpv:hasIndicationMethod": entry.channel,
        "revision": entry.revision,
        "holds_at_issue": CurrentChoice.objects.filter(
            member_ref=entry.member_ref, purpose=entry.purpose, revision=entry.revision
        ).exists(),
    }
    if entry.decision == Decision.OBJECTED:
        event |= {"effect": text.effect, "not_undone": text.not_undone}
    return event


def _process(member: Member, entry: Entry, text: NoticeText) -> dict[str, Any]:
    situation = situation_of(member, text.notice, text)
    country = member.residence.code
    return {
        "@type": "dpv:Process",
        "dpv:hasPurpose": {"dct:identifier": entry.purpose, "dct:title": text.purpose_name},
        "dpv:hasDataController": {
            "dpv:hasName": settings.OPERATOR_NAME,
            "dpv:hasContact": settings.OPERATOR_PRIVACY_EMAIL,
        },
        "dpv:hasNotice": _notice_seen(entry, text),
        **({"dpv:hasJurisdiction": f"loc:{country}"} if country else {}),
        **_law(situation),
        **_authority(situation.authority),
    }


def _notice_seen(entry: Entry, text: NoticeText) -> dict[str, Any]:
    version, language = entry.notice_version, entry.notice_language
    known = language and version == text.version
    return {
        "@type": "dpv:PrivacyNotice",
        **({"@id": address("notice_version", language, version)} if known else {}),
        "dct:hasVersion": version,
        "dct:language": language or None,
    }


def _law(situation: Situation) -> dict[str, Any]:
    """The basis that was objected to, and the right to do so; nothing where neither applies."""
    if not situation.applies:
        return {}
    region = Region(situation.region or Region.EU_EEA)
    right = next(law.right_to_object for law in REGION_LAWS if law.region == region)
    return {
        "dpv:hasLegalBasis": {
            "@type": BASES.get(region, "dpv:LegitimateInterest"),
            "dct:title": situation.basis,
        },
        "dpv:hasRight": {"@type": RIGHTS.get(region, "dpv:DataSubjectRight"), "dct:title": right},
    }


def _authority(authority: Authority | None) -> dict[str, Any]:
    if authority is None:
        return {}
    return {"dpv:hasAuthority": {"dpv:hasName": authority.name, "dpv:hasContact": authority.url}}


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
