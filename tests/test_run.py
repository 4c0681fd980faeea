"""`make run`: web, worker, beat, broker and receiver as real processes, from click to store."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers import free_port
from tests.site import BASE, Browser, clean_environment, running_site, wait_for

pytestmark = [pytest.mark.processes, pytest.mark.timeout(240)]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    with running_site(tmp_path_factory.mktemp("site") / "data") as site:
        yield site


def confirmed(browser, seconds=30):
    wait_for(
        lambda: browser.get("/confirmations/").count("status--confirmed") == 2,
        seconds,
        what="both stores have confirmed",
    )


def test_from_click_to_every_store(site):
    browser = Browser(site)
    browser.sign_in("mary@demo.example")
    assert "You have objected" in browser.choose("objected")
    confirmed(browser)
    assert site.stored("demo-5") == "objected"
    assert receiver_holds(site, "demo-5") == "objected"


def receiver_holds(site, member_ref):
    from tests.site import _one

    return _one(
        site.data / "receiver.sqlite3",
        "SELECT decision FROM choices WHERE member_ref = ?",
        member_ref,
    )


def test_it_says_that_it_is_ready(site):
    wait_for(lambda: site.health().get("status") == "ok", what="ready")
    assert site.health() == {"status": "ok", "database": "ok", "broker": "ok", "beat": "ok"}


def test_a_second_run_on_the_same_port_touches_nothing(site, tmp_path):
    second = run(PORT=str(site.port), PRIVACYDASH_DATA=str(tmp_path / "second"))
    assert second.returncode == 1
    assert f"Port {site.port} is in use" in second.stderr
    assert not (tmp_path / "second").exists()


def test_a_second_run_on_the_same_folder_touches_nothing(site):
    running = (site.data / "running.json").read_text()
    second = run(PORT=str(free_port()), PRIVACYDASH_DATA=str(site.data))
    assert second.returncode == 1
    assert "Another `make run` works in" in second.stderr
    assert (site.data / "running.json").read_text() == running
    assert site.health()["database"] == "ok"


@pytest.mark.parametrize("port", ["0", "x", "99999"])
def test_a_port_that_is_none(port, tmp_path):
    assert "PORT must be" in run(PORT=port, PRIVACYDASH_DATA=str(tmp_path)).stderr


def run(**environment):
    return subprocess.run(
        [sys.executable, "-m", "privacydash.run"],
        cwd=BASE,
        env=clean_environment(**environment),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_broker_is_gone_while_a_member_objects(site):
    browser = Browser(site)
    browser.sign_in("sam@demo.example")
    os.kill(site.children()["broker"], signal.SIGKILL)
    assert "You have objected" in browser.choose("objected")
    confirmed(browser)
    assert site.stored("demo-3") == "objected"


def test_the_worker_is_killed_and_nothing_is_lost(site):
    browser = Browser(site)
    browser.sign_in("urs@demo.example")
    for decision in ("objected", "allowed", "objected"):
        os.kill(site.children()["worker"], signal.SIGKILL)
        browser.choose(decision)
        wait_for(lambda: "worker" in site.children(), what="the worker is back")
    confirmed(browser, 90)  # a lease that the killed worker held has to end first
    assert site.stored("demo-4") == "objected"


def test_the_receiver_is_down_and_the_other_store_is_not_held_up(site):
    browser = Browser(site)
    browser.sign_in("anna@demo.example")
    receiver = site.children()["receiver"]
    os.kill(receiver, signal.SIGSTOP)
    try:
        browser.choose("objected")
        wait_for(lambda: site.stored("demo-1") == "objected", what="the SQL store has it")
        assert "status--waiting" in browser.get("/confirmations/")
    finally:
        os.kill(receiver, signal.SIGCONT)
    wait_for(lambda: "status--waiting" not in browser.get("/confirmations/"), 60)
    assert receiver_holds(site, "demo-1") == "objected"


def test_ctrl_c_stops_everything_and_what_was_chosen_stays(tmp_path):
    data = tmp_path / "data"
    with running_site(data) as site:
        browser = Browser(site)
        browser.sign_in("mary@demo.example")
        browser.choose("objected")
        children = list(site.children().values())
        assert len(children) == 5
        assert "Stopped." in site.stop()
        assert site.process.returncode == 0
    for pid in children:
        assert not Path(f"/proc/{pid}").exists()
    assert not (data / "running.json").exists()
    with running_site(data) as again:
        browser = Browser(again)
        assert "You have objected" in browser.sign_in("mary@demo.example")
