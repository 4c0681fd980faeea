"""Evidence packs: complete, the same each time, with nobody in them who does not belong there."""

import csv
import hashlib
import io
import json
import zipfile
from datetime import UTC, date, datetime, timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone

from accounts.access_log import note
from accounts.models import Member, MemberAccess
from campaigns import lifecycle
from campaigns.models import Campaign
from campaigns.tests.campaigns import released
from consent import told
from consent.erasure import erase
from consent.models import RolloutChange
from desk import counting, packing
from desk.pack_file import write_pack
from desk.pack_scope import PackError, scope_of
from desk.packs import EvidencePack
from desk.roles import Role
from ledger.seal import seal_all
from propagation.models import Alarm, Parked, Reconciliation
from propagation.relay import relay
from tests.people import choose, make_member

pytestmark = pytest.mark.django_db
TODAY = timezone.now().date()
SINCE = TODAY - timedelta(days=30)
PEOPLE = ("anna-71", "ben-72", "cleo-73")


@pytest.fixture
def packs(settings, tmp_path):
    settings.PACKS_FOLDER = tmp_path / "packs"


@pytest.fixture
def busy(notice, sql_store, staff):
    """A site on which things have happened."""
    officer = staff(Role.PRIVACY_OFFICER).member
    for ref in PEOPLE:
        member = make_member(f"{ref}@example.org", "DE")
        choose(ref)
        note(by=officer.member_ref, member_ref=ref, what="viewed", reason=f"ticket of {ref}")
        told.page_seen(notice, member.pk, timezone.now())
    seal_all(0)
    relay("sql", 0)
    Parked.objects.create(
        store="sql", partition=0, member_ref="ben-72", purpose="genai-training", revision=1,
        reason="no cleo-73", parked_at=timezone.now(), retry_at=timezone.now(),
    )  # fmt: skip
    counting.count_on()
    counting.count_reach_due()
    now = timezone.now()
    Alarm.objects.create(store="sql", since=now, raised_at=now)
    Reconciliation.objects.create(
        store="sql", kind="full", started_at=now, alive_until=now, finished_at=now, missing=2,
        examples=[{"member_ref": "anna-71"}],
    )  # fmt: skip
    rollout = notice.rollouts.get(region="eu_eea")
    rollout.pause(by=officer.email, reason="anna-71 (anna-71@example.org) and ben-72. asked")
    campaign = released(notice, name="=cmd|' /C calc'!A0", seeds=["seed@example.org"], told="any")
    lifecycle.pause(campaign, by=officer.email, reason="anna-71@example.org complained")
    Campaign.objects.update(figures={"total": 5, "states": {"sent": 4}})
    return officer


def scope(**values):
    return scope_of(**{"region": "", "since": SINCE, "until": TODAY, **values})


def made(tmp_path, **values):
    """The files of a pack by name."""
    path = tmp_path / "pack.zip"
    at = datetime(2026, 11, 25, tzinfo=UTC)
    write_pack(path, scope(**values), made_at=at, by="officer", on_step=lambda words: None)
    with zipfile.ZipFile(path) as packed:
        assert packed.testzip() is None
        return {name: packed.read(name) for name in packed.namelist()}


def rows(files, name):
    return list(csv.DictReader(io.StringIO(files[f"{name}.csv"].decode())))


def test_everything_is_in_it(busy, notice, tmp_path):
    files = made(tmp_path)
    assert json.loads(files["notices/genai-training-1/de.json"])["language"] == "de"
    assert len([name for name in files if name.endswith("/en.html")]) == 1
    assert [row["what"] for row in rows(files, "rollouts")].count("announced") == 3
    assert rows(files, "rollouts")[-1]["what"] == "paused"
    assert sum(int(row["number"]) for row in rows(files, "choices")) == 3
    [delivery] = rows(files, "deliveries")
    assert (delivery["store"], delivery["choices"], delivery["limit_seconds"]) == (
        "sql",
        "2",
        "900",
    )
    assert {row["what"] for row in rows(files, "failures")} == {
        "late", "differed", "refused, open now",
    }  # fmt: skip
    checked = json.loads(files["ledger.json"])
    assert checked["details"]["sound"] is True
    assert checked["rows"][0]["position"] == 3
    [access] = rows(files, "staff_access")
    assert (access["by"], access["times"], access["members"]) == (busy.member_ref, "3", "3")
    assert rows(files, "told")[0]["told"] == "3"
    assert json.loads(files["campaigns.json"])["rows"][0]["sent"] == 4


def test_the_hashes_are_right(busy, tmp_path):
    files = made(tmp_path)
    sums = dict(reversed(line.split("  ")) for line in files["SHA256SUMS"].decode().splitlines())
    assert sums.keys() == files.keys() - {"SHA256SUMS"}
    for name, digest in sums.items():
        assert hashlib.sha256(files[name]).hexdigest() == digest
    manifest = json.loads(files["manifest.json"])
    assert {row["name"] for row in manifest["files"]} == sums.keys() - {"manifest.json"}
    assert sums["campaigns.csv"] in files["index.html"].decode()


def test_the_report_of_each_campaign(busy, tmp_path):
    files = made(tmp_path)
    [name] = [name for name in files if name.endswith("-report.csv")]
    report = list(csv.reader(io.StringIO(files[name].decode())))
    assert ["Made", "2026-11-25 00:00 UTC", "officer"] in report
    assert any(row[3:] == [busy.member_ref, "[address] complained"] for row in report)
    assert f'href="{name}"' in files["index.html"].decode()


def test_the_page_for_people(busy, tmp_path, settings):
    general = made(tmp_path, region="gb")["index.html"].decode()
    about_one = made(tmp_path, member_ref="anna-71")["index.html"].decode()
    for page in (general, about_one):
        assert f"{SINCE} to {TODAY}, days in UTC" in page
        assert settings.OPERATOR_NAME in page
        assert "2026-11-25 00:00:00 UTC by officer" in page
    assert "<dd>gb</dd>" in general
    assert "It names no member." in general
    assert "<dd>the member anna-71</dd>" in about_one
    assert "about this member and about nobody else" in about_one


def test_nobody_is_in_it(busy, tmp_path):
    """No reference or address of a member, nor the address of anybody of the staff."""
    text = b"\n".join(made(tmp_path).values()).decode()
    for ref in PEOPLE:
        assert ref not in text
    assert "example.org" not in text
    assert "staff.example" not in text
    assert busy.member_ref in text
    assert "[member] ([address]) and [member]. asked" in text


def test_a_ledger_that_is_not_sound_is_said_to_be_so_and_names_nobody(busy, tmp_path, monkeypatch):
    bad = ["revisions of a member have a gap: anna-71, genai-training, 2, 3"] * 2
    monkeypatch.setattr("desk.pack_parts.findings", lambda: iter(bad))
    files = made(tmp_path)
    details = json.loads(files["ledger.json"])["details"]
    assert details["findings"] == {"revisions of a member have a gap": 2}
    assert "NOT sound" in files["index.html"].decode()
    assert b"anna-71" not in files["ledger.json"]


def test_no_spreadsheet_calculates_a_name(busy, tmp_path):
    files = made(tmp_path)
    assert rows(files, "campaigns")[0]["campaign"] == "'=cmd|' /C calc'!A0"


def test_a_script_is_text(busy, notice, tmp_path):
    notice.rollouts.get(region="gb").pause(by="jo", reason="<script>alert(1)</script>")
    index = made(tmp_path)["index.html"].decode()
    assert "<script" not in index
    assert "&lt;script&gt;" in index


def test_the_same_data_makes_the_same_bytes(busy, tmp_path):
    one, two = (tmp_path / name for name in ("one.zip", "two.zip"))
    for path in (one, two):
        at = datetime(2026, 11, 25, tzinfo=UTC)
        write_pack(path, scope(), made_at=at, by="officer", on_step=lambda words: None)
    assert one.read_bytes() == two.read_bytes()


def test_one_region(busy, tmp_path):
    files = made(tmp_path, region="ch")
    assert {row["region"] for row in rows(files, "rollouts")} == {"ch"}
    assert rows(files, "choices") == []
    assert len(rows(files, "told")) == 1


def test_before_anything_happened(busy, tmp_path):
    files = made(tmp_path, since=date(2001, 1, 1), until=date(2001, 1, 2))
    for name in ("notices", "rollouts", "choices", "campaigns", "staff_access"):
        assert rows(files, name) == []


class TestOfOneMember:
    def test_all_about_them_and_nobody_else(self, busy, tmp_path):
        files = made(tmp_path, member_ref="anna-71")
        [choice] = rows(files, "member")
        assert choice["decision"] == "objected"
        assert "Feature store: confirmed at" in choice["stores"]
        held = json.loads(files["member.json"])["details"]
        assert held["identity"]["email"] == "anna-71@example.org"
        assert held["told_of_notices"]
        [access] = rows(files, "staff_access")
        assert (access["times"], access["members"]) == ("1", "1")
        text = b"\n".join(files.values()).decode()
        for ref in ("ben-72", "cleo-73"):
            assert ref not in text
        assert "campaigns.json" not in files

    def test_the_same_bytes(self, busy, tmp_path):
        assert made(tmp_path, member_ref="anna-71") == made(tmp_path, member_ref="anna-71")


class TestCommand:
    def call(self, out, **options):
        values = {"from": SINCE, "to": TODAY, "out": out} | options
        call_command("evidence_pack", *(f"--{name}={value}" for name, value in values.items()))

    def test_written_and_noted(self, busy, tmp_path, capsys):
        out = tmp_path / "pack.zip"
        self.call(out, region="eu_eea")
        pack = EvidencePack.objects.get()
        assert hashlib.sha256(out.read_bytes()).hexdigest() == pack.sha256
        assert pack.sha256 in capsys.readouterr().out
        assert (pack.asked_by, pack.region, pack.is_there) == ("command line", "eu_eea", False)

    def test_about_a_member_is_an_access_to_their_data(self, busy, tmp_path):
        self.call(tmp_path / "pack.zip", member="anna-71")
        access = MemberAccess.objects.filter(member_ref="anna-71").last()
        assert (access.by, access.what) == ("command line", "exported")

    @pytest.mark.parametrize(
        ("options", "problem"),
        [
            ({"region": "mars"}, "There is no region 'mars'. There are: eu_eea, gb, ch."),
            ({"from": "2026-02-30"}, "--from is a day such as"),
            ({"to": "tomorrow"}, "--to is a day such as"),
            ({"from": "2026-02-02", "to": "2026-02-01"}, "after it ends"),
            ({"to": "9999-12-31"}, "too far away"),
            ({"member": "nobody"}, "no such member"),
            ({"member": "a\x00"}, "no such member"),
            ({"out": "/nowhere/at/all/pack.zip"}, "No such file or directory"),
        ],
    )
    def test_bad_arguments(self, busy, tmp_path, options, problem):
        with pytest.raises(CommandError, match=problem):
            self.call(**{"out": tmp_path / "pack.zip"} | options)
        assert not (tmp_path / "pack.zip").exists()
        assert not EvidencePack.objects.exists()

    def test_a_file_that_is_there_is_left_alone(self, busy, tmp_path):
        out = tmp_path / "pack.zip"
        out.write_text("mine")
        with pytest.raises(CommandError, match="is there already"):
            self.call(out)
        assert out.read_text() == "mine"


MAKE = "/admin/desk/evidencepack/make/"
SENT = {"region": "gb", "since": SINCE, "until": TODAY}


@pytest.mark.usefixtures("packs")
class TestInAdmin:
    @pytest.fixture
    def officer(self, staff):
        return staff(Role.PRIVACY_OFFICER, name="second")

    @pytest.fixture
    def pack(self, busy):
        pack = packing.ask(scope(), by="jo")
        packing.make_due()
        return EvidencePack.objects.get(pk=pack.pk)

    def file(self, pack):
        return reverse("admin:desk_evidencepack_file", args=[pack.pk])

    def test_asked_for_made_and_downloaded(self, officer, busy):
        assert officer.get(MAKE).status_code == 200
        officer.post(MAKE, SENT)
        pack = EvidencePack.objects.get()
        assert (pack.asked_by, pack.finished_at) == (officer.member.member_ref, None)
        assert officer.get(self.file(pack)).status_code == 404
        packing.make_due()
        pack.refresh_from_db()
        assert (pack.step, pack.error) == ("done", "")
        answer = officer.get(self.file(pack))
        assert answer["Content-Disposition"].startswith('attachment; filename="evidence-gb-')
        assert "no-store" in answer["Cache-Control"]
        content = b"".join(answer.streaming_content)
        assert hashlib.sha256(content).hexdigest() == pack.sha256
        shown = officer.get("/admin/desk/evidencepack/").content.decode()
        assert self.file(pack) in shown
        detail = officer.get(reverse("admin:desk_evidencepack_change", args=[pack.pk]))
        assert pack.sha256 in detail.content.decode()

    def test_each_download_about_a_member_is_an_access_to_their_data(self, officer, busy):
        before = MemberAccess.objects.filter(member_ref="anna-71").count()
        officer.post(MAKE, {**SENT, "member_ref": "anna-71"})
        packing.make_due()
        officer.get(self.file(EvidencePack.objects.get()))
        accesses = MemberAccess.objects.filter(member_ref="anna-71").order_by("pk")[before:]
        who = officer.member.member_ref
        assert [(a.by, a.what) for a in accesses] == [(who, "exported")] * 2

    @pytest.mark.parametrize(
        ("values", "problem"),
        [
            ({"region": "mars"}, "not one of the available choices"),
            ({"since": "x"}, "Enter a valid date"),
            ({"until": ""}, "This field is required"),
            ({"since": TODAY, "until": SINCE}, "after it ends"),
            ({"member_ref": "nobody"}, "no such member"),
            ({"member_ref": "a\x00b"}, "Null characters"),
            ({"member_ref": "x" * 10_000}, "at most 64"),
        ],
    )
    def test_bad_input(self, officer, values, problem):
        assert problem in officer.post(MAKE, SENT | values).content.decode()
        assert not EvidencePack.objects.exists()

    @pytest.mark.parametrize(
        ("role", "reads"),
        [(role, role == Role.AUDITOR) for role in Role if role != Role.PRIVACY_OFFICER],
    )
    def test_others_make_none_and_auditors_read_them(self, staff, pack, role, reads):
        browser = staff(role)
        assert browser.post(MAKE, SENT).status_code == 403
        assert browser.get(MAKE).status_code == 403
        assert browser.get(self.file(pack)).status_code == (200 if reads else 403)
        assert EvidencePack.objects.count() == 1

    def test_members_get_none(self, client, member, pack):
        client.force_login(member)
        assert client.get(self.file(pack)).status_code == 302

    def test_the_record_stays(self, officer, pack):
        with pytest.raises(IntegrityError), transaction.atomic():
            EvidencePack.objects.update(asked_by="nobody")
        with pytest.raises(IntegrityError), transaction.atomic():
            EvidencePack.objects.all().delete()
        path = reverse("admin:desk_evidencepack_delete", args=[pack.pk])
        assert officer.post(path, {"post": "yes"}).status_code == 403

    def test_purged_after_a_time(self, officer, pack):
        now = timezone.now()
        assert packing.purge(now) == 0
        assert packing.purge(now + timedelta(days=31)) == 1
        assert not packing.file_of(pack).exists()
        assert officer.get(self.file(pack)).status_code == 404
        assert EvidencePack.objects.get().sha256 == pack.sha256
        assert packing.purge(now + timedelta(days=31)) == 0

    def test_it_goes_with_the_member(self, officer, busy):
        packing.ask(scope(member_ref="anna-71"), by="jo")
        packing.make_due()
        pack = EvidencePack.objects.get()
        assert officer.get(self.file(pack)).status_code == 200
        erase(Member.objects.get(member_ref="anna-71").pk)
        assert officer.get(self.file(pack)).status_code == 404
        assert packing.purge(timezone.now()) == 1
        assert not packing.file_of(pack).exists()


@pytest.mark.usefixtures("packs")
class TestMaking:
    def test_one_at_a_time_and_again_after_a_kill(self, busy):
        pack = packing.ask(scope(), by="jo")
        now = timezone.now()
        EvidencePack.objects.update(leased_until=now + packing.LEASE)
        packing.make_due()
        assert EvidencePack.objects.get().finished_at is None
        EvidencePack.objects.update(leased_until=now)  # whoever made it is dead
        packing.make_due()
        assert EvidencePack.objects.get().is_there
        stale = EvidencePack.objects.get(pk=pack.pk)
        packing.make(stale)  # a message that came twice
        assert EvidencePack.objects.get().finished_at == stale.finished_at

    def test_a_member_who_left_meanwhile(self, busy):
        packing.ask(scope(member_ref="anna-71"), by="jo")
        EvidencePack.objects.update(member_ref="gone")
        packing.make_due()
        pack = EvidencePack.objects.get()
        assert (pack.error, pack.is_there) == (
            "There is no such member, or they were erased.",
            False,
        )

    def test_what_goes_wrong_is_said_and_leaves_no_file(self, busy, monkeypatch, settings):
        def broken():
            raise RuntimeError("anna-71@example.org")

        monkeypatch.setattr("desk.pack_parts.findings", broken)
        packing.ask(scope(), by="jo")
        packing.make_due()
        pack = EvidencePack.objects.get()
        assert (pack.step, pack.error) == ("not made", "See the log.")
        assert list(settings.PACKS_FOLDER.iterdir()) == []

    def test_progress_is_shown(self, busy, monkeypatch):
        seen = []
        original = packing.write_pack

        def spy(path, scope, *, on_step, **rest):
            def step(words):
                on_step(words)
                seen.append(EvidencePack.objects.get().step)

            return original(path, scope, on_step=step, **rest)

        monkeypatch.setattr(packing, "write_pack", spy)
        packing.ask(scope(), by="jo")
        packing.make_due()
        assert seen[0] == "1 of 10: notices"
        assert seen[-1] == "writing the file"


def test_scopes():
    with pytest.raises(PackError, match="no region"):
        scope(region="eu")
    assert scope().ends - scope().begins == timedelta(days=31)


def test_reasons_of_others_are_not_in_anything(busy):
    assert RolloutChange.objects.filter(
        reason__contains="anna-71"
    ).exists()  # the test above is real
