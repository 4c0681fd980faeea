"""A lead country without a lead authority is found at the start."""

from typing import Any

import pytest

from accounts.checks import check_lead_country


@pytest.mark.parametrize(
    ("code", "problems"), [("IE", 0), ("no", 0), ("", 0), ("GB", 1), ("XX", 1)]
)
def test_lead_country(settings: Any, code: str, problems: int) -> None:
    settings.OPERATOR_LEAD_COUNTRY = code
    assert len(check_lead_country(None)) == problems
