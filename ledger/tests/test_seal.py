import threading

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction

from ledger.models import CurrentChoice, Entry, Head
from ledger.seal import partitions, seal, seal_all
from ledger.triggers import ENTRIES
from ledger.verify import findings
from tests.people import choose, toggle

pytestmark = pytest.mark.django_db


def positions():
    return list(Entry.objects.order_by("position").values_list("position", flat=True))


def test_positions_are_gapless_over_batches():
    for number in range(7):
        choose(f"m{number}")
    assert [seal(0, limit=3) for _ in range(4)] == [3, 3, 1, 0]
    assert positions() == [1, 2, 3, 4, 5, 6, 7]
    assert Head.objects.get(partition=0).position == 7


def test_sealing_goes_on_where_it_ended():
    choose("anna")
    seal_all(0)
    toggle("ben", 3)
    assert seal_all(0) == 3
    assert positions() == [1, 2, 3, 4]
    assert list(findings()) == []


def test_revisions_of_a_member_keep_their_order():
    toggle("anna", 20)
    seal_all(0)
    ordered = Entry.objects.order_by("position").values_list("revision", flat=True)
    assert list(ordered) == list(range(1, 21))


def test_partitions_are_sealed_apart(settings):
    settings.LEDGER_PARTITIONS = 4
    for number in range(40):
        toggle(f"m{number}", 3)
    assert partitions() == [0, 1, 2, 3]
    assert sum(seal_all(partition) for partition in partitions()) == 120
    assert all(head.position for head in Head.objects.all())
    assert list(findings()) == []


def test_a_partition_that_is_no_longer_used_is_still_sealed(settings):
    settings.LEDGER_PARTITIONS = 2
    Head.objects.create(partition=1)
    settings.LEDGER_PARTITIONS = 1
    assert partitions() == [0, 1]


@pytest.mark.django_db(transaction=True)
def test_many_sealers_and_writers_at_once_skip_nothing():
    done, errors = threading.Event(), []

    def run(action):
        try:
            action()
        except Exception as error:
            errors.append(error)
        finally:
            connection.close()

    def write(name):
        for number in range(20):
            with transaction.atomic():  # ids are taken before the commits, in another order
                choose(f"{name}-{number}")

    def keep_sealing():
        while not done.is_set():
            seal_all(0)

    writers = [threading.Thread(target=run, args=(lambda n=n: write(n),)) for n in "abcd"]
    sealers = [threading.Thread(target=run, args=(keep_sealing,)) for _ in range(3)]
    for thread in writers + sealers:
        thread.start()
    for thread in writers:
        thread.join()
    done.set()
    for thread in sealers:
        thread.join()
    seal_all(0)
    assert not errors
    assert positions() == list(range(1, 81))
    assert list(findings()) == []


class TestVerify:
    """Each kind of damage is found, and a sound ledger is called sound."""

    @pytest.fixture(autouse=True)
    def _ledger(self):
        for ref in ("anna", "ben"):
            toggle(ref, 3)
        seal_all(0)

    def damage(self, sql):
        ENTRIES.remove(connection)
        connection.cursor().execute(sql)
        ENTRIES.install(connection)

    def test_sound(self, capsys):
        call_command("verify_ledger")
        assert "6 choices sealed, 0 waiting" in capsys.readouterr().out

    @pytest.mark.parametrize(
        ("sql", "finding"),
        [
            ("DELETE FROM ledger_entry WHERE position = 2", "gap"),
            ("DELETE FROM ledger_entry WHERE position = 6", "head is not the last position"),
            ("UPDATE ledger_entry SET revision = 9 WHERE position = 3", "revisions"),
            (
                "UPDATE ledger_entry SET position = 10 - position WHERE position IN (1, 3)",
                "a later revision stands before",
            ),
            ("UPDATE ledger_entry SET decision = 'allowed' WHERE position = 1", "repeats"),
            ("UPDATE ledger_entry SET decision = 'maybe' WHERE position = 1", "unknown decision"),
            (
                "UPDATE ledger_currentchoice SET decision = 'allowed' WHERE member_ref = 'ben'",
                "current choice is not the newest",
            ),
            ("DELETE FROM ledger_currentchoice", "current choice is not the newest"),
            ("DELETE FROM ledger_head", "without a head"),
        ],
    )
    def test_damage(self, sql, finding, capsys):
        self.damage(sql)
        with pytest.raises(CommandError, match="not sound"):
            call_command("verify_ledger")
        assert finding in capsys.readouterr().err

    def test_missing_triggers(self):
        ENTRIES.remove(connection)
        with pytest.raises(CommandError):
            call_command("verify_ledger")
        ENTRIES.install(connection)

    def test_many_findings_are_cut(self):
        for number in range(30):
            choose(f"m{number}")
        CurrentChoice.objects.all().delete()
        assert len(list(findings())) == 21
