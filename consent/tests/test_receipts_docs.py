"""What docs/receipts.md shows works as it stands, with a library that the site does not use."""

import json
import re
import subprocess
import sys
import urllib.request

import pytest
from django.test import Client

from consent.tests.receipts import download, new_key
from tests.people import choose
from tests.site import BASE

DOCS = (BASE / "docs" / "receipts.md").read_text()

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("notice", "sql_store"),
]


@pytest.fixture
def receipt(client, member):
    choose("anna")
    client.force_login(member)
    return download(client)


@pytest.fixture
def run(live_server, tmp_path):
    """Runs the program of the docs on a receipt."""
    (program,) = re.findall(r"```python\n(.*?)```", DOCS, re.DOTALL)
    (tmp_path / "check.py").write_text(program)

    def run(receipt):
        path = tmp_path / "receipt-1.json"
        path.write_text(json.dumps(receipt))
        return subprocess.run(
            [sys.executable, "check.py", live_server.url, str(path)],
            cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip

    return run


def test_a_receipt_verifies_through_the_published_keys(run, receipt):
    done = run(receipt)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == receipt["receipt"]


def test_one_that_was_changed_does_not(run, receipt):
    header, payload, signature = receipt["jws"].split(".")
    other = payload[:-4] + ("AAAA" if payload[-4:] != "AAAA" else "BBBB")
    done = run({**receipt, "jws": f"{header}.{other}.{signature}"})
    assert done.returncode == 1
    assert "InvalidJWSSignature" in done.stderr


def test_one_of_a_retired_key_does(run, receipt, settings):
    settings.RECEIPT_KEYS = [new_key(), *settings.RECEIPT_KEYS]
    assert run(receipt).returncode == 0


def test_every_field_has_a_line_in_the_table(receipt):
    said = receipt["receipt"]
    names = {*said, *said["event"], *said["dpv:hasProcess"], *said["confirmations"]}
    for name in names:
        assert re.search(rf"`[^`]*{re.escape(name)}`", DOCS), name


def test_the_keys_are_where_the_receipt_says(live_server, settings, client, member):
    settings.SITE_URL = live_server.url
    choose("anna")
    client.force_login(member)
    document = download(client)
    with urllib.request.urlopen(document["keys_at"]) as answer:
        assert json.load(answer)["keys"]
    assert document["check_at"] == f"{live_server.url}/verify/"
    assert Client().get("/verify/").status_code == 200
