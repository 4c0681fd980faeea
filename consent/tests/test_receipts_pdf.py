"""The PDF: one page, text that can be selected, and the signed receipt within it."""

import io
import json

import pytest
from django.test import Client
from django.utils import translation
from pypdf import PdfReader

from consent.receipt_pdf import receipt_as_pdf, signed_lines
from consent.receipts import Receipt, issue_receipt
from consent.signing import sign
from consent.tests.receipts import carry_to_stores
from ledger.models import Entry
from tests.people import choose

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("notice", "sql_store")]


@pytest.fixture
def signed_in(client, member):
    choose("anna", notice_version=1, notice_language="en")
    carry_to_stores()
    client.force_login(member)
    return client


def read(client):
    return PdfReader(io.BytesIO(client.get("/receipt/1.pdf").content))


def words(pdf):
    return " ".join(" ".join(page.extract_text() for page in pdf.pages).split())


def is_real(text):
    return b"This receipt is real." in Client().post("/verify/", {"receipt": text}).content


def test_the_text_is_there_to_select(signed_in):
    pdf = read(signed_in)
    said = words(pdf)
    for part in (
        "Example Network", "Receipt for a choice", "Objection, saved on",
        "Training of generative AI", "From the time you object", "Legitimate interests",
        "Germany (EU and EEA)", "https://www.bfdi.bund.de/", "anna", "Feature store confirmed",
        str(Entry.objects.get().request_id),
    ):  # fmt: skip
        assert part in said
    assert len(pdf.pages) == 1


def test_title_and_language_are_set(signed_in, member):
    pdf = read(signed_in)
    assert pdf.metadata.title == "Receipt for a choice"
    assert pdf.trailer["/Root"]["/Lang"] == "en"
    assert pdf.viewer_preferences.display_doctitle
    member.language = "fr"
    member.save()
    assert read(signed_in).trailer["/Root"]["/Lang"] == "fr"


def test_all_fonts_are_embedded(signed_in):
    fonts = read(signed_in).pages[0]["/Resources"]["/Font"].values()
    descriptors = [font["/DescendantFonts"][0]["/FontDescriptor"] for font in fonts]
    assert len(descriptors) == 3
    assert all("/FontFile2" in descriptor for descriptor in descriptors)


def test_the_attached_file_is_a_receipt_that_verifies(signed_in):
    (content,) = read(signed_in).attachments["receipt.json"]
    assert json.loads(content)["receipt"]["pii_principal_id"] == "anna"
    assert is_real(content.decode())


def test_the_printed_text_verifies_as_it_is_copied(signed_in):
    text = read(signed_in).pages[0].extract_text()
    assert is_real(text)
    assert not is_real(text.replace("eyJ", "eyK"))


def test_no_line_of_signed_text_ends_with_a_hyphen():
    token = "ab-cd--ef-.-gh-ij"
    lines = signed_lines(token, 4)
    assert lines == ["ab-c", "d--e", "f-.", "-gh", "-ij"]
    assert "".join(lines) == token


def test_greek_cyrillic_and_wordy_languages_fit_on_one_page(member):
    """No language needs more room than this: twice the English text, in two-byte letters."""
    choose("anna", notice_version=1, notice_language="bg")
    greek = "Από τη στιγμή που αντιτάσσεστε, τα δεδομένα σας δεν πρέπει να χρησιμοποιούνται. "
    bulgarian = "Правото на възражение: данните Ви не се използват за това обучение. "
    payload = issue_receipt(member, Entry.objects.get()).payload
    payload["event"] |= {"effect": greek * 7, "not_undone": bulgarian * 2}
    payload["dpv:hasProcess"]["dpv:hasLegalBasis"]["dct:title"] = bulgarian * 2
    payload["dpv:hasProcess"]["dpv:hasPurpose"]["dct:title"] = greek
    payload["confirmations"]["systems"] *= 5
    with translation.override("de"):
        pdf = PdfReader(io.BytesIO(receipt_as_pdf(Receipt(payload, sign(payload)))))
    assert len(pdf.pages) == 1
    assert "τα δεδομένα σας δεν πρέπει" in words(pdf)
    assert "Правото на възражение" in words(pdf)
    assert is_real(pdf.pages[0].extract_text())
