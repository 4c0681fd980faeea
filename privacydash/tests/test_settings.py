"""Production is configured by variables alone, and never half."""

import os
import subprocess
import sys

import pytest
from django.core.exceptions import ImproperlyConfigured

from privacydash import embedded, env
from tests.site import BASE

COMPLETE = {
    "DATABASE_URL": "postgresql://localhost/privacydash",
    "CELERY_BROKER_URL": "amqp://localhost",
    "SECRET_KEY": "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "SUPPRESSION_KEY": "a-key-for-tests-that-is-long-enough-to-count",
    "RECEIPT_KEYS": "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A",  # RFC 8037, A.1
    "ALLOWED_HOSTS": "privacy.network.example",
    "SITE_URL": "https://privacy.network.example",
    "EMAIL_HOST": "smtp.network.example",
    "OPERATOR_NAME": "Network",
    "OPERATOR_PRIVACY_EMAIL": "privacy@network.example",
    "OPERATOR_LEAD_COUNTRY": "IE",
}
SHOW = """
import django
from django.conf import settings
django.setup()
from django.urls import NoReverseMatch, reverse
def mailbox():
    try:
        return reverse("mailbox")
    except NoReverseMatch:
        return None
print(settings.EMBEDDED, settings.DEBUG, settings.SESSION_COOKIE_SECURE,
      settings.SECURE_HSTS_SECONDS > 0, settings.CSRF_COOKIE_NAME, mailbox())
"""


def start(tmp_path, **variables):
    keep = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    return subprocess.run(
        [sys.executable, "-c", SHOW],
        cwd=BASE,
        env=keep
        | {"DJANGO_SETTINGS_MODULE": "privacydash.settings", "PRIVACYDASH_DATA": str(tmp_path)}
        | variables,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_demos_codes_are_not_there_in_production(tmp_path):
    show = SHOW.replace('reverse("mailbox")', 'reverse("mailbox_codes")')
    answer = subprocess.run(
        [sys.executable, "-c", show],
        cwd=BASE,
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
        | {"DJANGO_SETTINGS_MODULE": "privacydash.settings"}
        | COMPLETE,
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert answer.stdout.split()[-1] == "None"


@pytest.mark.parametrize("raw", ["7", "20-7", "7-25", "a-b", "7-7"])
def test_hours_that_are_none(monkeypatch, raw):
    monkeypatch.setenv("STAFF_HOURS", raw)
    with pytest.raises(ImproperlyConfigured, match="STAFF_HOURS"):
        env.hours("STAFF_HOURS", (7, 20))


@pytest.mark.parametrize("raw", ["Mars/Olympus", "../etc", "\0x"])
def test_a_time_zone_that_is_none(raw):
    with pytest.raises(ValueError, match="time zone"):
        env.time_zone(raw)


def test_hours_and_time_zone_that_are_good(monkeypatch):
    monkeypatch.setenv("STAFF_HOURS", "0-24")
    assert env.hours("STAFF_HOURS", (7, 20)) == (0, 24)
    assert env.time_zone("Europe/Dublin").key == "Europe/Dublin"


def test_sso_is_never_half_configured(tmp_path):
    answer = start(tmp_path, SSO_ISSUER="https://sso.example")
    assert "SSO_CLIENT_ID is not set" in answer.stderr


def test_embedded_needs_no_variable(tmp_path):
    assert start(tmp_path).stdout.split() == [
        "True", "False", "False", "False", "csrftoken", "/mailbox/",
    ]  # fmt: skip


def test_production_is_secure_and_has_no_mailbox(tmp_path):
    done = start(tmp_path, **COMPLETE)
    assert done.stdout.split() == [
        "False", "False", "True", "True", "__Host-csrftoken", "None",
    ], done.stderr  # fmt: skip
    assert list(tmp_path.iterdir()) == []  # nothing of the embedded mode is made


def test_honouring_gpc_needs_a_day_from_when(tmp_path):
    done = start(tmp_path, **COMPLETE, GPC_OBJECTS="true")
    assert "GPC_LAST_UPDATE is not set" in done.stderr
    done = start(tmp_path, **COMPLETE, GPC_OBJECTS="true", GPC_LAST_UPDATE="2026-12-01")
    assert done.returncode == 0, done.stderr


def test_a_mail_service_in_the_place_of_smtp(tmp_path):
    postmark = {
        "MAIL_BACKEND": "anymail.backends.postmark.EmailBackend",
        "ANYMAIL": '{"POSTMARK_SERVER_TOKEN": "a-token"}',
        "ANYMAIL_WEBHOOKS": "postmark",
    }
    variables = {k: v for k, v in COMPLETE.items() if k != "EMAIL_HOST"} | postmark
    assert "ANYMAIL_WEBHOOK_SECRET is not set" in start(tmp_path, **variables).stderr
    done = start(tmp_path, **variables, ANYMAIL_WEBHOOK_SECRET=f"anymail:{'x' * 32}")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("missing", COMPLETE)
def test_a_missing_variable_stops_the_start_and_is_named(tmp_path, missing):
    done = start(tmp_path, **{k: v for k, v in COMPLETE.items() if k != missing})
    assert done.returncode == 1
    assert f"{missing} is not set" in done.stderr


@pytest.mark.parametrize("alone", ["DATABASE_URL", "SECRET_KEY", "ALLOWED_HOSTS"])
def test_one_production_variable_never_starts_the_demo(tmp_path, alone):
    assert start(tmp_path, **{alone: COMPLETE[alone]}).returncode == 1


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("SECRET_KEY", "short", "at least 32 characters"),
        ("RECEIPT_KEYS", "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2", "32 bytes in base64url"),
        ("RECEIPT_KEYS", ",", "32 bytes in base64url"),
        ("LINK_KEYS", f"{'long' * 8},short", "LINK_KEYS cannot be read: a secret needs at least"),
        ("SECRET_KEY_FALLBACKS", "short", "at least 32 characters"),
        ("DEBUG", "maybe", "expected true or false"),
        ("EMAIL_PORT", "x", "whole number"),
        ("DATABASE_URL", "mysql://localhost/x", "must be PostgreSQL or SQLite"),
        ("PRIVACYDASH_MODE", "test", "embedded or production"),
        ("DATA_STORES", "{", "DATA_STORES"),
        ("API_TOKENS", "crm:short", "at least 32 characters"),
        ("API_TOKENS", "x" * 41, "expected name:secret"),
        ("API_TOKENS", f"a:{'x' * 32},a:{'y' * 32}", "a name stands there twice"),
        ("ANYMAIL", "[]", "ANYMAIL cannot be read: expected an object in JSON"),
        ("ANYMAIL_WEBHOOK_SECRET", "a:b", "at least 32 characters"),
        ("DATA_STORES", '{"a": {}}', "SLA in seconds"),
    ],
)
def test_a_value_that_cannot_be_read_is_named(tmp_path, name, value, says):
    done = start(tmp_path, **{**COMPLETE, name: value})
    assert done.returncode == 1
    assert says in done.stderr.splitlines()[-1]


@pytest.mark.parametrize("name", ["SECRET_KEY", "RECEIPT_KEYS", "API_TOKENS", "ANYMAIL"])
def test_a_secret_is_never_shown(tmp_path, name):
    assert "hunter2" not in start(tmp_path, **{**COMPLETE, name: "hunter2"}).stderr


def test_lists_and_numbers(monkeypatch):
    monkeypatch.setenv("X", " a, ,b ")
    assert env.words("X") == ["a", "b"]
    monkeypatch.setenv("X", "3")
    assert env.integer("X", minimum=3) == 3
    with pytest.raises(ImproperlyConfigured, match="at least 4"):
        env.integer("X", minimum=4)
    monkeypatch.setenv("X", "yes")
    assert env.boolean("X") is True


def test_a_secret_is_made_once_and_is_private(tmp_path):
    path = tmp_path / "deep" / "secret"
    secret = embedded.kept_secret(path, prefix="whsec_")
    assert secret.startswith("whsec_")
    assert embedded.kept_secret(path) == secret
    assert path.stat().st_mode & 0o077 == 0


def test_the_key_of_receipts_stays_the_same(tmp_path, monkeypatch):
    key = embedded.kept_key(tmp_path / "receipt_key")
    assert embedded.kept_key(tmp_path / "receipt_key") == key
    monkeypatch.setenv("X", key)
    assert env.signing_keys("X") == [key]


def test_a_broken_running_file_is_no_reason_to_stop(tmp_path):
    (tmp_path / "running.json").write_text("{")
    assert embedded.running(tmp_path) == {}
