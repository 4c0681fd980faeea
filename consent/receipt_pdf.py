"""A receipt as one page of PDF: selectable text, with the signed JSON attached."""

from pathlib import Path

from django.conf import settings
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from fpdf import FPDF, ViewerPreferences
from fpdf.enums import XPos, YPos
from fpdf.fonts import FontFace

from consent.receipt_words import Row, Words, words_of
from consent.receipts import Receipt, address

FONTS = Path(__file__).parent / "fonts"
MARGIN = 16  # mm
SCALES = (1.0, 0.94, 0.88, 0.82, 0.76)
"""Sizes of the text; the first that fits one page is taken."""
INK, SOFT, LINE = 20, 90, 190
SIGNED_SIZE = 5.2


def receipt_as_pdf(receipt: Receipt) -> bytes:
    words = words_of(receipt.payload)
    for scale in SCALES:
        pdf = _drawn(receipt, words, scale)
        if pdf.page_no() == 1:
            break
    return bytes(pdf.output())


def _drawn(receipt: Receipt, words: Words, scale: float) -> FPDF:
    pdf = _document(words)
    _head(pdf, words, scale)
    _table(pdf, words.facts, scale)
    if words.systems:
        pdf.ln(3 * scale)
        _text(pdf, words.systems_heading, 10.5 * scale, bold=True)
        _table(pdf, words.systems, scale)
    pdf.ln(3 * scale)
    _signature(pdf, receipt.signed, scale)
    pdf.embed_file(
        bytes=receipt.as_json(),
        basename="receipt.json",
        mime_type="application/json",
        associated_file_relationship="Source",
        compress=True,
    )
    return pdf


def _document(words: Words) -> FPDF:
    pdf = FPDF(format="A4")
    pdf.set_lang(get_language() or settings.LANGUAGE_CODE)
    pdf.set_title(words.title)
    pdf.set_author(settings.OPERATOR_NAME)
    pdf.set_creator("PrivacyDash")
    pdf.viewer_preferences = ViewerPreferences(display_doc_title=True)
    pdf.add_font("Sans", "", FONTS / "DejaVuSansCondensed.ttf")
    pdf.add_font("Sans", "B", FONTS / "DejaVuSansCondensed-Bold.ttf")
    pdf.add_font("Mono", "", FONTS / "DejaVuSansMono.ttf")
    pdf.set_margin(MARGIN)
    pdf.c_margin = 0
    pdf.set_auto_page_break(True, MARGIN)
    pdf.add_page()
    return pdf


def _head(pdf: FPDF, words: Words, scale: float) -> None:
    _text(pdf, settings.OPERATOR_NAME, 9.5 * scale, colour=SOFT)
    pdf.ln(2 * scale)
    _text(pdf, words.title, 18 * scale, bold=True)
    _text(pdf, words.choice, 13 * scale)
    pdf.ln(3 * scale)


def _text(pdf: FPDF, text: str, size: float, *, bold: bool = False, colour: int = INK) -> None:
    pdf.set_font("Sans", "B" if bold else "", size)
    pdf.set_text_color(colour)
    pdf.multi_cell(0, size * 0.5, text, new_x=XPos.LMARGIN, new_y=YPos.NEXT)


def _table(pdf: FPDF, rows: list[Row], scale: float) -> None:
    pdf.set_font("Sans", "", 9.5 * scale)
    pdf.set_draw_color(LINE)
    label, value = FontFace(color=SOFT), FontFace(color=INK)
    with pdf.table(
        borders_layout="HORIZONTAL_LINES",
        col_widths=(28, 72),
        first_row_as_headings=False,
        line_height=4.9 * scale,
        padding=(0.9 * scale, 2, 0.9 * scale, 0),
        text_align="LEFT",
        v_align="TOP",
    ) as table:
        for fact in rows:
            row = table.row()
            row.cell(fact.label, style=label)
            row.cell(fact.value, style=value)


def _signature(pdf: FPDF, signed: str, scale: float) -> None:
    """The signed text in print, for those who have the paper or a copy without the file."""
    check = _("Anyone can check this receipt here: %(address)s") % {"address": address("verify")}
    _text(pdf, check, 9.5 * scale)
    pdf.ln(1 * scale)
    _text(pdf, _("Its signed text, to paste there:"), 7.5 * scale, colour=SOFT)
    size = SIGNED_SIZE * scale
    pdf.set_text_color(INK)
    pdf.set_font("Mono", "", size)
    for line in signed_lines(signed, int(pdf.epw / pdf.get_string_width("0"))):
        pdf.cell(0, size * 0.42, line, new_x=XPos.LMARGIN, new_y=YPos.NEXT)


def signed_lines(signed: str, columns: int) -> list[str]:
    """Lines of at most so many characters. None ends with "-": copying would drop it."""
    lines = []
    while signed:
        line = signed[:columns].rstrip("-")
        lines.append(line)
        signed = signed[len(line) :]
    return lines
