"""The mail page tells when a person sees it; a program that only draws it is not told of."""

import pytest

from tests.site import _one, wait_for

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

SCRIPTED = """
() => {
  ["pointermove", "keydown", "wheel"].forEach(
    (name) => window.dispatchEvent(new Event(name, {bubbles: true}))
  );
  window.scrollTo(0, document.body.scrollHeight);
}
"""


def seen(states, state):
    return _one(
        states.site.data / "privacydash.sqlite3",
        "SELECT seen_at FROM consent_told JOIN accounts_member m ON m.id = member_id"
        " WHERE member_ref = ?",
        f"state-{state}",
    )


def test_drawing_it_and_scripted_events_do_not_count(visit, states):
    page = visit()
    page.goto(states.link("link-drawn"))
    page.evaluate(SCRIPTED)
    page.wait_for_timeout(1_000)
    assert seen(states, "link-drawn") is None


@pytest.mark.parametrize(
    ("state", "move"),
    [
        ("link-mouse", lambda page: page.mouse.move(50, 60)),
        ("link-keyboard", lambda page: page.keyboard.press("Tab")),
    ],
)
def test_moving_on_it_counts_once(visit, states, state, move):
    page = visit()
    sent = []
    page.on("request", lambda request: sent.append(request) if "/seen/" in request.url else None)
    page.goto(states.link(state))
    move(page)
    move(page)
    wait_for(lambda: seen(states, state), 10)
    page.wait_for_timeout(300)
    assert [request.method for request in sent] == ["POST"]
    assert "cookie" not in sent[0].all_headers()
    assert "referer" not in sent[0].all_headers()
