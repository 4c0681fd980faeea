"""Starts `crashing` on a database and stores of its own, beside the site, and reads its result."""

import json
import signal
import subprocess
import sys
from typing import Any

from tests.faults.crashing import POINTS
from tests.faults.receiver import SECRET
from tests.faults.report import Result
from tests.faults.run import Bench
from tests.faults.site import BASE, STORE_TIMEOUT
from tests.servers import _die_with_parent

DATABASE = "crashes"
PREPARE = ("-m", "tests.faults.prepare", "0")


def start_crashes(bench: Bench) -> "subprocess.Popen[str]":
    site = bench.site
    site.postgres.create(DATABASE)
    url = site.postgres.url(DATABASE)
    redis_url = site.redis_server.url.removesuffix("/0") + "/1"
    receiver = bench.receiver()
    options: dict[str, dict[str, Any]] = {
        "sql": {"url": url, "timeout": STORE_TIMEOUT},
        "redis": {"url": redis_url, "timeout": STORE_TIMEOUT},
        "webhook": {"url": receiver.url, "secrets": [SECRET], "allow_private": True},
    }
    classes = {
        "sql": "sql.SqlStore",
        "redis": "redis.RedisStore",
        "webhook": "webhook.WebhookStore",
    }
    stores = {
        alias: {
            "BACKEND": f"propagation.stores.{classes[alias]}",
            "LABEL": alias,
            "SLA": 900,
            "OPTIONS": options[alias],
        }
        for alias in options
    }
    values = {
        "DATABASE_URL": url,
        "DATA_STORES": json.dumps(stores),
        "CELERY_BROKER_URL": "memory://",
    }
    made = site.manage(*PREPARE, **values)
    assert not made.returncode, made.stderr[-500:]
    log = (site.folder / "logs" / "crashing.log").open("w")
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.faults.crashing"],
        cwd=BASE,
        env=site.environment(direct=True, **values),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=log,
        text=True,
        preexec_fn=lambda: _die_with_parent(signal.SIGKILL),  # noqa: PLW1509
    )
    site.stack.callback(process.kill)
    given = {
        "seeds": bench.plan.seeds,
        "seed": bench.dice.getrandbits(32),
        "database": url,
        "sql": url,
        "redis": redis_url,
        "receiver": str(receiver.path),
    }
    assert process.stdin
    process.stdin.write(json.dumps(given))
    process.stdin.close()
    return process


def crashes(bench: Bench, result: Result, process: "subprocess.Popen[str]", seconds: float) -> str:
    bench.crowd.rest()  # nothing else is broken now, and it only takes turns of the processor
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        result.findings.append(f"the sequences were not done within {seconds:.0f} s")
        return ""
    assert process.stdout
    said = process.stdout.read()
    if process.returncode:
        log = (bench.site.folder / "logs" / "crashing.log").read_text()
        result.findings.append(f"the sequences ended with {process.returncode}: {log[-500:]}")
        return ""
    found = json.loads(said)
    result.findings += found["findings"]
    fired = {point: found["fired"].get(point, 0) for point in POINTS}
    short = [point for point, count in fired.items() if count < bench.plan.seeds]
    result.findings += [f"{point} fired {fired[point]} times only" for point in short]
    result.times = f"{len(POINTS)} × {bench.plan.seeds}"
    return (
        f"each of the {len(POINTS)} points fired {min(fired.values())} times, "
        f"{sum(fired.values())} SIGKILLs; {found['choices']} choices saved"
    )
