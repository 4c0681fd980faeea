"""The report of each campaign, as the privacy officer files it, for an evidence pack."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import datetime

from campaigns.lifecycle import CampaignError
from campaigns.report import Report, report_as_rows, report_on
from campaigns.spreadsheet import lines
from desk.pack_parts import campaigns_of
from desk.pack_scope import Scope
from desk.pack_words import Masks, staff_names


def reports(scope: Scope, *, made_at: datetime, by: str) -> Iterator[tuple[str, bytes]]:
    """Name and content of a CSV file for each campaign."""
    for campaign in campaigns_of(scope):
        with suppress(CampaignError):
            report = _cleaned(report_on(campaign, by=by))
            rows = report_as_rows(replace(report, made_at=made_at))
            yield f"campaigns/{campaign.pk}-report.csv", b"".join(lines(rows))


def _cleaned(report: Report) -> Report:
    """Without addresses of staff, and without members in words that staff wrote. The mails stay
    as they are: they have no personal parts."""
    cells = [cell for section in report.sections for row in section.rows for cell in row]
    names, masks = staff_names(cells), Masks([*cells, report.title])
    sections = [
        replace(
            section,
            rows=[
                tuple(names.get(cell) or masks.mask(cell) for cell in row) for row in section.rows
            ],
        )
        for section in report.sections
    ]
    return replace(report, title=masks.mask(report.title), sections=sections)
