"""The fault suite's checker finds what it is there to find."""

from dataclasses import replace

import pytest

from tests.faults.checker import (
    Click,
    Row,
    check_answers,
    check_cursor,
    check_ledger,
    check_never_back,
    check_store,
    newest,
)
from tests.faults.report import BEGIN, END, Result, Run, write

PURPOSE = "genai-training"
ANNA, BEN = ("anna", PURPOSE), ("ben", PURPOSE)

CLICKS = [
    Click("anna", "a1", "objected", "saved", 1.0, 1.1),
    Click("anna", "a2", "allowed", "saved", 2.0, 2.1, attempts=3),
    Click("ben", "b1", "objected", "saved", 1.0, 1.1),
    Click("ben", "b2", "allowed", "refused", 3.0, 3.1),
]
LEDGER = [
    Row("anna", PURPOSE, 1, "objected", "a1", 1),
    Row("ben", PURPOSE, 1, "objected", "b1", 2),
    Row("anna", PURPOSE, 2, "allowed", "a2", 3),
]
HELD = {ANNA: (2, "allowed"), BEN: (1, "objected")}


def test_a_sound_run_has_no_findings():
    assert list(check_answers(CLICKS, LEDGER)) == []
    assert list(check_ledger(LEDGER)) == []
    assert list(check_store("store", HELD, LEDGER)) == []
    assert list(check_cursor("store", 3, HELD, newest(LEDGER, 3))) == []
    assert list(check_never_back("store", HELD, HELD)) == []


def answers(clicks=CLICKS, ledger=LEDGER):
    return "\n".join(check_answers(clicks, ledger))


def test_a_lost_choice():
    assert "lost: anna, request a2" in answers(ledger=LEDGER[:2])


def test_a_doubled_choice():
    again = Row("ben", PURPOSE, 2, "objected", "b1", 4)
    assert "doubled: ben, request b1" in answers(ledger=[*LEDGER, again])


def test_a_choice_that_was_refused_and_recorded_all_the_same():
    refused = Row("ben", PURPOSE, 2, "allowed", "b2", 4)
    assert "recorded although refused: ben" in answers(ledger=[*LEDGER, refused])


def test_a_choice_that_was_never_settled():
    open_click = Click("cleo", "c1", "objected", "unknown", 1.0, 9.0)
    assert "never settled: cleo" in answers([*CLICKS, open_click])


def test_a_choice_that_nobody_made():
    stranger = Row("anna", PURPOSE, 3, "objected", "a3", 4)
    assert "from nobody: anna, request a3" in answers(ledger=[*LEDGER, stranger])


def test_a_choice_that_says_something_else():
    other = [replace(LEDGER[0], decision="allowed"), *LEDGER[1:]]
    assert "changed: anna, request a1" in answers(ledger=other)


def test_choices_in_another_order_than_the_member_made_them():
    turned = [replace(LEDGER[0], revision=2), LEDGER[1], replace(LEDGER[2], revision=1)]
    assert "out of order: anna" in answers(ledger=turned)


def test_choices_sent_before_the_first_was_answered_may_come_in_any_order():
    at_once = [replace(CLICKS[0], answered=2.5), *CLICKS[1:]]
    turned = [replace(LEDGER[0], revision=2), LEDGER[1], replace(LEDGER[2], revision=1)]
    assert answers(at_once, turned) == ""


@pytest.mark.parametrize(
    ("ledger", "words"),
    [
        ([LEDGER[0], LEDGER[2]], "positions have a gap"),
        ([*LEDGER, replace(LEDGER[1], member_ref="cleo")], "come twice"),
        ([LEDGER[0], LEDGER[1], replace(LEDGER[2], revision=3)], "revisions of anna have a gap"),
        (
            [replace(LEDGER[0], position=3), LEDGER[1], replace(LEDGER[2], position=1)],
            "a later choice of anna stands before",
        ),
    ],
)
def test_a_ledger_that_is_not_sound(ledger, words):
    assert words in "\n".join(check_ledger(ledger))


@pytest.mark.parametrize(
    ("held", "words"),
    [
        ({BEN: HELD[BEN]}, "anna has nothing, by the ledger revision 2 allowed"),
        (HELD | {ANNA: (1, "objected")}, "anna has revision 1 objected"),
        (HELD | {ANNA: (2, "objected")}, "anna has revision 2 objected"),
        (HELD | {("eve", PURPOSE): (1, "objected")}, "eve has revision 1 objected"),
    ],
)
def test_a_store_that_differs_from_the_ledger(held, words):
    assert words in "\n".join(check_store("store", held, LEDGER))
    excused = {key for key in held | HELD if held.get(key) != HELD.get(key)}
    assert list(check_store("store", held, LEDGER, excused)) == []


def cursor_findings(position, held, parked=()):
    return "\n".join(check_cursor("store", position, held, newest(LEDGER, position), parked))


def test_a_cursor_past_an_unconfirmed_choice():
    behind = HELD | {ANNA: (1, "objected")}
    assert "cursor (3) is past revision 2 of anna" in cursor_findings(3, behind)
    assert cursor_findings(2, behind) == ""
    assert cursor_findings(3, behind, parked=[ANNA]) == ""
    assert "past revision 1 of ben, which has nothing" in cursor_findings(3, {ANNA: HELD[ANNA]})


def test_a_store_that_is_ahead_of_its_cursor_is_well():
    assert cursor_findings(1, HELD) == ""


def test_a_regressed_choice():
    older = HELD | {ANNA: (1, "objected")}
    words = "\n".join(check_never_back("store", HELD, older))
    assert "anna went back from revision 2 to revision 1 objected" in words
    assert list(check_never_back("store", older, HELD)) == []
    assert "to nothing" in "\n".join(check_never_back("store", HELD, {BEN: HELD[BEN]}))


def test_a_result_with_a_finding_did_not_hold():
    result = Result("a fault", "1", "all")
    assert result.word == "held"
    result.findings.append("lost: anna, request a2")
    assert (result.word, result.cells()[-1]) == ("**did not hold**", "lost: anna, request a2")


def test_the_report_replaces_its_own_section_only(tmp_path):
    path = tmp_path / "reliability.md"
    path.write_text(f"# Reliability\n\nBefore.\n\n{BEGIN}\nlast run\n{END}\n\nAfter.\n")
    write(path, [Result("a | fault", "1", "all")], Run("short", 7, 12.0, "18.4"))
    text = path.read_text()
    assert text.startswith("# Reliability\n\nBefore.\n")
    assert text.endswith("\n\nAfter.\n")
    assert "last run" not in text
    assert "| a \\| fault | 1 | all | held |" in text
    assert "SEED=7" in text


def test_the_report_is_added_where_there_is_none(tmp_path):
    path = tmp_path / "reliability.md"
    write(path, [], Run("short", 7, 12.0, "18.4"))
    write(path, [], Run("short", 8, 12.0, "18.4"))
    text = path.read_text()
    assert (text.count(BEGIN), "SEED=8" in text, "SEED=7" in text) == (1, True, False)
