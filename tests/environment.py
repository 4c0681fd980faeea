"""The site's environment under test; loaded by pytest before Django's settings are.

TEST_DATABASE=postgres runs the tests with PostgreSQL as the site's database: the server of
TEST_POSTGRES_URL, else a private one.
"""

import atexit
import os
import shutil
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from tests.servers import ServerMissingError, start_postgres

GIVEN = ("DATABASE_URL", "CELERY_BROKER_URL", "SECRET_KEY", "ALLOWED_HOSTS", "PORT", "EMAIL_HOST")

_folder = Path(tempfile.mkdtemp(prefix="privacydash-test-"))
(_folder / "staticfiles").mkdir()
_open = ExitStack()
atexit.register(shutil.rmtree, _folder, ignore_errors=True)
atexit.register(_open.close)

for name in GIVEN:
    os.environ.pop(name, None)
os.environ["PRIVACYDASH_MODE"] = "embedded"
os.environ["PRIVACYDASH_DATA"] = str(_folder)
os.environ["LOG_LEVEL"] = "WARNING"
# Playwright's event loop runs as long as the browser is open, beside tests that use the database.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"

if os.environ.get("TEST_DATABASE") == "postgres":
    try:
        os.environ["DATABASE_URL"] = os.environ.get("TEST_POSTGRES_URL") or _open.enter_context(
            start_postgres(_folder)
        )
    except ServerMissingError as error:
        print(f"\n*** Tests with PostgreSQL SKIPPED: {error}\n", file=sys.stderr)  # noqa: T201
        raise SystemExit(os.environ.get("CI") == "true") from None
else:
    # A file, so that threads and worker processes see the same database.
    os.environ["TEST_SQLITE_FILE"] = str(_folder / "test.sqlite3")
