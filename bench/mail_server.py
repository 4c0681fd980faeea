"""`python -m bench.mail_server PORT`: takes every mail and keeps none."""

import asyncio
import sys

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session


class Taken:
    async def handle_EHLO(  # noqa: N802 — aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, said: list[str]
    ) -> list[str]:
        """As mail servers do; aiosmtpd takes commands at once, and does not say so."""
        session.host_name = hostname
        return [said[0], "250-PIPELINING", *said[1:]]

    async def handle_DATA(  # noqa: N802 — aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        return "250 taken"


if __name__ == "__main__":
    controller = Controller(Taken(), hostname="127.0.0.1", port=int(sys.argv[1]))
    controller.start()
    asyncio.new_event_loop().run_forever()
