"""A campaign's report as PDF: selectable text on A4, numbered pages."""

from collections.abc import Sequence

from django.conf import settings
from fpdf import FPDF, ViewerPreferences
from fpdf.enums import XPos, YPos
from fpdf.fonts import FontFace

from campaigns.report import DIGEST_NOTE, TEXTS_TITLE, Report, Section, SentText
from campaigns.rule import moment
from consent.receipt_pdf import FONTS, INK, LINE, MARGIN, SOFT

SIZE, SMALL = 9.0, 7.5


class _Pages(FPDF):
    """With the report's name and the page's number at the foot of each page."""

    def __init__(self, title: str) -> None:
        super().__init__(format="A4")
        self.foot = title

    def footer(self) -> None:
        self.set_y(-MARGIN + 2)
        self.set_font("Sans", "", SMALL)
        self.set_text_color(SOFT)
        self.cell(0, 4, f"{self.foot} · page {self.page_no()} of {{nb}}", align="C")


def report_as_pdf(report: Report) -> bytes:
    pdf = _document(report)
    _words(pdf, settings.OPERATOR_NAME, SIZE, colour=SOFT)
    _words(pdf, report.title, 18, bold=True)
    _words(pdf, f"Made {moment(report.made_at)} by {report.made_by}.", SIZE, colour=SOFT)
    for section in report.sections:
        _section(pdf, section)
    _texts(pdf, report.texts)
    return bytes(pdf.output())


def _document(report: Report) -> FPDF:
    pdf = _Pages(report.title)
    pdf.set_lang("en")
    pdf.set_title(report.title)
    pdf.set_author(settings.OPERATOR_NAME)
    pdf.set_creator("PrivacyDash")
    pdf.viewer_preferences = ViewerPreferences(display_doc_title=True)
    pdf.add_font("Sans", "", FONTS / "DejaVuSansCondensed.ttf")
    pdf.add_font("Sans", "B", FONTS / "DejaVuSansCondensed-Bold.ttf")
    pdf.set_margin(MARGIN)
    pdf.c_margin = 0
    pdf.set_auto_page_break(True, MARGIN)
    pdf.set_draw_color(LINE)
    pdf.add_page()
    return pdf


def _words(
    pdf: FPDF, text: str, size: float = SIZE, *, bold: bool = False, colour: int = INK
) -> None:
    pdf.set_font("Sans", "B" if bold else "", size)
    pdf.set_text_color(colour)
    pdf.multi_cell(0, size * 0.5, text, align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT)


def _heading(pdf: FPDF, text: str) -> None:
    pdf.ln(4)
    if pdf.get_y() > pdf.eph:  # no heading at the foot of a page
        pdf.add_page()
    pdf.start_section(text)
    _words(pdf, text, 11.5, bold=True)
    pdf.ln(1)


def _section(pdf: FPDF, section: Section) -> None:
    _heading(pdf, section.title)
    if section.note:
        _words(pdf, section.note, SIZE, colour=SOFT)
    if section.rows:
        _table(pdf, section.rows, section.columns)


def _table(pdf: FPDF, rows: Sequence[tuple[str, ...]], columns: tuple[str, ...]) -> None:
    pdf.set_font("Sans", "", SIZE)
    pdf.set_text_color(INK)
    with pdf.table(
        borders_layout="HORIZONTAL_LINES",
        col_widths=_widths(rows, columns),
        first_row_as_headings=bool(columns),
        headings_style=FontFace(emphasis="BOLD"),
        line_height=4.6,
        padding=(0.8, 2, 0.8, 0),
        text_align="LEFT",
        v_align="TOP",
        width=pdf.epw,
    ) as table:
        for cells in [columns, *rows] if columns else rows:
            row = table.row()
            for cell in cells:
                row.cell(cell)


def _widths(rows: Sequence[tuple[str, ...]], columns: tuple[str, ...]) -> tuple[int, ...]:
    """In proportion to the longest text of each column, within limits."""
    lines = [columns, *rows] if columns else list(rows)
    longest = [max(len(line[index]) for line in lines) for index in range(len(lines[0]))]
    return tuple(min(max(length, 9), 45) for length in longest)


def _texts(pdf: FPDF, texts: Sequence[SentText]) -> None:
    """Each mail in full once for its language and age; of the others, in which countries they
    differ and their digest."""
    _heading(pdf, TEXTS_TITLE)
    _words(pdf, DIGEST_NOTE, SIZE, colour=SOFT)
    shown: set[tuple[str, bool]] = set()
    for text in texts:
        pdf.ln(3)
        _words(pdf, text.title, 10, bold=True)
        _words(pdf, f"Subject: {text.subject}")
        _words(pdf, f"SHA-256: {text.digest}", SMALL, colour=SOFT)
        if (text.language, text.minor) in shown:
            _words(pdf, "As above, but for what depends on the country.", SMALL, colour=SOFT)
            continue
        shown.add((text.language, text.minor))
        pdf.ln(1)
        _words(pdf, text.text, SMALL)
