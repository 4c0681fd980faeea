"""`manage.py check` finds what would stop campaigns later."""

from campaigns.checks import check_address, check_signing


def ids(messages):
    return [message.id for message in messages]


def test_signing(settings, tmp_path):
    assert check_signing() == []
    settings.DKIM_DOMAIN, settings.DKIM_KEY_FILE = "example.org", str(tmp_path / "key.pem")
    assert ids(check_signing()) == ["campaigns.E001"]
    (tmp_path / "key.pem").touch()
    assert check_signing() == []


def test_one_click_needs_https(settings):
    settings.SITE_URL = "http://127.0.0.1:8000"
    assert ids(check_address()) == ["campaigns.W001"]
    settings.SITE_URL = "https://privacy.example.org"
    assert check_address() == []
