"""Waking the sealer after a commit, without the request waiting for the broker.

Requests only raise a flag. One thread a process sends the message, at most one in INTERVAL for
all partitions, however many choices there are. If the broker is away the flag is dropped: the
next sweep finds the choices in the database.
"""

import atexit
import logging
import os
import threading
import time

from kombu.exceptions import OperationalError

from propagation.tasks import seal

logger = logging.getLogger(__name__)

INTERVAL = 0.2
"""Seconds between two messages of one process."""


class _Waker:
    def __init__(self) -> None:
        self.pid = os.getpid()
        self.raised = threading.Event()
        self.lock = threading.Lock()
        self.partitions: set[int] = set()
        threading.Thread(target=self._run, name="wake", daemon=True).start()

    def wake(self, partition: int) -> None:
        with self.lock:
            self.partitions.add(partition)
        self.raised.set()

    def _run(self) -> None:
        while True:
            self.raised.wait()
            self.flush()
            time.sleep(INTERVAL)

    def flush(self) -> None:
        self.raised.clear()
        with self.lock:
            partitions, self.partitions = self.partitions, set()
        for partition in partitions:
            _send(partition)


_waker: _Waker | None = None
_starting = threading.Lock()


def wake(partition: int) -> None:
    """Have the partition sealed soon. Never blocks, never raises."""
    global _waker  # noqa: PLW0603 — one thread a process, and none is inherited by a fork
    if _waker is None or _waker.pid != os.getpid():
        with _starting:
            if _waker is None or _waker.pid != os.getpid():
                _waker = _Waker()
                atexit.register(_waker.flush)
    _waker.wake(partition)


def _send(partition: int) -> None:
    try:
        # The broker may be away for long: one attempt, and the sweep does the rest.
        seal.apply_async((partition,), retry=False)
    except (OperationalError, OSError) as error:
        logger.warning("no wake-up message sent, the next sweep will do: %s", error)
    except Exception:  # a dead thread would be silent for as long as the process lives
        logger.exception("no wake-up message sent, the next sweep will do")
