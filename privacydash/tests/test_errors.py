"""What people see when something fails, and what the logs keep."""

import logging
import re

import pytest
from django.db import OperationalError

from privacydash.logs import HideTokens


def test_not_found(client, db):
    answer = client.get("/nothing-here/")
    assert answer.status_code == 404
    assert b"<main" in answer.content


@pytest.mark.parametrize("path", ["/", "/en/notice/", "/choose/", "/nothing/"])
def test_without_the_database_it_says_so(client, path, monkeypatch, db):
    def fail(*args, **kwargs):
        raise OperationalError("connection refused")

    client.raise_request_exception = False
    client.cookies["sessionid"] = "x" * 32
    with monkeypatch.context() as patch:
        patch.setattr("django.db.backends.utils.CursorWrapper.execute", fail)
        answer = client.get(path) if path != "/choose/" else client.post(path)
    assert answer.status_code == 503
    assert answer["Retry-After"] == "30"
    assert b"do not rely on it" in answer.content


@pytest.mark.parametrize("path", ["/", "/en/notice/", "/accounts/login/", "/admin/login/", "/o/x/"])
def test_headers(client, notice, path):
    answer = client.get(path, follow=True)
    policy = answer["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert answer["X-Frame-Options"] == "DENY"
    assert answer["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    ("message", "arguments"),
    [
        ("Not Found: %s", ("/o/abcDEF_-123/",)),
        ("GET /o/abcDEF_-123/ HTTP/1.1", ()),
        ("POST /o/abcDEF_-123/seen/ HTTP/1.1", ()),
        ("POST /r/abcDEF_-123/ HTTP/1.1", ()),
    ],
)
def test_tokens_stay_out_of_the_logs(message, arguments):
    record = logging.LogRecord("x", logging.INFO, "", 1, message, arguments, None)
    assert HideTokens().filter(record)
    assert "abc" not in record.getMessage()
    assert re.search("/[or]/…", record.getMessage())


@pytest.mark.parametrize(
    "address",
    [
        "/en/notice/%00/",
        "/admin/propagation/cursor/store/a%00/",
        "/admin/consent/purpose/%00/change/",
        "/admin/accounts/member/?q=%00",
        "/admin/consent/rollout/?region__exact=%00",
        "/admin/ledger/entry/?pk=99999999999999999999",
    ],
)
def test_an_address_that_the_database_cannot_take(admin_client, notice, address):
    """SQLite takes them, and finds nothing."""
    admin_client.raise_request_exception = False
    assert admin_client.get(address, follow=True).status_code in {200, 400, 404}


def test_a_cookie_with_a_nul_in_it(client, notice):
    client.cookies["sessionid"] = '"\\000' + "x" * 32 + '"'
    client.raise_request_exception = False
    assert client.get("/").status_code in {302, 400}
