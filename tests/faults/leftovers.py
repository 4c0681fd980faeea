"""Ends what the suite has started and what is still there when the suite is gone, even by SIGKILL.

Run as a process of its own, which waits until its input ends. It knows processes by a variable that
they have inherited, and so finds children of children too.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

MARK = "FAULTS_RUN"
DONE = "done"


class Guard:
    """Start it before anything else, and end it after everything else."""

    def __init__(self, folder: Path) -> None:
        os.environ[MARK] = folder.name
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.leftovers", str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def end(self) -> list[str]:
        """The command lines of processes that were left over; they are ended now."""
        said, _ = self.process.communicate(DONE)
        left: list[str] = json.loads(said)
        return left


def keep_logs(folder: Path) -> None:
    """Remove everything else in the folder."""
    for entry in folder.iterdir():
        if entry.is_dir() and entry.name != "logs":
            shutil.rmtree(entry, ignore_errors=True)
        elif entry.is_file():
            entry.unlink()


def marked(name: str) -> list[Path]:
    """Folders in /proc of the processes with the mark, but for this one."""
    wanted = f"{MARK}={name}".encode()
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if wanted in (place / "environ").read_bytes().split(b"\0"):
                found.append(place)
    return [place for place in found if place.name != str(os.getpid())]


def main(folder: Path) -> None:
    done = sys.stdin.read() == DONE
    lines = []
    for place in marked(folder.name):
        with suppress(OSError):
            command = (place / "cmdline").read_bytes()
            os.kill(int(place.name), signal.SIGKILL)
            lines.append(command.replace(b"\0", b" ").decode(errors="replace")[:200])
    if done:
        sys.stdout.write(json.dumps(lines))
    else:
        keep_logs(folder)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of a whole terminal: the suite ends first
    main(Path(sys.argv[1]))
