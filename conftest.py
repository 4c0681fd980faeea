"""What all tests share: servers, a ledger that can be emptied between tests, plain static files."""

import os
from collections import Counter
from typing import Any

import pytest
from django.db import connection
from django.test import TransactionTestCase

from campaigns import triggers as campaigns
from consent import triggers as consent
from desk import triggers as desk
from ledger.triggers import ENTRIES

pytest_plugins = ["tests.servers", "tests.people", "tests.browsing"]

_flush = TransactionTestCase._fixture_teardown


def _flush_unguarded(self: TransactionTestCase) -> None:
    """Tests that commit are cleaned up by emptying all tables, which the triggers refuse."""
    guards = [ENTRIES, *consent.GUARDS, *campaigns.GUARDS, *desk.GUARDS]
    for guard in guards:
        guard.remove(connection)
    try:
        _flush(self)
    finally:
        for guard in guards:
            guard.install(connection)


TransactionTestCase._fixture_teardown = _flush_unguarded


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say once for each reason what was not tested, where it cannot be overlooked."""
    skipped = terminalreporter.stats.get("skipped", [])
    if not skipped:
        return
    terminalreporter.section("SKIPPED", yellow=True, bold=True)
    reasons = Counter(report.longrepr[2].removeprefix("Skipped: ") for report in skipped)
    for reason, count in reasons.most_common():
        terminalreporter.line(f"{count:4}  {reason}", yellow=True)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests of stores need not run again with another database of the site; some wait for CI."""
    thorough = "true" in {os.environ.get("CI"), os.environ.get("THOROUGH")}
    for item in items:
        if item.path.name.startswith(("test_store_", "test_receiver")):
            item.add_marker("stores")
        if item.get_closest_marker("thorough") and not thorough:
            item.add_marker(pytest.mark.skip("takes long: left to CI, or THOROUGH=true make test"))


@pytest.fixture(autouse=True)
def _plain_static_files(settings: Any) -> None:
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }


@pytest.fixture(autouse=True)
def _fast_passwords(settings: Any) -> None:
    """Passwords are hashed slowly on purpose; here there are hundreds."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
