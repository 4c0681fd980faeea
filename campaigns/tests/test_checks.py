"""`manage.py check` finds what would stop campaigns later."""

from campaigns.checks import check_address, check_signing


def ids(messages):
    return [message.id for message in messages]


def test_signing(settings, tmp_path, monkeypatch):
    assert check_signing() == []
    settings.DKIM_DOMAIN, settings.DKIM_KEY_FILE = "example.org", str(tmp_path / "key.pem")
    monkeypatch.setattr("campaigns.checks.find_spec", lambda name: None)
    assert ids(check_signing()) == ["campaigns.E001", "campaigns.E002"]
    (tmp_path / "key.pem").touch()
    monkeypatch.setattr("campaigns.checks.find_spec", lambda name: object())
    assert check_signing() == []


def test_one_click_needs_https(settings):
    settings.SITE_URL = "http://127.0.0.1:8000"
    assert ids(check_address()) == ["campaigns.W001"]
    settings.SITE_URL = "https://privacy.example.org"
    assert check_address() == []
