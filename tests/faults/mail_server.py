"""``python -m tests.faults.mail_server PORT FILE``: a mail server that notes each Message-ID.

The line is written before the mail is accepted, so a server killed in between has the mail, and
its sender cannot know.
"""

import asyncio
import re
import sys
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller

MESSAGE_ID = re.compile(rb"(?m)^Message-ID: (\S+)\r$")


class Noting:
    def __init__(self, path: Path) -> None:
        self.file = path.open("ab", buffering=0)

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        found = MESSAGE_ID.search(envelope.original_content)
        assert found
        self.file.write(found[1] + b"\n")
        return "250 taken"


if __name__ == "__main__":
    controller = Controller(Noting(Path(sys.argv[2])), hostname="127.0.0.1", port=int(sys.argv[1]))
    controller.start()
    asyncio.new_event_loop().run_forever()
