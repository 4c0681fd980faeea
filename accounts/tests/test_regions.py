"""Which country is in which region, and what a member is told about it."""

import pytest
from babel import Locale

from accounts.regions import (
    REGION_LAWS,
    REGIONS,
    Region,
    countries,
    country_for,
    lead_authority,
    official_languages,
)

EU = "at be bg hr cy cz dk ee fi fr de gr hu ie it lv lt lu mt nl pl pt ro sk si es se"
EEA = "is li no"
EU_TERRITORIES = "gf gp mq re yt mf ax"
OFFICIAL = "bg cs da de el en es et fi fr ga hr hu it lt lv mt nl pl pt ro sk sl sv is nb nn rm"


@pytest.mark.parametrize("code", f"{EU} {EEA} {EU_TERRITORIES}".split())
def test_eu_eea(code: str) -> None:
    country = country_for(code)
    assert country is not None
    assert country.region is Region.EU_EEA
    assert country.code == code.upper()
    assert country.authority is not None
    assert country.languages
    assert country.source


def test_no_other_country_is_in_a_region() -> None:
    found = {c.code.lower() for region in REGIONS for c in countries(region)}
    assert found == set(f"{EU} {EEA} {EU_TERRITORIES} gb ch".split())


@pytest.mark.parametrize(
    ("code", "source"),
    [
        ("sj", "Protocol 40"),
        ("fo", "355(5)(a)"),
        ("gl", "Greenland Treaty"),
        ("aw", "Annex II"),
        ("bq", "Annex II"),
        ("cw", "Annex II"),
        ("sx", "Annex II"),
        ("nc", "Annex II"),
        ("pf", "Annex II"),
        ("pm", "Annex II"),
        ("wf", "Annex II"),
        ("tf", "Annex II"),
        ("bl", "2010/718/EU"),
        ("gi", "Gibraltar GDPR"),
        ("gg", "Guernsey"),
        ("je", "Jersey"),
        ("im", "Isle of Man"),
        ("sm", "EEA Agreement"),
        ("va", "EEA Agreement"),
        ("mc", "EEA Agreement"),
        ("ad", "EEA Agreement"),
        ("io", "British Overseas Territory"),
        ("fk", "British Overseas Territory"),
        ("us", "Outside"),
        ("ua", "Outside"),
        ("xk", "Outside"),
    ],
)
def test_outside(code: str, source: str) -> None:
    country = country_for(code)
    assert country is not None
    assert country.region is None
    assert source in country.source
    assert country.authority is None


@pytest.mark.parametrize(
    ("code", "source"),
    [
        ("yt", "2012/419/EU"),
        ("mf", "355(1)"),
        ("ax", "355(4)"),
        ("es", "Canary Islands"),
        ("pt", "Azores"),
        ("cy", "Protocol No 10"),
        ("no", "154/2018"),
        ("gb", "s. 207"),
        ("ch", "SR 235.1"),
    ],
)
def test_sources_of_what_is_inside(code: str, source: str) -> None:
    country = country_for(code)
    assert country is not None
    assert source in country.source


@pytest.mark.parametrize(
    "code",
    ["", "xx", "zz", "uk", "el", "eu", "ez", "un", "ic", "ea", "deu", "d", "de ", "ß", "\x00"],
)
def test_what_is_no_country(code: str) -> None:
    assert country_for(code) is None
    assert official_languages(code) == ()
    assert lead_authority(code) is None


def test_case_does_not_matter() -> None:
    assert country_for("De") is country_for("DE") is country_for("de")


def test_territories_have_the_authority_of_their_state() -> None:
    for code, state in [("ax", "fi"), *((c, "fr") for c in ["gf", "gp", "mq", "re", "yt", "mf"])]:
        territory, mainland = country_for(code), country_for(state)
        assert territory is not None
        assert mainland is not None
        assert territory.authority == mainland.authority


def test_authorities_are_told_apart_and_reached_by_https() -> None:
    found = {c.authority for region in REGIONS for c in countries(region) if c.authority}
    assert len(found) == 27 + 3 + 2
    assert all(a.url.startswith("https://") and a.url.endswith("/") for a in found)
    assert len({a.url for a in found}) == len(found)
    assert all(a.name for a in found)


def test_german_members_are_told_of_the_state_authorities() -> None:
    germany = country_for("de")
    assert germany is not None
    assert germany.authority is not None
    assert "Land" in str(germany.authority.note)


def test_languages_are_the_official_ones_of_the_regions() -> None:
    found = {tag for region in REGIONS for c in countries(region) for tag in c.languages}
    assert found == set(OFFICIAL.split())
    assert official_languages("ch") == ("de", "fr", "it", "rm")
    assert official_languages("be") == ("nl", "fr", "de")
    assert official_languages("us") == ()


def test_every_iso_code_is_known_and_named() -> None:
    everything = [c for region in (*REGIONS, None) for c in countries(region)]
    assert len(everything) == 249 + 1  # ISO 3166-1, and XK for Kosovo
    names = Locale("de").territories
    assert all(names[c.code] and c.source for c in everything)


def test_only_the_eea_has_lead_authorities() -> None:
    authority = lead_authority("IE")
    assert authority is not None
    assert "Data Protection Commission" in authority.name
    assert lead_authority("GB") is None  # GDPR Art. 56
    assert lead_authority("US") is None


def test_each_region_names_its_law() -> None:
    assert [law.region for law in REGION_LAWS] == list(REGIONS) == list(Region)
    assert all(law.law and law.right_to_object for law in REGION_LAWS)
