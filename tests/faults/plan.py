"""How often each fault is made, in the full run and in the short one."""

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Plan:
    """``kills`` are of each kind: worker, relay in mid-batch, beat, web."""

    name: str = "full"
    limit: float = 1_500.0
    """Seconds after which the run is given up."""
    kills: int = 50
    restarts: int = 20
    cuts: int = 20
    valkey_kills: int = 12
    rabbitmq_kills: int = 8
    store_seconds: float = 5.0
    deliveries: int = 1_000
    toggles: int = 10
    damaged: int = 100
    seeds: int = 50
    mails: int = 20_000
    sender_kills: int = 50
    mail_server_kills: int = 10


FULL = Plan()
SHORT = replace(
    FULL,
    name="short",
    limit=300.0,
    kills=4,
    restarts=2,
    cuts=4,
    valkey_kills=2,
    rabbitmq_kills=1,
    store_seconds=1.5,
    deliveries=200,
    damaged=40,
    seeds=4,
    mails=2_000,
    sender_kills=5,
    mail_server_kills=2,
)
PLANS = {"full": FULL, "short": SHORT}
