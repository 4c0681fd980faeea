"""What all faults have in common: the site, the members, and the look at the whole after each."""

import random
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import psycopg

from tests.faults.checker import check_answers, check_ledger, check_store
from tests.faults.members import Crowd
from tests.faults.plan import Plan
from tests.faults.receiver import FaultyReceiver
from tests.faults.report import Result, say
from tests.faults.site import REDIS, SQL, WEBHOOK, NotRecovered, Site, until
from tests.faults.watch import Watch, ledger_of

ALL = (SQL, REDIS, WEBHOOK)

WATCH_TABLE = """
CREATE TABLE regressions (ref text, old bigint, new bigint);
CREATE FUNCTION note_regression() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO regressions VALUES (OLD.member_ref, OLD.revision, NEW.revision);
    RETURN NEW;
END $$;
CREATE TRIGGER note_regression BEFORE UPDATE ON privacydash_choices
FOR EACH ROW WHEN (NEW.revision < OLD.revision) EXECUTE FUNCTION note_regression();
"""
CATCH_UP = 30.0
"""Seconds in which all stores must have everything, once nothing is broken any more."""


class GivenUp(Exception):
    """The time of the whole run is over."""


@dataclass
class Bench:
    """A running site with members at work; faults are made on it one after the other."""

    site: Site
    crowd: Crowd
    watch: Watch
    plan: Plan
    dice: random.Random
    deadline: float

    def __post_init__(self) -> None:
        self.known: set[str] = set()
        self.receivers = 0

    def receiver(self) -> FaultyReceiver:
        """One more receiver, apart from the site's."""
        self.receivers += 1
        receiver = FaultyReceiver(self.site.folder / f"receiver-{self.receivers}.sqlite3")
        self.site.stack.callback(receiver.close)
        return receiver

    def in_time(self) -> None:
        if time.monotonic() > self.deadline:
            raise GivenUp("the run took too long; what was left was not tried")

    def make(self, result: Result, fault: Callable[[Result], str]) -> Result:
        """Make the fault, let everything settle, and note what is wrong then and was not before."""
        started = time.monotonic()
        say(f"{result.fault} …")
        self.watch.reset_longest()
        ended, outcomes = len(self.site.ended), self.crowd.outcomes.copy()
        try:
            result.details = fault(result)
        except (NotRecovered, TimeoutError, AssertionError) as error:
            result.findings.append(str(error) or repr(error))
        except GivenUp:
            raise
        except Exception as error:
            traceback.print_exc()
            result.findings.append(f"the suite itself failed: {error!r}")
        self._settle(result)
        result.details += self._lost(outcomes)
        if names := Counter(self.site.ended[ended:]):
            words = ", ".join(f"{name} {count} ×" for name, count in sorted(names.items()))
            result.findings.append(f"ended by themselves: {words}")
        seconds = time.monotonic() - started
        say(f"  {result.word}, {seconds:.0f} s. {result.cells()[-1]}")
        return result

    def _lost(self, before: Counter[str]) -> str:
        """How many answers members never got, and what they then learned by asking again."""
        since = self.crowd.outcomes - before
        lost, settled = since["unknown"], since["settled by the request id"]
        return f"; {lost:,} answers lost, {settled} choices settled by the request id" * bool(lost)

    def _settle(self, result: Result) -> None:
        try:
            for name in self.site.commands():
                self.site.wait_until_ready(name)
            self.crowd.rest()
            self.site.wait_until_carried(ALL, CATCH_UP)
            until(lambda: not self.parked(), CATCH_UP, "refused choices are taken")
        except (NotRecovered, TimeoutError) as error:
            result.findings.append(str(error))
        result.findings += self.new(self.everything())
        self.crowd.go_on()

    def parked(self) -> list[tuple[str, int]]:
        return [row for alias in ALL for row in self.site.parked(alias)]

    def everything(self) -> Iterable[str]:
        """The whole comparison; the members are at rest."""
        ledger = ledger_of(self.site)
        yield from check_answers(self.crowd.clicks(), ledger)
        yield from check_ledger(ledger)
        for alias in ALL:
            yield from check_store(alias, self.site.held(alias), ledger)
        yield from self.watch.findings
        yield from self.crowd.findings
        yield from self.regressions()

    def regressions(self) -> Iterable[str]:
        """What the trigger in the SQL store's table saw: see WATCH_TABLE."""
        with psycopg.connect(self.site.postgres.url("stores")) as connection:
            for ref, old, new in connection.execute("SELECT ref, old, new FROM regressions"):
                yield f"{SQL}: {ref} went back from revision {old} to {new}"

    def new(self, findings: Iterable[str]) -> list[str]:
        fresh = [line for line in dict.fromkeys(findings) if line not in self.known]
        self.known.update(fresh)
        return fresh

    def until_saved(self, seconds: float = 30.0, more: int = 3) -> None:
        """Wait until members are told "saved" again."""
        before = self.crowd.saved()
        until(lambda: self.crowd.saved() >= before + more, seconds, "members are served", 0.02)

    def pause(self, least: float, most: float) -> None:
        time.sleep(self.dice.uniform(least, most))
