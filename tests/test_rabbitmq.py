"""From click to store with RabbitMQ as the broker."""

import uuid

import pytest
from kombu import Connection

from tests.site import Browser, running_site, wait_for

pytestmark = [pytest.mark.processes, pytest.mark.timeout(120)]


def test_from_click_to_store(rabbitmq_url, tmp_path):
    queue = f"privacydash-test-{uuid.uuid4().hex}"
    try:
        with running_site(
            tmp_path / "data",
            PRIVACYDASH_MODE="embedded",
            CELERY_BROKER_URL=rabbitmq_url,
            CELERY_QUEUE=queue,
        ) as site:
            assert "broker" not in site.children()
            browser = Browser(site)
            browser.sign_in("mary@demo.example")
            browser.choose("objected")
            wait_for(
                lambda: "All systems have confirmed" in browser.get("/confirmations/"),
                what="all stores have confirmed",
            )
            assert site.stored("demo-5") == "objected"
            wait_for(lambda: site.health().get("status") == "ok", what="ready")
            with Connection(rabbitmq_url) as broker:
                # Raises unless the queue is there, and is a quorum queue.
                broker.default_channel.queue_declare(
                    queue, durable=True, auto_delete=False, arguments={"x-queue-type": "quorum"}
                )
    finally:
        with Connection(rabbitmq_url) as broker:
            broker.default_channel.queue_delete(queue)
