"""The official texts of the GDPR pass the list of legal terms, and other words do not."""

import pytest
from django.conf import settings

from wording.terms import _terms, missing_terms

ENGLISH = "right to object: legitimate interests, personal data, supervisory authority, controller"

# Art. 21 (heading), 6(1)(f), 4(1), 4(21) and 4(7) of Regulation (EU) 2016/679.
OFFICIAL = {
    "bg": "Право на възражение; легитимните интереси; лични данни; надзорен орган; администратор",
    "cs": "Právo vznést námitku; oprávněných zájmů; osobní údaje; dozorový úřad; správce",
    "da": "Ret til indsigelse; legitime interesser; personoplysninger; tilsynsmyndighed; "
    "dataansvarlig",
    "de": "Widerspruchsrecht; berechtigten Interessen; personenbezogene Daten; Aufsichtsbehörde; "
    "Verantwortlicher",
    "el": "Δικαίωμα εναντίωσης; έννομων συμφερόντων; δεδομένα προσωπικού χαρακτήρα; "
    "εποπτική αρχή; υπεύθυνος επεξεργασίας",
    "en": ENGLISH,
    "es": "Derecho de oposición; intereses legítimos; datos personales; autoridad de control; "
    "responsable del tratamiento",
    "et": "Õigus esitada vastuväiteid; õigustatud huvi; isikuandmed; järelevalveasutus; "
    "vastutav töötleja",
    "fi": "Vastustamisoikeus; oikeutettujen etujen; henkilötiedot; valvontaviranomainen; "
    "rekisterinpitäjä",
    "fr": "Droit d’opposition; intérêts légitimes; données à caractère personnel; "
    "autorité de contrôle; responsable du traitement",
    "ga": "An ceart chun agóid a dhéanamh; leasanna dlisteanacha; sonraí pearsanta; "
    "údarás maoirseachta; rialaitheoir",
    "hr": "Pravo na prigovor; legitimnih interesa; osobni podaci; nadzorno tijelo; voditelj obrade",
    "hu": "A tiltakozáshoz való jog; jogos érdekeinek; személyes adat; felügyeleti hatóság; "
    "adatkezelő",
    "is": "Andmælaréttur; lögmætra hagsmuna; persónuupplýsingar; eftirlitsyfirvald; ábyrgðaraðili",
    "it": "Diritto di opposizione; legittimo interesse; dati personali; autorità di controllo; "
    "titolare del trattamento",
    "lt": "Teisė nesutikti; teisėtų interesų; asmens duomenys; priežiūros institucija; "
    "duomenų valdytojas",
    "lv": "Tiesības iebilst; leģitīmo interešu; personas dati; uzraudzības iestāde; pārzinis",
    "mt": "Dritt ta’ oġġezzjoni; l-interessi leġittimi; data personali; awtorità superviżorja; "
    "kontrollur",
    "nb": "Rett til å protestere; de berettigede interessene; personopplysninger; "
    "tilsynsmyndighet; behandlingsansvarlig",
    "nl": "Recht van bezwaar; gerechtvaardigde belangen; persoonsgegevens; "
    "toezichthoudende autoriteit; verwerkingsverantwoordelijke",
    "pl": "Prawo do sprzeciwu; prawnie uzasadnionych interesów; dane osobowe; organ nadzorczy; "
    "administrator",
    "pt": "Direito de oposição; interesses legítimos; dados pessoais; autoridade de controlo; "
    "responsável pelo tratamento",
    "ro": "Dreptul la opoziție; interesele legitime; date cu caracter personal; "
    "autoritate de supraveghere; operator",
    "sk": "Právo namietať; oprávnených záujmov; osobné údaje; dozorný orgán; prevádzkovateľ",
    "sl": "Pravica do ugovora; zakonitih interesov; osebni podatki; nadzorni organ; upravljavec",
    "sv": "Rätt att göra invändningar; berättigade intressen; personuppgifter; "
    "tillsynsmyndighet; personuppgiftsansvarig",
}
LANGUAGES = [code for code, _name in settings.LANGUAGES]


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_official_words_pass(language: str) -> None:
    assert list(missing_terms(ENGLISH, OFFICIAL[language], language)) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_of_them_is_needed(language: str) -> None:
    official = OFFICIAL[language].replace(": ", "; ").replace(", ", "; ").split("; ")
    for word in official:
        rest = "; ".join(other for other in official if other != word)
        assert list(missing_terms(ENGLISH, rest, language)), word


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_every_term(language: str) -> None:
    optional = {"overriding_private_interest"}  # of the Swiss law, in its languages
    assert _terms()[language].keys() | optional == _terms()["en"].keys()
    assert all(_terms()[language].values())


def test_what_the_english_text_does_not_say_need_not_be_there() -> None:
    assert list(missing_terms("Nothing was changed.", "Es wurde nichts geändert.", "de")) == []


@pytest.mark.parametrize(
    ("translated", "passes"),
    [
        ("Sie haben das Recht, jederzeit zu widersprechen.", True),
        ("Sie haben ein WIDERSPRUCHSRECHT.", True),
        ("Sie haben das Recht. Sie können widersprechen.", False),
        ("Sie haben das Recht auf Einspruch.", False),
    ],
)
def test_inflected_and_apart_in_one_sentence(translated: str, passes: bool) -> None:
    assert (not list(missing_terms("You have the right to object.", translated, "de"))) is passes
