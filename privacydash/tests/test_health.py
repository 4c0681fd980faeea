from datetime import timedelta

import pytest
from django.db import DatabaseError
from django.utils import timezone

from privacydash import health
from privacydash.celery import app
from propagation.models import Heartbeat

pytestmark = pytest.mark.django_db


def beat(seconds_ago=0):
    at = timezone.now() - timedelta(seconds=seconds_ago)
    Heartbeat.objects.update_or_create(name="sweep", defaults={"seen_at": at})


def test_healthz_asks_nobody(client, django_assert_num_queries):
    with django_assert_num_queries(0):
        assert client.get("/healthz").json() == {"status": "ok"}


def test_ready(client):
    beat()
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json() == {"status": "ok", "database": "ok", "broker": "ok", "beat": "ok"}


def test_beat_never_seen(client):
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["beat"]) == (503, "never seen")


def test_beat_late(client):
    beat(seconds_ago=60)
    assert client.get("/readyz").json()["beat"].startswith("last seen")


def test_broker_away(client, monkeypatch):
    beat()
    monkeypatch.setattr(app.conf, "broker_url", "redis://:hunter2@127.0.0.1:1/0")
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["broker"].startswith("unreachable")
    assert "hunter2" not in answer.content.decode()


def test_database_away(client, monkeypatch):
    def fail():
        raise DatabaseError("could not connect to hunter2@db")

    monkeypatch.setattr(health, "_database", fail)
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["database"]) == (503, "database unreachable")


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_only_looking(client, path):
    assert client.post(path).status_code == 405
