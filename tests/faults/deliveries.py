"""Ten toggles of each member, each delivered three times, in no order at all."""

import random
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import redis

from propagation.choice import Choice
from propagation.stores.base import Store
from propagation.stores.redis import RedisStore
from propagation.stores.sql import SqlStore
from propagation.stores.webhook import WebhookStore
from tests.faults.checker import check_never_back
from tests.faults.receiver import SECRET
from tests.faults.report import Result
from tests.faults.run import WATCH_TABLE, Bench
from tests.faults.site import PURPOSE, Held, redis_held, sql_held

THREADS = 3
START = datetime(2026, 3, 1, tzinfo=UTC)

type Reader = Callable[[], Held]


def shuffled_deliveries(bench: Bench, result: Result) -> str:
    """To each kind of store's own ``write``, on a database of its own on the real servers."""
    site, plan = bench.site, bench.plan
    site.postgres.create("deliveries")
    url = site.postgres.url("deliveries")
    redis_url = site.redis_server.url.removesuffix("/0") + "/2"
    receiver = bench.receiver()
    client = redis.Redis.from_url(redis_url)
    stores: dict[str, tuple[Store, Reader]] = {
        "SQL": (SqlStore(url), lambda: sql_held(url)),
        "Redis": (RedisStore(redis_url), lambda: redis_held(client)),
        "webhook": (WebhookStore(receiver.url, [SECRET], True), receiver.held),
    }
    stores["SQL"][0].check()
    with psycopg.connect(url) as connection:
        connection.execute(WATCH_TABLE)
    batches = 0
    for name, (store, read) in stores.items():
        bench.in_time()
        work = _batches(plan.deliveries, plan.toggles, random.Random(bench.dice.random()))
        batches += len(work)
        result.findings += _deliver(name, store, read, work)
        result.findings += _wrong(name, read(), plan.deliveries, plan.toggles)
    with psycopg.connect(url) as connection:
        seen: Any = connection.execute("SELECT count(*) FROM regressions").fetchone()
    if seen[0]:
        result.findings.append(f"SQL: {seen[0]} rows went back to an older revision")
    client.close()
    total = 3 * plan.deliveries * plan.toggles
    result.times = f"{plan.deliveries:,} × {plan.toggles} × 3"
    return f"{total:,} deliveries to each of 3 stores, {batches} batches in {THREADS} threads"


def _batches(members: int, toggles: int, dice: random.Random) -> list[list[Choice]]:
    """All deliveries, shuffled, cut where a member would come twice into a batch."""
    words = ("allowed", "objected")
    deliveries = 3 * [
        Choice(f"m{n:04}", PURPOSE, words[r % 2], r, START + timedelta(minutes=r))
        for n in range(members)
        for r in range(1, toggles + 1)
    ]
    dice.shuffle(deliveries)
    batches: list[list[Choice]] = [[]]
    inside: set[str] = set()
    for choice in deliveries:
        if choice.member_ref in inside:
            batches.append([])
            inside.clear()
        batches[-1].append(choice)
        inside.add(choice.member_ref)
    return batches


def _deliver(name: str, store: Store, read: Reader, work: list[list[Choice]]) -> list[str]:
    """Write from several threads at once, and look all the while whether anything goes back."""
    findings: list[str] = []
    done = threading.Event()

    def look() -> None:
        before: Held = {}
        while not done.wait(0.02):
            held = read()
            findings.extend(check_never_back(name, before, held))
            before = held

    looking = threading.Thread(target=look, daemon=True)
    looking.start()
    try:
        with ThreadPoolExecutor(THREADS) as pool:
            list(pool.map(store.write, work))
    finally:
        done.set()
        looking.join(10)
    return findings


def _wrong(name: str, held: Held, members: int, toggles: int) -> list[str]:
    word = ("allowed", "objected")[toggles % 2]
    expected = {(f"m{n:04}", PURPOSE): (toggles, word) for n in range(members)}
    wrong = [key for key in expected.keys() | held.keys() if held.get(key) != expected.get(key)]
    return [f"{name}: {len(wrong)} of {members} members ended wrong"] if wrong else []
