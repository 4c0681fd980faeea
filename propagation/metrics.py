"""``/metrics`` for Prometheus: computed from the database at each scrape, so that it is also right
with no worker running. Holds counts and times of stores, and nothing about a member."""

import hmac
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from ipaddress import ip_address

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from ledger.models import Entry, Head
from propagation.models import Heartbeat, Reconciliation
from propagation.report import Standing, standings

PREFIX = "privacydash_"
OTHERS: dict[str, Callable[[datetime], Iterable[GaugeMetricFamily]]] = {}
"""What else there is to measure, by name. Apps above add theirs in `AppConfig.ready`."""


@require_safe
@never_cache
def metrics(request: HttpRequest) -> HttpResponse:
    if not settings.METRICS_TOKEN:
        if not (settings.EMBEDDED and _is_local(request)):
            raise Http404
    elif not _has_token(request):
        return HttpResponse(status=401, headers={"WWW-Authenticate": "Bearer"})
    registry = CollectorRegistry()
    registry.register(FromDatabase())
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


def _is_local(request: HttpRequest) -> bool:
    try:
        return ip_address(request.META["REMOTE_ADDR"]).is_loopback
    except ValueError:
        return False


def _has_token(request: HttpRequest) -> bool:
    given = request.headers.get("Authorization", "").encode("utf-8", "replace")
    return hmac.compare_digest(given, f"Bearer {settings.METRICS_TOKEN}".encode())


class FromDatabase(Collector):
    def describe(self) -> Iterable[GaugeMetricFamily]:
        return []  # registering must not query

    def collect(self) -> Iterator[GaugeMetricFamily]:
        now = timezone.now()
        yield from _of_stores(list(standings()), now)
        yield from _of_sealing(now)
        yield from _of_reconciling()
        swept = gauge("sweep_timestamp_seconds", "When a worker last looked for work.", [])
        for heartbeat in Heartbeat.objects.filter(name="sweep"):
            swept.add_metric([], heartbeat.seen_at.timestamp())
        yield swept
        for others in OTHERS.values():
            yield from others(now)


def _of_stores(found: list[Standing], now: datetime) -> Iterator[GaugeMetricFamily]:
    known = [standing for standing in found if standing.sla is not None]
    measures: dict[str, tuple[str, Callable[[Standing], float]]] = {
        "lag_choices": ("Sealed choices that the store has not confirmed.", lambda s: s.behind),
        "lag_seconds": (
            "Age of the oldest choice that the store does not have, sealed or not; 0 if none.",
            lambda s: age(s.waiting_since, now),
        ),
        "sla_seconds": (
            "Within this time of a choice the store has it.",
            lambda s: _seconds(s.sla),
        ),
        "overdue": ("1 if a choice waits for longer than the SLA.", lambda s: s.late),
        "parked_choices": ("Choices that the store refuses.", lambda s: s.parked),
        "failures": ("Failures in a row, since the last success.", lambda s: s.cursor.failures),
        "paused": ("1 while staff keep the relay away.", lambda s: s.pause is not None),
        "position": ("The position up to which all is confirmed.", lambda s: s.cursor.position),
    }
    for name, (text, measure) in measures.items():
        family = gauge(f"store_{name}", text, ["store", "partition"])
        for standing in known:
            family.add_metric(_labels(standing), float(measure(standing)))
        yield family
    confirmed = gauge(
        "store_confirmed_timestamp_seconds", "When it last confirmed.", ["store", "partition"]
    )
    for standing in known:
        if standing.cursor.confirmed_at:
            confirmed.add_metric(_labels(standing), standing.cursor.confirmed_at.timestamp())
    yield confirmed


def _of_sealing(now: datetime) -> Iterator[GaugeMetricFamily]:
    sealed = gauge("sealed_timestamp_seconds", "When choices were last sealed.", ["partition"])
    waiting = gauge("unsealed_seconds", "Age of the oldest unsealed choice.", ["partition"])
    heads = {head.partition: head for head in Head.objects.all()}
    for partition in sorted({*heads, *range(settings.LEDGER_PARTITIONS)}):
        head = heads.get(partition)
        if head and head.sealed_at:
            sealed.add_metric([str(partition)], head.sealed_at.timestamp())
        oldest = Entry.objects.unsealed(partition).first()
        waiting.add_metric([str(partition)], age(oldest.recorded_at if oldest else None, now))
    yield from (sealed, waiting)


def _of_reconciling() -> Iterator[GaugeMetricFamily]:
    when = gauge(
        "store_reconciled_timestamp_seconds",
        "When the store was last compared with the ledger to the end.",
        ["store", "kind"],
    )
    drift = gauge("store_drift", "Differences that this comparison found.", ["store", "kind"])
    for alias in settings.DATA_STORES:
        for kind in Reconciliation.Kind:
            done = Reconciliation.objects.finished().filter(kind=kind, error="").newest(alias)
            if done and done.finished_at:
                when.add_metric([alias, kind.value], done.finished_at.timestamp())
                drift.add_metric([alias, kind.value], done.drift)
    yield from (when, drift)


def gauge(name: str, text: str, labels: list[str]) -> GaugeMetricFamily:
    return GaugeMetricFamily(PREFIX + name, text, labels=labels)


def _labels(standing: Standing) -> list[str]:
    return [standing.cursor.store, str(standing.cursor.partition)]


def age(moment: datetime | None, now: datetime) -> float:
    return max(0.0, (now - moment).total_seconds()) if moment else 0.0


def _seconds(length: timedelta | None) -> float:
    return length.total_seconds() if length else 0.0
