"""The operator's own colour and logo, and colours that nobody could read."""

import pytest

from privacydash.colour import DARK, LIGHT, WANTED, accent, contrast
from privacydash.tests.test_settings import COMPLETE, start


def rgb(css: str) -> tuple[int, int, int]:
    return int(css[1:3], 16), int(css[3:5], 16), int(css[5:7], 16)


@pytest.mark.parametrize("raw", ["#0b5c63", "#000000", "#7a0019", "#0A66C2"])
def test_links_and_buttons_can_be_read_in_light_and_dark(raw):
    made = accent(raw)
    assert all(contrast(rgb(made.light), page) >= WANTED for page in LIGHT)
    assert all(contrast(rgb(made.dark), page) >= WANTED for page in DARK)
    assert contrast(rgb(made.on_light), rgb(made.light)) >= WANTED
    assert contrast(rgb(made.on_light), rgb(made.light_strong)) >= WANTED
    assert contrast(rgb(made.on_dark), rgb(made.dark)) >= WANTED
    assert contrast(rgb(made.on_dark), rgb(made.dark_strong)) >= WANTED


def test_black_on_white_is_21():
    assert contrast((0, 0, 0), (255, 255, 255)) == pytest.approx(21)


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("OPERATOR_ACCENT", "#ffcc00", "text needs 4.5"),
        ("OPERATOR_ACCENT", "teal", "such as #0b5c63"),
        ("OPERATOR_LOGO", "/nowhere/logo.svg", "there is no file"),
        ("OPERATOR_LOGO", "/etc/passwd", "expected an .svg"),
    ],
)
def test_what_cannot_be_shown_stops_the_start(tmp_path, name, value, says):
    ended = start(tmp_path, **COMPLETE, **{name: value})
    assert ended.returncode
    assert name in ended.stderr
    assert says in ended.stderr


def test_the_pages_use_them(client, db, settings, tmp_path):
    logo = tmp_path / "logo.svg"
    logo.write_text('<svg xmlns="http://www.w3.org/2000/svg"/>')
    settings.OPERATOR_ACCENT = accent("#7a0019")
    settings.OPERATOR_LOGO = logo
    page = client.get("/accounts/login/").content.decode()
    assert 'href="/operator.css"' in page
    assert 'src="/operator-logo"' in page
    style = client.get("/operator.css")
    assert style.headers["Content-Type"] == "text/css"
    assert "--accent: #7a0019" in style.content.decode()
    answer = client.get("/operator-logo")
    assert answer.headers["Content-Type"] == "image/svg+xml"
    assert b"".join(answer.streaming_content) == logo.read_bytes()
    assert "script-src 'self'" in answer.headers["Content-Security-Policy"]


def test_without_them_there_is_nothing(client, db):
    assert "operator.css" not in client.get("/accounts/login/").content.decode()
    for path in ("/operator.css", "/operator-logo"):
        assert client.get(path).status_code == 404
