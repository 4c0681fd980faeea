from argparse import ArgumentParser
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from campaigns.mailboxes import Item, MailboxAway, Maildir, imap
from campaigns.outcomes import What
from campaigns.returned import NotUnderstood, read

WORDS = {
    What.NO_SUCH_ADDRESS: "no such address",
    What.NOT_DELIVERED: "not delivered for another reason",
    What.COMPLAINT: "complaints",
    What.DELIVERED: "delivered",
    What.NOTHING: "without consequence",
}


class Command(BaseCommand):
    help = (
        "Read mails that came back to BOUNCE_ADDRESS, and complaints. What was read is moved to "
        "the folder Handled; what is no report about a mail of ours stays, with a flag. It can be "
        "run at any time, also twice at once."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        source = parser.add_mutually_exclusive_group(required=True)
        source.add_argument("--maildir", type=Path, metavar="PATH")
        source.add_argument(
            "--imap",
            metavar="URL",
            help="imaps://host/folder; sign-in by BOUNCES_IMAP_USER and BOUNCES_IMAP_PASSWORD.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            if options["maildir"]:
                counts = self._read(Maildir(options["maildir"]).items())
            else:
                user, password = settings.BOUNCES_IMAP_USER, settings.BOUNCES_IMAP_PASSWORD
                with imap(options["imap"], user, password) as box:
                    counts = self._read(box.items())
        except MailboxAway as problem:
            raise CommandError(str(problem)) from None
        except OSError as problem:
            raise CommandError(f"The mailbox cannot be read: {problem.strerror}") from None
        said = [f"{counts[what]} {words}" for what, words in WORDS.items() if counts[what]]
        said += [f"{counts[None]} left with a flag"] if counts[None] else []
        self.stdout.write(", ".join(said) or "nothing to read")

    def _read(self, items: Iterable[Item]) -> Counter[What | None]:
        counts: Counter[What | None] = Counter()
        for item in items:
            try:
                data = item.read()
                if data is None:
                    continue
                outcome = read(data)
            except NotUnderstood as why:
                self.stderr.write(f"{item.name}: {why}")
                item.flag()
                counts[None] += 1
                continue
            outcome.write()
            item.handled()
            counts[outcome.what] += 1
        return counts
