"""``python -m tests.faults``: FAULTS=full or short, SEED=a number.

FAULTS_ONLY=kills,databases,crashes,brokers,stores,deliveries,repairs,mails makes some of it. A full
run of everything, whatever it finds, writes its table into docs/reliability.md.
"""

import json
import os
import random
import secrets
import shutil
import signal
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

import psycopg

from tests.faults import brokers, crashes, databases, deliveries, failing, mails, processes, repairs
from tests.faults.leftovers import Guard, keep_logs
from tests.faults.members import Crowd, Member
from tests.faults.plan import FULL, PLANS, Plan
from tests.faults.report import Result, Run, say, table, write
from tests.faults.run import WATCH_TABLE, Bench, GivenUp
from tests.faults.site import BASE, REDIS, SQL, Site
from tests.faults.watch import Watch
from tests.servers import ServerMissingError

MEMBERS, THREADS, PAUSE = 90, 5, 0.1
DOCS = BASE / "docs" / "reliability.md"
RIGHT = "right in the end, cursor never past an unconfirmed choice, others unhurt"
SAVED = "every acknowledged choice in ledger and stores"
LATE = "late at most, nothing lost"


def main() -> int:
    plan = PLANS[os.environ.get("FAULTS") or "full"]
    seed = int(os.environ.get("SEED") or secrets.randbelow(10**6))
    say(f"FAULTS={plan.name} SEED={seed}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    started, load = time.monotonic(), os.getloadavg()[0]
    folder = Path(tempfile.mkdtemp(prefix="faults-"))
    folder.chmod(0o755)
    results: list[Result] = []
    notes: list[str] = []
    whole = not os.environ.get("FAULTS_ONLY")
    guard = Guard(folder)
    with ExitStack() as stack:
        stack.callback(_remove, folder, results)
        bench = _set_up(folder, stack, plan, seed)
        with psycopg.connect(bench.site.postgres.url()) as connection:
            version = connection.info.server_version
        try:
            _break_everything(bench, results, notes)
        except GivenUp as error:
            whole = False
            results.append(Result("the rest", "", "", str(error), ["not tried"]))
        results.append(_conclude(bench))
    if left := guard.end():
        results[-1].findings.append(f"left over: {'; '.join(left)}")
    seconds = time.monotonic() - started
    postgres = f"{version // 10_000}.{version % 10_000}"
    run = Run(plan.name, seed, seconds, postgres, tuple(notes), load)
    say("", table(results), "", run.line(), *notes)
    if plan is FULL and whole:
        write(DOCS, results, run)
    return 1 if any(result.findings for result in results) else 0


def _remove(folder: Path, results: list[Result]) -> None:
    """Logs are kept where something did not hold."""
    if results and not any(result.findings for result in results):
        shutil.rmtree(folder, ignore_errors=True)
    else:
        say(f"What was said by all processes is kept in {folder / 'logs'}")
        keep_logs(folder)


def _set_up(folder: Path, stack: ExitStack, plan: Plan, seed: int) -> Bench:
    site = Site(folder, stack)
    made = site.manage("-m", "tests.faults.prepare", str(MEMBERS))
    assert not made.returncode, made.stderr[-2000:]
    sessions = json.loads(made.stdout)
    with psycopg.connect(site.postgres.url("stores")) as connection:
        connection.execute(WATCH_TABLE)
    site.start_all()
    members = [Member(ref, session, site.port) for ref, session in sessions.items()]
    crowd = Crowd(members, THREADS, PAUSE, seed)
    watch = Watch(site)
    stack.callback(watch.stop)
    crowd.start()
    stack.callback(crowd.ending.set)
    stack.callback(crowd.giving_up.set)
    watch.start()
    deadline = time.monotonic() + plan.limit
    bench = Bench(site, crowd, watch, plan, random.Random(seed), deadline)
    bench.until_saved(60)
    return bench


def _break_everything(bench: Bench, results: list[Result], notes: list[str]) -> None:
    only = set((os.environ.get("FAULTS_ONLY") or "").split(",")) - {""}

    def part(name: str) -> bool:
        bench.in_time()
        return not only or name in only

    def make(fault: str, times: str, must: str, action: object, *more: object) -> None:
        bench.in_time()
        result = Result(fault, times, must)
        results.append(result)
        bench.make(result, lambda result: action(bench, result, *more))  # type: ignore[operator]

    if part("kills"):
        make("SIGKILL of worker, relay in mid-batch, beat, web", "", SAVED,
             processes.kill_processes)  # fmt: skip
    if part("databases"):
        must = "none lost, none doubled; an unknown outcome is settled by the request id"
        make("PostgreSQL: immediate stop, start", "", must, databases.restart_database)
        make("connection cut during COMMIT", "", must, databases.cut_connections)
    crashing = crashes.start_crashes(bench) if part("crashes") else None
    if part("brokers"):
        make("broker killed (Valkey)", "", LATE, brokers.kill_valkey)
        make("broker emptied (Valkey, FLUSHALL)", "1", LATE, brokers.empty_valkey)
        _with_rabbitmq(bench, results, notes, make)
    if crashing:
        left = max(1.0, bench.deadline - time.monotonic())
        make("crash points in sequence × seeds", "", f"{SAVED}; each point fired",
             crashes.crashes, crashing, left)  # fmt: skip
    if part("stores"):
        make("store down", "2", RIGHT, failing.down)
        make("store slow (drips)", "1", RIGHT, failing.answering_badly("drips"))
        make("store resets connections", "1", RIGHT, failing.answering_badly("resets"))
        applies = failing.answering_badly("applies and times out")
        make("store applies, then times out", "1", RIGHT, applies)
        make("store refuses one member", "1", RIGHT, failing.refuses)
        make("store answers 200 and forgets", "1", "right in the end", failing.forgets)
    if part("deliveries"):
        make("members × toggles × deliveries, shuffled", "", "0 regressions in any store",
             deliveries.shuffled_deliveries)  # fmt: skip
    if part("mails"):
        make("campaign of mails: sender and mail server killed", "",
             "0 not sent; doubled: at most those on their way at a kill",
             mails.mails_under_kills)  # fmt: skip
    if part("repairs"):
        for alias, name in ((SQL, "SQL"), (REDIS, "Redis")):
            make(f"{name} store: rows edited, deleted, added", "",
                 "all found and repaired in one cycle", repairs.damage(alias))  # fmt: skip
            make(f"{name} store restored from an older copy", "1", "repaired, reported",
                 repairs.restore_older(alias))  # fmt: skip


def _with_rabbitmq(bench: Bench, results: list[Result], notes: list[str], make: object) -> None:
    try:
        server = brokers.with_rabbitmq(bench, bench.site.folder / "rabbitmq")
    except ServerMissingError as error:
        notes.append(f"**RabbitMQ was not tried: {error}.** The broker was Valkey alone.")
        say(notes[-1].upper())
        return
    assert callable(make)
    make("broker killed (RabbitMQ)", "", LATE, brokers.kill_rabbitmq, server)
    make("broker emptied (RabbitMQ, purge)", "1", LATE, brokers.empty_rabbitmq, server)


def _conclude(bench: Bench) -> Result:
    """Nothing is broken any more: settle all, and compare once more, with verify_ledger too."""
    result = Result("all of it", "", "nothing lost, doubled or out of order; stores equal")

    def conclude(_: Result) -> str:
        clicks = bench.crowd.stop()
        made = bench.site.manage("manage.py", "verify_ledger")
        if made.returncode:
            result.findings.append(f"verify_ledger: {made.stderr[-500:]}")
        outcomes = bench.crowd.outcomes
        retried = outcomes["settled by the request id"]
        return (
            f"{outcomes['saved']:,} choices saved, {outcomes['forged and refused']} forged and "
            f"refused, {outcomes['unknown']} unknown answers, {retried} choices settled by the "
            f"request id; {len(clicks):,} requests and {bench.watch.samples:,} looks at stores "
            "checked"
        )

    return bench.make(result, conclude)


if __name__ == "__main__":
    sys.exit(main())
