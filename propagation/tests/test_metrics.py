"""What Prometheus reads, and who may."""

import re
from datetime import timedelta

import pytest
from django.conf import settings
from django.core.checks import run_checks
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

from ledger.seal import seal_all
from propagation.models import Heartbeat, Reconciliation
from propagation.pausing import pause
from propagation.relay import relay
from propagation.tests import stores
from propagation.tests.stores import refuses
from tests.people import choose

pytestmark = pytest.mark.django_db
TOKEN = "t" * 40


@pytest.fixture(autouse=True)
def _memory_store(settings):
    stores.reset()
    settings.METRICS_TOKEN = ""
    settings.DATA_STORES = {
        "memory": {
            "BACKEND": "propagation.tests.stores.MemoryStore",
            "LABEL": "Memory",
            "SLA": timedelta(minutes=15),
        }
    }


def in_order(labels):
    return [labels[name] for name in ("store", "partition", "kind") if name in labels]


@pytest.fixture
def scrape(client):
    """Gives each sample's value under its name and labels."""

    def read():
        text = client.get("/metrics").content.decode()
        return {
            (sample.name.removeprefix("privacydash_"), *in_order(sample.labels)): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }

    return read


def test_a_store_that_is_behind_and_late(scrape):
    choose("anna", recorded_at=timezone.now() - timedelta(minutes=20))
    choose("ben")
    seal_all(0)
    pause("memory", by="olga", reason="away")
    found = scrape()
    lane = ("memory", "0")
    assert found["store_lag_choices", *lane] == 2
    assert 1_200 <= found["store_lag_seconds", *lane] < 1_260
    assert found["store_sla_seconds", *lane] == 900
    assert found["store_overdue", *lane] == 1
    assert found["store_paused", *lane] == 1
    assert found["store_position", *lane] == 0
    assert ("store_confirmed_timestamp_seconds", *lane) not in found
    assert found["sealed_timestamp_seconds", "0"] > timezone.now().timestamp() - 60


def test_a_store_that_is_well(scrape):
    refuses.add("ben")
    choose("anna")
    choose("ben")
    seal_all(0)
    relay("memory")
    found = scrape()
    lane = ("memory", "0")
    assert found["store_lag_choices", *lane] == 0
    assert found["store_overdue", *lane] == 0
    assert found["store_parked_choices", *lane] == 1
    assert found["store_failures", *lane] == 0
    assert found["store_position", *lane] == 2
    assert found["store_confirmed_timestamp_seconds", *lane] > timezone.now().timestamp() - 60


def test_a_dead_sealer(scrape):
    choose("anna", recorded_at=timezone.now() - timedelta(minutes=20))
    found = scrape()
    assert found["unsealed_seconds", "0"] >= 1_200
    assert found["store_overdue", "memory", "0"] == 1


def test_every_partition(scrape, settings):
    settings.LEDGER_PARTITIONS = 3
    found = scrape()
    assert {key[2] for key in found if key[0] == "store_overdue"} == {"0", "1", "2"}


def test_the_last_comparison_that_came_to_its_end(scrape):
    now = timezone.now()
    common = {"store": "memory", "kind": "full", "started_at": now, "alive_until": now}
    Reconciliation.objects.create(**common, finished_at=now, missing=2, edited=1)
    Reconciliation.objects.create(**common, finished_at=now, error="cut off")
    Reconciliation.objects.create(**common)
    found = scrape()
    assert found["store_drift", "memory", "full"] == 3
    assert found["store_reconciled_timestamp_seconds", "memory", "full"] == pytest.approx(
        now.timestamp()
    )
    assert ("store_drift", "memory", "sample") not in found


def test_the_last_sweep(scrape):
    assert ("sweep_timestamp_seconds",) not in scrape()
    Heartbeat.objects.create(name="sweep", seen_at=timezone.now())
    assert ("sweep_timestamp_seconds",) in scrape()


def test_the_example_rules_ask_for_metrics_that_there_are(client):
    rules = (settings.BASE_DIR / "docs/alerts.yml").read_text()
    asked = set(re.findall(r"privacydash_\w+", rules))
    text = client.get("/metrics").content.decode()
    assert len(asked) > 8
    assert asked <= {family.name for family in text_string_to_metric_families(text)}


def test_holds_nothing_about_members(client):
    refuses.add("anna-4711")
    choose("anna-4711")
    seal_all(0)
    relay("memory")
    assert b"anna-4711" not in client.get("/metrics").content


class TestAccess:
    def test_embedded_open_on_the_machine_itself(self, client):
        answer = client.get("/metrics")
        assert answer.status_code == 200
        assert answer["Content-Type"].startswith("text/plain")
        assert "no-store" in answer["Cache-Control"]
        assert client.get("/metrics", REMOTE_ADDR="192.0.2.7").status_code == 404
        assert client.get("/metrics", REMOTE_ADDR="").status_code == 404

    def test_production_without_a_token_has_no_such_page(self, client, settings):
        settings.EMBEDDED = False
        assert client.get("/metrics").status_code == 404

    @pytest.mark.parametrize(
        "given", [None, "", TOKEN, f"Basic {TOKEN}", "Bearer wrong", "Bearer ", "Bearer ü"]
    )
    def test_without_the_right_token(self, client, settings, given):
        settings.METRICS_TOKEN = TOKEN
        headers = {} if given is None else {"Authorization": given}
        answer = client.get("/metrics", headers=headers)
        assert (answer.status_code, answer["WWW-Authenticate"]) == (401, "Bearer")
        assert b"privacydash_" not in answer.content

    def test_with_the_token(self, client, settings):
        settings.EMBEDDED = False
        settings.METRICS_TOKEN = TOKEN
        answer = client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
        assert answer.status_code == 200

    def test_nothing_but_reading(self, client):
        assert client.post("/metrics").status_code == 405


def test_a_deployment_that_nobody_watches_is_warned_about(settings):
    settings.METRICS_TOKEN, settings.ALERT_RECIPIENTS = "", []
    found = {message.id for message in run_checks(include_deployment_checks=True)}
    assert {"propagation.W002", "propagation.W003"} <= found
    settings.METRICS_TOKEN, settings.ALERT_RECIPIENTS = TOKEN, ["duty@example.org"]
    found = {message.id for message in run_checks(include_deployment_checks=True)}
    assert not {"propagation.W002", "propagation.W003"} & found
