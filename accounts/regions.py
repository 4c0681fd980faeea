"""Which countries the change concerns, by which law, and which authority and languages they have.

Every ISO 3166-1 code is known. Where a territory differs from its state, ``Country.source`` names
the treaty, decision or act. An unknown country is None: then the more protective answer holds.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from babel import Locale
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


class Region(StrEnum):
    """Where the change applies, and so which law gives the right to object."""

    EU_EEA = "eu_eea"
    GB = "gb"
    CH = "ch"


@dataclass(frozen=True, slots=True)
class Authority:
    """A data-protection authority: official name, https address, and what to know about it."""

    name: str
    url: str
    note: str | Promise = ""


@dataclass(frozen=True, slots=True)
class Country:
    """``code``: ISO 3166-1 alpha-2, upper case. ``region``: None where the change does not apply.
    ``languages``: official language tags, the most used first; ``source``: why the region is so.
    """

    code: str
    region: Region | None
    languages: tuple[str, ...] = ()
    authority: Authority | None = None
    source: str = ""


@dataclass(frozen=True, slots=True)
class RegionLaw:
    """The law of a region, and the right to object in it, as they are cited."""

    region: Region
    law: str
    right_to_object: str


REGION_LAWS = (
    RegionLaw(Region.EU_EEA, "Regulation (EU) 2016/679 (GDPR)", "Art. 21 GDPR"),
    RegionLaw(Region.GB, "UK GDPR and Data Protection Act 2018", "Art. 21 UK GDPR"),
    RegionLaw(
        Region.CH,
        "Federal Act on Data Protection of 25 September 2020 (SR 235.1)",
        "Art. 30(2)(b) FADP",
    ),
)
REGIONS = tuple(law.region for law in REGION_LAWS)
"""The regions in the order in which they are shown and mailed."""

_EU = "GDPR Art. 3; Treaty on European Union Art. 52"
_EEA = "EEA Joint Committee Decision No 154/2018 of 6 July 2018 (GDPR in the EEA Agreement)"
_OUTERMOST = "EU outermost region: TFEU Art. 349 and 355(1)"
_OCT = "Overseas country or territory, outside the EU: TFEU Art. 355(2) and Annex II"
_BRITISH = (
    "British Overseas Territory, not part of the United Kingdom: Data Protection Act 2018 s. 207"
)
_NOT_EEA = "Not a party to the EEA Agreement (Art. 126 and 128)"
_ELSEWHERE = "Outside the regions that the change was announced for"

_CNIL = Authority(
    "Commission nationale de l'informatique et des libertés (CNIL)", "https://www.cnil.fr/"
)
_FINLAND = Authority("Tietosuojavaltuutetun toimisto", "https://tietosuoja.fi/")

# The members of the European Data Protection Board; its list is at
# https://www.edpb.europa.eu/about-edpb/about-edpb/members_en
_EU_STATES: dict[str, tuple[tuple[str, ...], Authority]] = {
    "AT": (("de",), Authority("Österreichische Datenschutzbehörde", "https://www.dsb.gv.at/")),
    "BE": (
        ("nl", "fr", "de"),
        Authority(
            "Gegevensbeschermingsautoriteit – Autorité de protection des données",
            "https://www.dataprotectionauthority.be/",
        ),
    ),
    "BG": (("bg",), Authority("Комисия за защита на личните данни", "https://www.cpdp.bg/")),
    "HR": (("hr",), Authority("Agencija za zaštitu osobnih podataka", "https://azop.hr/")),
    "CY": (
        ("el",),
        Authority(
            "Γραφείο Επιτρόπου Προστασίας Δεδομένων Προσωπικού Χαρακτήρα",
            "https://www.dataprotection.gov.cy/",
        ),
    ),
    "CZ": (("cs",), Authority("Úřad pro ochranu osobních údajů", "https://uoou.gov.cz/")),
    "DK": (("da",), Authority("Datatilsynet", "https://www.datatilsynet.dk/")),
    "EE": (("et",), Authority("Andmekaitse Inspektsioon", "https://www.aki.ee/")),
    "FI": (("fi", "sv"), _FINLAND),
    "FR": (("fr",), _CNIL),
    "DE": (
        ("de",),
        Authority(
            "Die Bundesbeauftragte für den Datenschutz und die Informationsfreiheit (BfDI)",
            "https://www.bfdi.bund.de/",
            # Bundesdatenschutzgesetz § 40(1): companies are supervised by the authority of the
            # Land. GDPR Art. 77 lets a member complain to either.
            _(
                "For companies, the authority of your state (Land) is responsible. The federal "
                "authority lists them all and passes your complaint on."
            ),
        ),
    ),
    "GR": (
        ("el",),
        Authority("Αρχή Προστασίας Δεδομένων Προσωπικού Χαρακτήρα", "https://www.dpa.gr/"),
    ),
    "HU": (
        ("hu",),
        Authority(
            "Nemzeti Adatvédelmi és Információszabadság Hatóság (NAIH)", "https://www.naih.hu/"
        ),
    ),
    "IE": (
        ("en", "ga"),
        Authority("Data Protection Commission (DPC)", "https://www.dataprotection.ie/"),
    ),
    "IT": (
        ("it",),
        Authority("Garante per la protezione dei dati personali", "https://www.garanteprivacy.it/"),
    ),
    "LV": (("lv",), Authority("Datu valsts inspekcija", "https://www.dvi.gov.lv/")),
    "LT": (
        ("lt",),
        Authority("Valstybinė duomenų apsaugos inspekcija", "https://vdai.lrv.lt/"),
    ),
    # Luxembourgish is an official language of the state, but not of the EU.
    "LU": (
        ("fr", "de"),
        Authority(
            "Commission nationale pour la protection des données (CNPD)",
            "https://cnpd.public.lu/",
        ),
    ),
    "MT": (
        ("mt", "en"),
        Authority(
            "Office of the Information and Data Protection Commissioner", "https://idpc.org.mt/"
        ),
    ),
    "NL": (
        ("nl",),
        Authority("Autoriteit Persoonsgegevens", "https://www.autoriteitpersoonsgegevens.nl/"),
    ),
    "PL": (("pl",), Authority("Urząd Ochrony Danych Osobowych", "https://uodo.gov.pl/")),
    "PT": (
        ("pt",),
        Authority("Comissão Nacional de Proteção de Dados (CNPD)", "https://www.cnpd.pt/"),
    ),
    "RO": (
        ("ro",),
        Authority(
            "Autoritatea Națională de Supraveghere a Prelucrării Datelor cu Caracter Personal",
            "https://www.dataprotection.ro/",
        ),
    ),
    "SK": (
        ("sk",),
        Authority(
            "Úrad na ochranu osobných údajov Slovenskej republiky",
            "https://dataprotection.gov.sk/",
        ),
    ),
    "SI": (("sl",), Authority("Informacijski pooblaščenec", "https://www.ip-rs.si/")),
    "ES": (
        ("es",),
        Authority("Agencia Española de Protección de Datos (AEPD)", "https://www.aepd.es/"),
    ),
    "SE": (("sv",), Authority("Integritetsskyddsmyndigheten (IMY)", "https://www.imy.se/")),
}
_EEA_STATES: dict[str, tuple[tuple[str, ...], Authority]] = {
    "IS": (("is",), Authority("Persónuvernd", "https://www.personuvernd.is/")),
    "LI": (
        ("de",),
        Authority(
            "Datenschutzstelle Fürstentum Liechtenstein", "https://www.datenschutzstelle.li/"
        ),
    ),
    "NO": (("nb", "nn"), Authority("Datatilsynet", "https://www.datatilsynet.no/")),
}

_EU_STATE_SOURCES = {
    # The Canary Islands, Ceuta, Melilla, the Azores and Madeira have no code of their own.
    "ES": f"{_EU}; Canary Islands, Ceuta and Melilla included: TFEU Art. 355(1) and 355(3)",
    "PT": f"{_EU}; Azores and Madeira included: TFEU Art. 355(1)",
    # Application is suspended in the north, but it is not told apart by the code: protective.
    "CY": f"{_EU}; Act of Accession 2003, Protocol No 10, for the whole island",
}
_EU_TERRITORIES = {
    "AX": Country(
        "AX",
        Region.EU_EEA,
        ("sv",),
        _FINLAND,
        "TFEU Art. 355(4); Act of Accession 1994 (Austria, Finland, Sweden), Protocol No 2",
    ),
    **{
        code: Country(code, Region.EU_EEA, ("fr",), _CNIL, source)
        for code, source in {
            "GF": _OUTERMOST,
            "GP": _OUTERMOST,
            "MQ": _OUTERMOST,
            "RE": _OUTERMOST,
            "YT": f"{_OUTERMOST}; since 2014: European Council Decision 2012/419/EU",
            "MF": _OUTERMOST,
        }.items()
    },
}
_OUTSIDE_SOURCES = {
    # Linked to an EU or EEA state, but outside its data-protection territory.
    "SJ": "EEA Agreement Art. 126 and Protocol 40: Norway exempted Svalbard",
    "FO": "TFEU Art. 355(5)(a): the Treaties do not apply to the Faroe Islands",
    "GL": f"{_OCT}; left by the Greenland Treaty of 13 March 1984; TFEU Art. 204",
    "BL": f"{_OCT}; no outermost region since 2012: European Council Decision 2010/718/EU",
    **dict.fromkeys(("AW", "BQ", "CW", "SX", "NC", "PF", "PM", "TF", "WF"), _OCT),
    # Laws of their own, beside that of the United Kingdom.
    "GI": f"{_BRITISH}; Gibraltar GDPR and Data Protection Act 2004 (Gibraltar)",
    "GG": "Crown dependency: Data Protection (Bailiwick of Guernsey) Law, 2017",
    "JE": "Crown dependency: Data Protection (Jersey) Law 2018",
    "IM": "Crown dependency: Data Protection Act 2018 (of Tynwald), Isle of Man",
    **dict.fromkeys(("AI", "BM", "FK", "GS", "IO", "KY", "MS", "PN", "SH", "TC", "VG"), _BRITISH),
    # Small neighbours with laws of their own.
    **dict.fromkeys(("AD", "MC", "SM", "VA"), _NOT_EEA),
}

# In CLDR's list for other reasons: groupings (EU, EZ, QO, UN), test and unknown codes (XA, XB,
# ZZ), and codes that ISO 3166-1 only reserves (the Canary Islands, IC, are under ES). Kosovo has
# no ISO code either, but XK is what the European Commission and CLDR use for it.
_NO_COUNTRY = "AC CP CQ DG EA EU EZ IC QO TA UN XA XB ZZ"


def _iso_codes() -> Iterable[str]:
    for code in map(str, Locale("en").territories):
        if len(code) == 2 and code not in _NO_COUNTRY.split():
            yield code


def _country(code: str) -> Country:
    if code in _EU_STATES:
        languages, authority = _EU_STATES[code]
        source = _EU_STATE_SOURCES.get(code, _EU)
        return Country(code, Region.EU_EEA, languages, authority, source)
    if code in _EEA_STATES:
        languages, authority = _EEA_STATES[code]
        return Country(code, Region.EU_EEA, languages, authority, _EEA)
    return Country(code, None, source=_OUTSIDE_SOURCES.get(code, _ELSEWHERE))


_COUNTRIES = {code: _country(code) for code in _iso_codes()} | {
    **_EU_TERRITORIES,
    "GB": Country(
        "GB",
        Region.GB,
        ("en",),
        Authority("Information Commissioner's Office (ICO)", "https://ico.org.uk/"),
        "UK GDPR Art. 3; Data Protection Act 2018 s. 207",
    ),
    "CH": Country(
        "CH",
        Region.CH,
        ("de", "fr", "it", "rm"),
        Authority(
            "Eidgenössischer Datenschutz- und Öffentlichkeitsbeauftragter (EDÖB)",
            "https://www.edoeb.admin.ch/",
        ),
        "Federal Act on Data Protection of 25 September 2020 (SR 235.1), Art. 3",
    ),
}


def country_for(code: str) -> Country | None:
    """The country with an ISO 3166-1 alpha-2 code in either case; None if there is none."""
    # "ß".upper() is "SS", which is South Sudan.
    return _COUNTRIES.get(code.upper()) if code.isascii() else None


def every_country() -> Iterable[Country]:
    return _COUNTRIES.values()


def countries(region: Region | None) -> tuple[Country, ...]:
    """All countries of a region, or (None) all that the change does not apply to, by code."""
    return tuple(c for _code, c in sorted(_COUNTRIES.items()) if c.region == region)


def official_languages(code: str) -> tuple[str, ...]:
    """Official languages of a country in one of the regions, the most used first; else none."""
    country = country_for(code)
    return country.languages if country else ()


def lead_authority(code: str) -> Authority | None:
    """The authority of the operator's main establishment (GDPR Art. 56); None for no such one.

    GDPR Art. 56 knows a lead authority in the EEA only.
    """
    country = country_for(code)
    return country.authority if country and country.region is Region.EU_EEA else None
