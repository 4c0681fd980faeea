"""Who was erased at their own request is not taken in again, and nobody can tell who it was."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from accounts import suppression
from accounts.models import Member, Suppression
from accounts.suppression import suppress, suppressed
from tests.people import sign_in_staff

pytestmark = pytest.mark.django_db

ANNA = ("m1", "anna@example.org")
HEADER = "member_ref,email,country\n"
type Importer = Callable[[str], tuple[str, str]]


@pytest.fixture
def load(tmp_path: Path) -> Importer:
    """Import these lines; gives what was printed, and what was reported. Raises CommandError."""

    def load_(lines: str) -> tuple[str, str]:
        path = tmp_path / "members.csv"
        path.write_text(HEADER + lines)
        out, err = io.StringIO(), io.StringIO()
        call_command("import_members", str(path), stdout=out, stderr=err)
        return out.getvalue(), err.getvalue()

    return load_


@pytest.mark.parametrize(
    "line", ["m1,anna@example.org,DE", "m1,new@example.org,DE", "m2,Anna@Example.org,DE"]
)
def test_an_import_leaves_erased_members_out_and_says_so(load: Importer, line: str) -> None:
    suppress(ANNA)
    out, err = load(f"{line}\nm3,ben@example.org,FR\n")
    assert out == "1 new, 0 changed, 0 unchanged, 0 bad, 1 erased and left out\n"
    assert err == "line 2: erased at the member's own request, so not loaded\n"
    assert [member.member_ref for member in Member.objects.all()] == ["m3"]


def test_a_known_member_does_not_get_an_erased_members_address(load: Importer) -> None:
    suppress(ANNA)
    Member.objects.create_user("ben@example.org", member_ref="m2")
    out, _err = load("m2,anna@example.org,DE\n")
    assert "0 changed" in out
    assert Member.objects.get().email == "ben@example.org"


def test_references_that_differ_in_case_are_two_members(load: Importer) -> None:
    suppress(ANNA)
    assert "1 new" in load("M1,other@example.org,DE\n")[0]


def test_other_bad_lines_still_count_as_bad(load: Importer) -> None:
    suppress(ANNA)
    with pytest.raises(CommandError, match="1 bad lines"):
        load("m1,anna@example.org,DE\nm2,nonsense,DE\n")


def test_what_is_kept_tells_nothing_without_the_key(settings: Any) -> None:
    suppress(ANNA)
    rows = Suppression.objects.values_list("digest", "key_id")
    assert len(rows) == 2
    assert len({digest for digest, _ in rows}) == 2
    assert all(len(digest) == 64 for digest, _ in rows)
    assert not any(word in str(list(rows)) for word in ("m1", "anna", "example"))
    settings.SUPPRESSION_KEY = "another-key-of-at-least-32-characters"
    assert suppressed([ANNA]) == set()


def test_a_reference_is_not_taken_for_an_address() -> None:
    suppress(("m1", "m2"))
    assert suppressed([("m2", "m1")]) == set()


def test_repeating_changes_nothing() -> None:
    suppress(ANNA)
    suppress(ANNA)
    assert Suppression.objects.count() == 2
    assert suppressed([ANNA, ("m2", "ben@example.org")]) == {ANNA}


def test_after_a_change_of_key_the_old_one_still_counts(load: Importer, settings: Any) -> None:
    suppress(ANNA)
    old = settings.SUPPRESSION_KEY
    settings.SUPPRESSION_KEY = "another-key-of-at-least-32-characters"
    with pytest.raises(CommandError, match=r"SUPPRESSION_KEY_FALLBACKS.*Nothing was loaded"):
        load("m1,anna@example.org,DE\nm3,ben@example.org,FR\n")
    assert not Member.objects.exists()  # more protective than to let everybody in
    settings.SUPPRESSION_KEY_FALLBACKS = [old]
    suppress(("m4", "new@example.org"))
    assert "2 erased" in load("m1,anna@example.org,DE\nm4,x@example.org,FR\n")[0]


def test_whoever_asks_for_it_is_taken_in_again(load: Importer) -> None:
    suppress(ANNA)
    out = io.StringIO()
    call_command("lift_suppression", "m1", "ANNA@example.org ", stdout=out)
    assert "2 suppressions lifted" in out.getvalue()
    assert "1 new" in load("m1,anna@example.org,DE\n")[0]
    with pytest.raises(CommandError, match="Neither"):
        call_command("lift_suppression", "m1", "anna@example.org")


def test_nor_does_a_superuser_add_one_by_mistake(client: Client) -> None:
    sign_in_staff(client, Member.objects.create_superuser("boss@example.org"))
    suppress(ANNA)
    values = {"email": ANNA[1].upper(), "usable_password": "false"}
    answer = client.post(reverse("admin:accounts_member_add"), values)
    assert "erased at their own request" in answer.content.decode()
    assert Member.objects.count() == 1


def test_many_at_once(monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: Any) -> None:
    people = [(f"m{n}", f"m{n}@example.org") for n in range(2_000)]
    suppress(people[7])
    monkeypatch.setattr(
        suppression, "_keys", lambda: ["a", "b", suppression.settings.SUPPRESSION_KEY]
    )
    with django_assert_num_queries(1):
        assert suppressed(people) == {people[7]}
