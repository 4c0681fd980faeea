import pytest

from campaigns.sending import kept_message
from campaigns.tests.certificates import certificate, key  # noqa: F401 — fixtures
from campaigns.tests.mail_server import mail_server


@pytest.fixture
def server(settings):
    """A mail server that the site sends to."""
    with mail_server() as (behaviour, mailers):
        settings.MAILERS = mailers
        yield behaviour


@pytest.fixture(autouse=True)
def _no_mails_of_other_tests():
    """Campaigns of rolled-back tests have the same keys."""
    kept_message.cache_clear()
