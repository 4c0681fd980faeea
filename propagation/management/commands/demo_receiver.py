"""``manage.py demo_receiver``: run the demo's webhook receiver until SIGTERM or Ctrl-C."""

import signal
import threading
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from propagation.receiver import Receiver, serve


class Command(BaseCommand):
    help = "Receive choices by webhook on 127.0.0.1 and keep them in an SQLite file (demo)."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--port", type=int, required=True)
        parser.add_argument(
            "--secret-file", type=Path, required=True, help="holds one whsec_… secret"
        )
        parser.add_argument("--database", type=Path, required=True, help="SQLite file to keep")

    def handle(self, *, port: int, secret_file: Path, database: Path, **options: Any) -> None:
        try:
            secret = secret_file.read_text().strip()
            serve("127.0.0.1", port, secret, database, ready=self._listen_for_signals)
        except (OSError, ValueError) as error:
            raise CommandError(f"The receiver cannot start: {error}") from error

    def _listen_for_signals(self, receiver: Receiver) -> None:
        def stop(*_: object) -> None:
            # shutdown() waits for the loop that this signal has interrupted.
            threading.Thread(target=receiver.shutdown).start()

        signal.signal(signal.SIGTERM, stop)
        signal.signal(signal.SIGINT, stop)
        port = receiver.server_address[1]
        self.stdout.write(f"Receiving choices on http://127.0.0.1:{port}/")
