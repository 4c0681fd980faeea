"""What was kept for long enough goes; choices, histories and logs stay."""

from datetime import timedelta

import pytest
from django.core.cache import cache
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from accounts.models import MemberAccess, Session, UnusualAccess
from campaigns.models import Campaign, Walk
from desk import purging
from ledger.models import Entry
from tests.people import choose

pytestmark = pytest.mark.django_db


def cached_rows():
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM cache")
        return cursor.fetchone()[0]


def test_sessions_that_have_ended(client, member, other):
    for person in (member, other):
        client.force_login(person)
        client.cookies.clear()
    Session.objects.filter(member=member).update(expire_date=timezone.now() - timedelta(seconds=1))
    purging.purge()
    assert Session.objects.get().member == other


def test_more_than_a_batch(member, monkeypatch):
    monkeypatch.setattr(purging, "BATCH", 3)
    ended = timezone.now() - timedelta(days=1)
    Session.objects.bulk_create(
        Session(session_key=f"key{number}", session_data="", expire_date=ended)
        for number in range(10)
    )
    assert purging.purge()["sessions that have ended"] == 10
    assert not Session.objects.exists()


def test_counters_of_rate_limits():
    cache.clear()
    cache.set("old", 1, timeout=1)
    cache.set("new", 1, timeout=3600)
    cache.set("for-good", 1, timeout=None)
    purging.purge(timezone.now() + timedelta(minutes=1))
    assert cached_rows() == 2
    assert cache.get("new") == cache.get("for-good") == 1


def test_work_of_campaigns_that_have_ended(notice):
    now = timezone.now()
    ended = {"old": now - timedelta(days=91), "new": now - timedelta(days=1)}
    for name, finished_at in ended.items():
        campaign = Campaign.objects.create(
            name=name, notice=notice, state=Campaign.State.FINISHED, finished_at=finished_at
        )
        Walk.objects.create(campaign=campaign, kind=Walk.Kind.FREEZE, done_at=finished_at)
    purging.purge()
    assert Walk.objects.get().campaign.name == "new"
    assert Campaign.objects.count() == 2


def test_reports_of_unusual_access():
    now = timezone.now()
    for days in (366, 10):
        UnusualAccess.objects.create(
            kind="many",
            by="a",
            day=now - timedelta(days=days),
            members=50,
            first_at=now,
            last_at=now,
        )
    purging.purge()
    assert UnusualAccess.objects.count() == 1


def test_choices_and_the_log_of_access_stay(capsys):
    choose("anna", recorded_at=timezone.now() - timedelta(days=36_500))
    MemberAccess.objects.create(
        at=timezone.now() - timedelta(days=36_500), by="a", member_ref="anna", what="viewed"
    )
    call_command("purge")
    assert "sessions that have ended" in capsys.readouterr().out
    assert Entry.objects.count() == MemberAccess.objects.count() == 1


def test_beat_knows_the_jobs(settings):
    from privacydash.celery import app

    app.loader.import_default_modules()
    scheduled = {entry["task"] for entry in settings.CELERY_BEAT_SCHEDULE.values()}
    assert {"desk.tasks.purge", "desk.tasks.look_for_unusual"} <= scheduled <= set(app.tasks)


def test_the_tasks_do_their_work(member):
    from desk.tasks import look_for_unusual, purge

    MemberAccess.objects.create(by="a", member_ref="anna", what="viewed")
    look_for_unusual()
    Session.objects.create(
        session_key="k", session_data="", expire_date=timezone.now() - timedelta(days=1)
    )
    purge()
    assert not Session.objects.exists()
