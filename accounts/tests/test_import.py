"""`import_members`: what is loaded, what is refused and why, and what an import cannot do."""

import io
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.core.management import CommandError, call_command
from django.db import IntegrityError

from accounts import importing
from accounts.import_lines import MAX_BYTES
from accounts.importing import Summary
from accounts.models import Member

pytestmark = pytest.mark.django_db

HEADER = "member_ref,email,country,language,is_minor\n"
type Importer = Callable[..., tuple[str, str]]


@pytest.fixture
def load(tmp_path: Path) -> Importer:
    """Import a file with this content; gives what was printed, and what was reported as bad."""

    def load_(content: str | bytes, *arguments: str, name: str = "m.csv") -> tuple[str, str]:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        out, err = io.StringIO(), io.StringIO()
        try:
            call_command("import_members", str(path), *arguments, stdout=out, stderr=err)
        except CommandError as error:
            err.write(f"error: {error}\n")  # exit code 1: see test_exit_code
        return out.getvalue(), err.getvalue()

    return load_


def rows() -> dict[str, tuple[Any, ...]]:
    fields = ("email", "country", "language", "is_minor")
    return {m.member_ref: tuple(getattr(m, f) for f in fields) for m in Member.objects.all()}


def test_csv(load: Importer) -> None:
    out, err = load(
        HEADER
        + "m1,Anna@Example.org,de,de-at,false\n"
        + 'm2,"b@example.org",FR,fr,0\n'
        + "m3, c@example.org ,,,YES\n"
    )
    assert (out, err) == ("3 new, 0 changed, 0 unchanged, 0 bad\n", "")
    assert rows() == {
        "m1": ("anna@example.org", "DE", "de-AT", False),
        "m2": ("b@example.org", "FR", "fr", False),
        "m3": ("c@example.org", "", "", True),
    }
    member = Member.objects.get(member_ref="m1")
    assert member.is_active
    assert not member.is_staff
    assert not member.has_usable_password()


def test_json_lines(load: Importer) -> None:
    lines: Iterable[dict[str, Any]] = (
        {"member_ref": "m1", "email": "a@example.org", "country": "DE", "is_minor": True},
        {"member_ref": 2, "email": "b@example.org", "country": None, "minor": "no"},
    )
    out, err = load("\n\n".join(map(json.dumps, lines)), name="members.jsonl")
    assert (out, err) == ("2 new, 0 changed, 0 unchanged, 0 bad\n", "")
    assert rows() == {
        "m1": ("a@example.org", "DE", "", True),
        "2": ("b@example.org", "", "", False),
    }


def test_format_can_be_said(load: Importer) -> None:
    line = '{"member_ref": "m1", "email": "a@example.org"}'
    assert load(line, "--format", "jsonl", name="members.txt")[1] == ""


def test_bom_and_crlf(load: Importer) -> None:
    content = HEADER + "m1,a@example.org,DE,de,no\n"
    out, err = load(b"\xef\xbb\xbf" + content.replace("\n", "\r\n").encode())
    assert (out, err) == ("1 new, 0 changed, 0 unchanged, 0 bad\n", "")


@pytest.mark.parametrize("name", ["minor", "is_minor", "under_18", "Under18"])
def test_minor_synonyms(load: Importer, name: str) -> None:
    assert load(f"member_ref,email,{name}\nm1,a@example.org,1\n")[1] == ""
    assert Member.objects.get().is_minor


BAD = {
    "m,,DE,de,no": "email is missing",
    ",a@example.org,DE,de,no": "member_ref is missing",
    "m,a@example.org,DE,de": "column is_minor is missing",
    "m,a@example.org,DE,de,no,": "6 cells, but the header has 5 columns",
    "a b,a@example.org,DE,de,no": "member_ref is not valid",
    "é,a@example.org,DE,de,no": "member_ref is not valid",
    "x" * 65 + ",a@example.org,DE,de,no": "member_ref is not valid",
    "m,a@,DE,de,no": "email is not an e-mail address",
    "m,a@example.org\x00,DE,de,no": "email contains a NUL character",
    f"m,{'a' * 250}@example.org,DE,de,no": "email is longer than 254 characters",
    "m,a@example.org,XX,de,no": "country 'XX' does not exist",
    "m,a@example.org,UK,de,no": "the United Kingdom is GB",
    "m,a@example.org,Germany,de,no": "country 'Germany' does not exist",
    "m,a@example.org,DE,german!,no": "language is not a language tag",
    "m,a@example.org,DE,de-AT-x-very-long,no": "language is longer than 12 characters",
    "m,a@example.org,DE,de,maybe": "is_minor is neither true nor false",
    "m,a@example.org,DE,de,": "is_minor is neither true nor false",
    b"m,\xff@example.org,DE,de,no": "email is not UTF-8",
    'm,"a"@example.org,DE,de,no': "expected after",
    "m,good2@example.org,DE,de,no": "email is that of line 2, for another member",
    f"m,{'a' * MAX_BYTES},DE,de,no": "longer than 64 kB",
    "m," * 10: "cells, but the header has",
}


@pytest.mark.parametrize(("line", "reason"), BAD.items(), ids=[*BAD.values()])
def test_bad_line(load: Importer, line: str | bytes, reason: str) -> None:
    """It is reported with its number and why; the lines around it are loaded."""
    raw = line.encode() if isinstance(line, str) else line
    before = b"m1,good2@example.org,DE,de,no\n"
    after = b"m2,good4@example.org,DE,de,no\n"
    out, err = load(HEADER.encode() + before + raw + b"\n" + after)
    assert out == "2 new, 0 changed, 0 unchanged, 1 bad\n"
    assert err.startswith("line 3: ")
    assert reason in err
    assert "error: 1 bad lines were not loaded" in err
    assert {"m1", "m2"} == set(rows())


BAD_JSON = {
    "{": "not valid JSON",
    "[" * 60_000: "not valid JSON",
    "9" * 5_000: "not valid JSON",
    '["m", "a@example.org"]': "not a JSON object",
    '{"member_ref": "m"}': "email is missing",
    '{"member_ref": "m", "email": null}': "email is missing",
    '{"member_ref": "m", "email": ["a@example.org"]}': "email is not a text",
    '{"member_ref": true, "email": "a@example.org"}': "member_ref is not a text",
    '{"member_ref": "m", "email": "a@example.org", "contry": "DE"}': "'contry' is not known",
    '{"member_ref": "m", "email": "a@example.org", "email": "b@example.org"}': "there twice",
    '{"member_ref": "m", "email": "\\u0000"}': "email contains a NUL",
    '{"member_ref": "m", "email": "\\ud800@example.org"}': "email is not UTF-8",
    '{"member_ref": "m", "email": "a@example.org", "is_minor": 2}': "is_minor is neither",
    '{"member_ref": "m", "email": "a@example.org", "is_minor": null}': "is_minor is neither",
    '{"member_ref": "m", "email": "a@example.org", "country": 5}': "country is not a text",
}


@pytest.mark.parametrize(("line", "reason"), BAD_JSON.items(), ids=[*BAD_JSON.values()])
def test_bad_json(load: Importer, line: str, reason: str) -> None:
    good = '{"member_ref": "m2", "email": "good@example.org"}'
    out, err = load(f"{line}\n{good}\n", name="m.jsonl")
    assert out == "1 new, 0 changed, 0 unchanged, 1 bad\n"
    assert err.startswith("line 1: ")
    assert reason in err


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "column member_ref is missing"),
        ("member_ref,country\nm1,DE\n", "column email is missing"),
        ("member_ref;email\nm1;a@example.org\n", "separated by commas"),
        ("member_ref,email,contry\nm1,a@example.org,DE\n", "'contry' is not known"),
        ("member_ref,email,minor,under_18\n", "column is_minor is there twice"),
        (HEADER.encode("utf-16"), "is not known"),
        ('"member_ref,email\n', "line 1"),
    ],
)
def test_bad_header(load: Importer, content: str | bytes, reason: str) -> None:
    out, err = load(content)
    assert out == ""
    assert reason in err
    assert "Nothing was loaded" in err
    assert not rows()


def test_missing_file() -> None:
    with pytest.raises(CommandError, match="cannot be read"):
        call_command("import_members", "/nowhere/m.csv")


def test_exit_code(tmp_path: Path) -> None:
    path = tmp_path / "m.csv"
    path.write_text(HEADER + "m1,nonsense,DE,de,no\n")
    with pytest.raises(CommandError, match="1 bad lines") as error:
        call_command("import_members", str(path), stdout=io.StringIO(), stderr=io.StringIO())
    assert error.value.returncode == 1


@pytest.mark.parametrize("size", ["0", "2001", "x", "-1"])
def test_bad_batch_size(load: Importer, size: str) -> None:
    assert "from 1 to 2000" in load(HEADER, "--batch-size", size)[1]


def test_reasons_repeat_no_address(load: Importer) -> None:
    _out, err = load(HEADER + "secret-ref!,secret@address,DE,de,no\nm,secret@x,DE,de,no\n")
    assert "secret" not in err


def test_line_numbers_after_a_quoted_newline(load: Importer) -> None:
    """One record of two lines has the number of its first; the text in quotes is no record."""
    _out, err = load(
        HEADER
        + '"m1\nm9,evil@example.org,DE,de,no",a@example.org,DE,de,no\n'
        + "\n"
        + "m2,b@example.org,XX,de,no\n"
        + "m3,c@example.org,DE,de,no\n"
    )
    assert [line.split(":")[0] for line in err.splitlines()] == ["line 2", "line 5", "error"]
    assert set(rows()) == {"m3"}


def test_unclosed_quote_costs_few_lines(load: Importer) -> None:
    lines = [f"m{i},m{i}@example.org,DE,de,no\n" for i in range(200)]
    lines[100] = '"m100,m100@example.org,DE,de,no\n'
    out, err = load(HEADER + "".join(lines))
    assert "line 102: a quote that is opened here is not closed; read on after line 121" in err
    assert out == "180 new, 0 changed, 0 unchanged, 1 bad\n"


def test_again_changes_nothing(load: Importer) -> None:
    content = HEADER + "m1,a@example.org,DE,de,no\nm2,b@example.org,,,yes\n"
    load(content)
    before = list(Member.objects.order_by("pk").values())
    assert load(content)[0] == "0 new, 0 changed, 2 unchanged, 0 bad\n"
    assert list(Member.objects.order_by("pk").values()) == before


def test_host_is_the_source(load: Importer) -> None:
    load(HEADER + "m1,a@example.org,DE,de,yes\n")
    out, _err = load(HEADER + "m1,a2@example.org,AT,fr,no\n")
    assert out == "0 new, 1 changed, 0 unchanged, 0 bad\n"
    assert rows() == {"m1": ("a2@example.org", "AT", "fr", False)}


def test_columns_left_out_stay(load: Importer) -> None:
    load(HEADER + "m1,a@example.org,DE,de,yes\n")
    load("member_ref,email\nm1,new@example.org\n")
    assert rows() == {"m1": ("new@example.org", "DE", "de", True)}


def test_only_what_is_imported_is_touched(load: Importer, member: Member) -> None:
    Member.objects.filter(pk=member.pk).update(is_active=False)
    member.refresh_from_db()
    member.set_password("correct horse")
    member.save()
    load(HEADER + f"{member.member_ref},new@example.org,FR,fr,no\n")
    after = Member.objects.get(pk=member.pk)
    assert after.email == "new@example.org"
    assert after.check_password("correct horse")
    assert not after.is_active
    assert (after.joined_at, after.last_login) == (member.joined_at, member.last_login)


def test_last_line_for_a_member_wins(load: Importer) -> None:
    out, err = load(
        HEADER
        + "m1,a@example.org,DE,de,no\nm2,b@example.org,DE,de,no\n"
        + "m1,a@example.org,FR,fr,no\nm1,b@example.org,IT,it,no\n"
    )
    assert rows()["m1"] == ("a@example.org", "FR", "fr", False)
    assert out == "2 new, 1 changed, 0 unchanged, 1 bad\n"
    assert "line 5: email belongs to another member" in err


def test_address_of_another_member(load: Importer, other: Member) -> None:
    out, err = load(HEADER + f"m1,{other.email.upper()},DE,de,no\nm2,b2@example.org,DE,de,no\n")
    assert "line 2: email belongs to another member" in err
    assert out == "1 new, 0 changed, 0 unchanged, 1 bad\n"


@pytest.mark.parametrize("size", ["1000", "1"])
def test_addresses_move_on(load: Importer, size: str) -> None:
    """m1 gets a new address and m2 the one that m1 had."""
    load(HEADER + "m1,a@example.org,DE,de,no\nm2,b@example.org,DE,de,no\n")
    out, err = load(
        HEADER + "m1,c@example.org,DE,de,no\nm2,a@example.org,DE,de,no\n", "--batch-size", size
    )
    assert (out, err) == ("0 new, 2 changed, 0 unchanged, 0 bad\n", "")


def test_addresses_swapped_in_one_batch(load: Importer) -> None:
    load(HEADER + "m1,a@example.org,DE,de,no\nm2,b@example.org,DE,de,no\n")
    out, err = load(HEADER + "m1,b@example.org,DE,de,no\nm2,a@example.org,DE,de,no\n")
    assert (out, err) == ("0 new, 2 changed, 0 unchanged, 0 bad\n", "")
    assert rows()["m1"][0] == "b@example.org"


def test_addresses_swapped_across_batches_are_reported(load: Importer) -> None:
    load(HEADER + "m1,a@example.org,DE,de,no\nm2,b@example.org,DE,de,no\n")
    content = HEADER + "m1,b@example.org,DE,de,no\nm2,a@example.org,DE,de,no\n"
    out, err = load(content + "m3,c@example.org,DE,de,no\n", "--batch-size", "1")
    assert out == "1 new, 0 changed, 0 unchanged, 2 bad\n"
    assert err.count("belongs to another member") == 2
    assert rows()["m1"][0] == "a@example.org"


def test_refused_line_refuses_who_counted_on_it(load: Importer, other: Member) -> None:
    """m1 wants a taken address and so keeps its own, which m2 wanted."""
    load(HEADER + "m1,a@example.org,DE,de,no\nm2,c@example.org,DE,de,no\n")
    out, err = load(
        HEADER
        + f"m1,{other.email},DE,de,no\nm2,a@example.org,DE,de,no\nm3,c@example.org,DE,de,no\n"
        + "m4,d@example.org,DE,de,no\n"
    )
    assert [line[:6] for line in err.splitlines()[:3]] == ["line 2", "line 3", "line 4"]
    assert out == "1 new, 0 changed, 0 unchanged, 3 bad\n"


@pytest.mark.parametrize("rights", [{"is_staff": True}, {"is_superuser": True}])
def test_staff_row_is_not_changed(load: Importer, other: Member, rights: dict[str, bool]) -> None:
    Member.objects.filter(pk=other.pk).update(**rights)
    out, err = load(
        HEADER + f"{other.member_ref},evil@example.org,DE,de,no\nm2,b2@example.org,DE,de,no\n"
    )
    assert "line 2: is for a member of staff" in err
    assert out == "1 new, 0 changed, 0 unchanged, 1 bad\n"
    assert Member.objects.get(pk=other.pk).email == other.email


def test_staff_address_is_not_taken(load: Importer, other: Member) -> None:
    Member.objects.filter(pk=other.pk).update(is_staff=True)
    EmailAddress.objects.create(user=other, email="alias@example.org", verified=True)
    _out, err = load(HEADER + f"m1,{other.email},DE,de,no\nm2,alias@example.org,DE,de,no\n")
    assert err.count("belongs to another member") == 2
    assert EmailAddress.objects.filter(user=other, email="alias@example.org").exists()


def test_old_address_can_no_longer_sign_in(load: Importer, member: Member) -> None:
    old = member.email
    EmailAddress.objects.create(user=member, email=old, verified=True, primary=True)
    load(HEADER + f"{member.member_ref},new@example.org,DE,de,no\n")
    assert not EmailAddress.objects.exists()
    # Nor does a row that was left behind stand above the present owner of an address.
    EmailAddress.objects.create(user=member, email="next@example.org", verified=True)
    load(HEADER + "m2,next@example.org,DE,de,no\n")
    assert not EmailAddress.objects.exists()


def test_row_of_the_present_address_stays(load: Importer, member: Member) -> None:
    EmailAddress.objects.create(user=member, email=member.email, verified=True, primary=True)
    load(HEADER + f"{member.member_ref},{member.email},FR,fr,no\n")
    assert EmailAddress.objects.get().email == member.email


def test_somebody_else_is_faster(load: Importer, monkeypatch: pytest.MonkeyPatch) -> None:
    """An address taken between the look and the write: the batch is looked at again."""
    write = importing._write
    calls = []

    def late(*arguments: Any) -> None:
        calls.append(1)
        if len(calls) == 1:
            raise IntegrityError("member_email_key")
        write(*arguments)

    monkeypatch.setattr(importing, "_write", late)
    assert load(HEADER + "m1,a@example.org,DE,de,no\n")[0].startswith("1 new")


def test_many_lines_in_few_statements(load: Importer, django_assert_max_num_queries: Any) -> None:
    lines = [f"m{i},m{i}@example.org,DE,de,no\n" for i in range(5_000)]
    lines[2_500] = "m2500,nonsense,DE,de,no\n"
    with django_assert_max_num_queries(5 * 8):
        out, err = load(HEADER + "".join(lines))
    assert out == "4999 new, 0 changed, 0 unchanged, 1 bad\n"
    assert "line 2502: email is not an e-mail address" in err
    # One for the keys; a batch: begin, members, erased ones, addresses of staff, commit.
    with django_assert_max_num_queries(1 + 5 * 5):
        assert load(HEADER + "".join(lines))[0] == "0 new, 0 changed, 4999 unchanged, 1 bad\n"


def test_summaries_add_up() -> None:
    assert Summary(1, 2, 3, 4) + Summary(1, 1, 1, 1) == Summary(2, 3, 4, 5)


def test_names_are_taken_and_stay_where_a_file_has_none(load: Importer) -> None:
    load("member_ref,email,name\nm1,a@example.org,  Anna   Berg \n")
    assert Member.objects.get().name == "Anna Berg"
    load("member_ref,email\nm1,new@example.org\n")
    assert Member.objects.get().name == "Anna Berg"
    _out, err = load(f"member_ref,email,name\nm1,a@example.org,{'x' * 151}\n")
    assert "name is longer than 150 characters" in err
    load("member_ref,email,name\nm1,a@example.org,\n")
    assert Member.objects.get().name == ""
