"""Health for load balancers (`/healthz`) and for whoever watches the whole (`/readyz`)."""

from collections.abc import Callable
from datetime import timedelta

from django.db import DatabaseError, connection
from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from kombu import Connection

from privacydash.celery import app
from propagation.models import Heartbeat

BEAT_LATE = timedelta(seconds=30)


@require_safe
@never_cache
def healthz(request: HttpRequest) -> JsonResponse:
    """The process is up. Asks nobody else, so that a broker away takes no web server away."""
    return JsonResponse({"status": "ok"})


@require_safe
@never_cache
def readyz(request: HttpRequest) -> JsonResponse:
    """Everything that takes a choice and carries it on is there; 503 if not, and what is not."""
    checks = {"database": _database, "broker": _broker, "beat": _beat}
    results = {name: _state(check) for name, check in checks.items()}
    ready = all(state == "ok" for state in results.values())
    return JsonResponse(
        {"status": "ok" if ready else "unavailable", **results}, status=200 if ready else 503
    )


def _state(check: Callable[[], str]) -> str:
    try:
        return check()
    except DatabaseError:
        return "database unreachable"
    except Exception as error:  # noqa: BLE001 — each transport has errors of its own
        # The type only: a broker's message may hold its address with the password.
        return f"unreachable ({type(error).__name__})"


def _database() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return "ok"


def _broker() -> str:
    with Connection(
        app.conf.broker_url,
        connect_timeout=2,
        transport_options={**app.conf.broker_transport_options, "socket_connect_timeout": 2},
    ) as broker:
        broker.ensure_connection(max_retries=1, interval_start=0, timeout=2)
    return "ok"


def _beat() -> str:
    beat = Heartbeat.objects.filter(name="sweep").first()
    if beat is None:
        return "never seen"
    age = timezone.now() - beat.seen_at
    return "ok" if age < BEAT_LATE else f"last seen {beat.seen_at:%Y-%m-%d %H:%M:%S} UTC"
