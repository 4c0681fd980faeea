"""A cell of a CSV file is text, whatever it begins with."""

import csv
import io

import pytest

from accounts.csv_safe import safe_row


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "+1",
        "-1",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        "\n=1",
        "  =1",
        "＝1",
        '=HYPERLINK("http://x")',
    ],
)
def test_a_formula_is_text(text: str) -> None:
    assert safe_row([text]) == ["'" + text]


@pytest.mark.parametrize(
    ("value", "cell"),
    [("anna", "anna"), ("a=b", "a=b"), (None, ""), (-3, "-3"), (1.5, "1.5"), ("", "")],
)
def test_all_else_stays(value: object, cell: str) -> None:
    assert safe_row([value]) == [cell]


def test_no_cell_breaks_out_of_its_quotes() -> None:
    file = io.StringIO()
    csv.writer(file).writerow(safe_row(['a","=1+1', "x\n=2"]))
    assert next(csv.reader(io.StringIO(file.getvalue()))) == ['a","=1+1', "x\n=2"]


def test_nul_is_left_out() -> None:
    assert safe_row(["a\0=1", "\0=1"]) == ["a=1", "'=1"]
