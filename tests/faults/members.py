"""Members at their browsers: they read the page, press its button, and keep what they were told."""

import http.client
import random
import re
import threading
import time
import urllib.parse
import uuid
from collections import Counter
from dataclasses import dataclass
from typing import Literal

from tests.faults.checker import Click

FIELD = re.compile(r'name="(csrfmiddlewaretoken|request_id|seen)" value="([^"]+)"')
OFFERED = re.compile(r'name="decision"\s+value="(objected|allowed)"')
CSRF = re.compile(r"csrftoken=(\w+)")
TIMEOUT = 5.0
SETTLE_SECONDS = 60.0

type Answer = Literal["saved", "refused", "unknown"]


@dataclass(slots=True)
class Page:
    """What a member sees: the button that is offered, and the form's hidden fields."""

    offered: str
    fields: dict[str, str]
    cookie: str


class NoAnswer(Exception):
    """No page came, or an error page: a GET, which may be repeated."""


class Member:
    """One member. ``holds`` is what they last were told."""

    def __init__(self, ref: str, session: str, port: int) -> None:
        self.ref, self.session, self.port = ref, session, port
        self.holds = ""
        self.clicks: list[Click] = []

    def page(self) -> Page:
        status, headers, body = self._request("GET", "/", f"sessionid={self.session}")
        if status != 200:
            raise NoAnswer(f"{status}")
        offered = OFFERED.search(body)
        token = CSRF.search(headers)
        if not (offered and token):
            raise NoAnswer("a page without its form")
        return Page(offered[1], dict(FIELD.findall(body)), token[1])

    def press(self, page: Page, **changes: str) -> Answer:
        """Send the form once."""
        form = {**page.fields, "decision": page.offered, **changes}
        cookies = f"sessionid={self.session}; csrftoken={page.cookie}"
        try:
            status, _, _ = self._request("POST", "/choose/", cookies, form)
        except NoAnswer:
            return "unknown"
        if status == 302:
            return "saved"
        return "refused" if status in {400, 403, 409} else "unknown"

    def _request(
        self, method: str, path: str, cookies: str, form: dict[str, str] | None = None
    ) -> tuple[int, str, str]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=TIMEOUT)
        headers = {"Cookie": cookies, "Accept-Language": "en"}
        body = None
        if form is not None:
            body = urllib.parse.urlencode(form)
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            text = answer.read().decode(errors="replace")
        except (OSError, http.client.HTTPException) as error:
            raise NoAnswer(type(error).__name__) from error
        finally:
            connection.close()
        return answer.status, str(answer.headers), text


class Crowd:
    """Threads of members who toggle their choice until `stop`; each member belongs to one thread.

    ``findings`` are pages that said something else than what the member had been told.
    """

    def __init__(self, members: list[Member], threads: int, pause: float, seed: int) -> None:
        self.members = members
        self.pause = pause
        self.findings: list[str] = []
        self.outcomes: Counter[str] = Counter()
        self.ending = threading.Event()
        self.giving_up = threading.Event()
        self.resting = threading.Event()
        self.at_rest = [threading.Event() for _ in range(threads)]
        self.threads = [
            threading.Thread(
                target=self._work,
                args=(members[n::threads], random.Random(seed + n), self.at_rest[n]),
                name=f"members-{n}",
                daemon=True,
            )
            for n in range(threads)
        ]

    def start(self) -> None:
        for thread in self.threads:
            thread.start()

    def stop(self) -> list[Click]:
        """Let every question that is open be settled; return all that was asked and answered."""
        self.resting.clear()
        self.ending.set()
        deadline = time.monotonic() + SETTLE_SECONDS
        for thread in self.threads:
            thread.join(max(0.1, deadline - time.monotonic()))
        self.giving_up.set()
        for thread in self.threads:
            thread.join(3 * TIMEOUT)
        return self.clicks()

    def clicks(self) -> list[Click]:
        return [click for member in self.members for click in list(member.clicks)]

    def saved(self) -> int:
        return self.outcomes["saved"]

    def rest(self, seconds: float = 60) -> None:
        """Have everybody finish what they asked for and wait, until `go_on`."""
        for event in self.at_rest:
            event.clear()
        self.resting.set()
        deadline = time.monotonic() + seconds
        for event, thread in zip(self.at_rest, self.threads, strict=True):
            if thread.is_alive() and not event.wait(max(0.1, deadline - time.monotonic())):
                raise TimeoutError("a member's request was not settled")

    def go_on(self) -> None:
        self.resting.clear()

    def _work(self, members: list[Member], dice: random.Random, at_rest: threading.Event) -> None:
        try:
            self._toggle(members, dice, at_rest)
        except Exception as error:
            self.findings.append(f"a member's thread failed: {error!r}")

    def _toggle(self, members: list[Member], dice: random.Random, at_rest: threading.Event) -> None:
        while not self.ending.is_set():
            if self.resting.is_set():
                at_rest.set()
                time.sleep(0.02)
                continue
            at_rest.clear()
            try:
                self._visit(dice.choice(members), dice)
            except NoAnswer:
                self.outcomes["no page"] += 1
                time.sleep(0.1)
            time.sleep(dice.uniform(0, 2 * self.pause))

    def _visit(self, member: Member, dice: random.Random) -> None:
        page = member.page()
        due = "allowed" if member.holds == "objected" else "objected"
        if page.offered != due:
            self.findings.append(
                f"{member.ref} was told {member.holds or 'nothing'}, the page offers {page.offered}"
            )
            member.holds = "objected" if page.offered == "allowed" else "allowed"
        if dice.random() < 0.03:
            self._forge(member, page, dice)
            return
        self._settle(member, page)

    def _settle(self, member: Member, page: Page) -> None:
        """Send the same request until there is an answer."""
        sent, attempts, told = time.monotonic(), 0, "unknown"
        while told == "unknown" and not self.giving_up.is_set():
            attempts += 1
            told = member.press(page)
            if told == "unknown":
                self.outcomes["unknown"] += 1
                time.sleep(0.1)
        if told == "saved":
            member.holds = page.offered
            self.outcomes["settled by the request id"] += attempts > 1
        self.outcomes[told] += told != "unknown"
        if told == "refused":
            self.findings.append(f"{member.ref}: refused although the page was fresh")
        request_id = page.fields["request_id"]
        member.clicks.append(
            Click(member.ref, request_id, page.offered, told, sent, time.monotonic(), attempts)
        )

    def _forge(self, member: Member, page: Page, dice: random.Random) -> None:
        """Send what must be refused, and must then not be in the ledger."""
        request_id = str(uuid.UUID(int=dice.getrandbits(128), version=4))
        changes = dice.choice(
            [
                {"csrfmiddlewaretoken": "x" * 64},
                {"decision": "maybe"},
                {"decision": "allowed", "seen": "nothing:signed"},
            ]
        )
        sent = time.monotonic()
        told = member.press(page, request_id=request_id, **changes)
        self.outcomes["forged and refused"] += told == "refused"
        if told == "saved":
            self.findings.append(f"{member.ref}: a forged request was taken ({changes})")
        if told != "unknown":
            decision = changes.get("decision", page.offered)
            click = Click(member.ref, request_id, decision, told, sent, time.monotonic())
            member.clicks.append(click)
