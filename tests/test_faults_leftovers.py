"""When the fault suite is killed, what it has started ends as well."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.faults.leftovers import MARK, Guard
from tests.site import wait_for

SUITE = """
import subprocess, sys, time
from pathlib import Path
from tests.faults.leftovers import Guard
Guard(Path(sys.argv[1]))
subprocess.Popen(["sh", "-c", "sleep 60 & echo $!"], start_new_session=True)
time.sleep(60)
"""


def is_running(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_a_killed_suite_leaves_its_logs_and_nothing_running(tmp_path):
    (tmp_path / "logs").mkdir()
    (tmp_path / "data").mkdir()
    (tmp_path / "receiver.sqlite3").touch()
    suite = subprocess.Popen(
        [sys.executable, "-c", SUITE, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert suite.stdout
    grandchild = int(suite.stdout.readline())
    assert is_running(grandchild)
    suite.send_signal(signal.SIGKILL)
    suite.wait()
    wait_for(lambda: not is_running(grandchild), 20, "it ended")
    wait_for(lambda: os.listdir(tmp_path) == ["logs"], 20, "the rest is removed")


def test_what_is_left_over_at_the_end_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv(MARK, "")  # set by the guard, and put back after the test
    guard = Guard(tmp_path)
    left = subprocess.Popen(["sleep", "61"], start_new_session=True)
    assert guard.end() == ["sleep 61 "]
    assert left.wait(10) == -signal.SIGKILL
