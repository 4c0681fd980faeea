import pytest
from django.core.mail import EmailMultiAlternatives

from privacydash.mailbox import EmailBackend


@pytest.fixture
def sent(settings, tmp_path):
    settings.MAIL_FOLDER = tmp_path / "mail"
    message = EmailMultiAlternatives("Grüße <b>", "Text", "a@example.org", ["b@example.org"])
    message.attach_alternative("<p style='color:red'>Hallo</p><script>x</script>", "text/html")
    EmailBackend().send_messages([message])
    return next(settings.MAIL_FOLDER.iterdir()).stem


def test_list_and_message(client, sent):
    page = client.get("/mailbox/").content.decode()
    assert "Grüße &lt;b&gt;" in page
    assert sent in page
    assert "b@example.org" in client.get(f"/mailbox/{sent}/").content.decode()


def test_the_html_part_cannot_run_scripts(client, sent):
    answer = client.get(f"/mailbox/{sent}/html/")
    assert b"Hallo" in answer.content
    assert "default-src 'none'" in answer["Content-Security-Policy"]
    assert "script-src" not in answer["Content-Security-Policy"]


@pytest.mark.parametrize("name", ["x", "..%2f..%2fsecret_key", "0" * 13 + "-" + "a" * 32])
def test_other_files_are_not_shown(client, sent, name):
    assert client.get(f"/mailbox/{name}/").status_code == 404


def test_empty(client, settings, tmp_path):
    settings.MAIL_FOLDER = tmp_path / "none"
    assert client.get("/mailbox/").status_code == 200
