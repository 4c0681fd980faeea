"""A campaign's heavy parts, each against the plainest way to do the same.

Freezing: `campaigns.walking` against one INSERT … SELECT of the same columns into a table without
any index. Rendering: a mail filled in against Django's EmailMultiAlternatives, built for each
member from ready texts. Sending: `campaigns.sending`, with its claims, checks and records in
PostgreSQL, against smtplib with ready messages; both over one connection to the same mail server.
"""

import signal
import smtplib
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from email.policy import SMTP
from typing import Any

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.db import connection
from django.utils import timezone

from accounts.models import Member
from bench import links
from bench.table import Row
from campaigns import lifecycle, sending, walking
from campaigns.models import Campaign, Message, Recipient, Walk
from campaigns.rendering import address_of, build, filled_in, headers_of, personal
from consent.loading import DEFAULT, load_notice
from consent.models import Notice, SentMail, Told
from tests.servers import START_SECONDS, _die_with_parent, free_port

MEMBERS = 200_000
MAILS = 4_000
BUILT = 2_000
ROUNDS = 3
FAST = 10_000_000


def measure() -> list[Row]:
    notice = load_notice(DEFAULT, publish=True, by="bench")
    _make_members()
    return [_freezing(notice), _rendering(), _sending(notice), _exporting(notice)]


def _make_members() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO accounts_member (password, is_superuser, member_ref, email, country,
                stated_country, language, is_minor, is_staff, is_active, joined_at)
            SELECT '!', false, 'mail-' || n, 'mail-' || n || '@' ||
                (ARRAY['gmail.com', 'outlook.com', 'gmx.de', 'example.org'])[1 + n %% 4],
                (ARRAY['DE', 'FR', 'IE', 'GB', 'CH'])[1 + n %% 5], '',
                (ARRAY['de', 'fr', 'en'])[1 + n %% 3], false, false, true, now()
            FROM generate_series(1, %s) AS n
            """,
            [MEMBERS],
        )
        cursor.execute("ANALYZE accounts_member")


def _campaign(notice: Notice, name: str, **rule: Any) -> Campaign:
    campaign = Campaign.objects.create(name=name, notice=notice, per_minute=FAST, **rule)
    lifecycle.prepare(campaign, by="bench")
    _walk(campaign, Walk.Kind.COUNT)
    lifecycle.release(campaign, by="another", accept_fallbacks=True)
    return campaign


def _walk(campaign: Campaign, kind: Walk.Kind) -> None:
    while walking.walk_on(campaign.walks.get(kind=kind).pk):
        pass


def _rate(number: int, work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return number / (time.perf_counter() - started)


def _freezing(notice: Notice) -> Row:
    ours, theirs = [], []
    for number in range(ROUNDS):
        campaign = _campaign(notice, f"freeze {number}", countries=["DE", "FR", "IE", "GB", "CH"])
        size = (campaign.audience or {})["size"]
        ours.append(_rate(size, lambda of=campaign: _walk(of, Walk.Kind.FREEZE)))  # type: ignore[misc]
        with connection.cursor() as cursor:
            cursor.execute("DROP TABLE IF EXISTS plain")
            cursor.execute("CREATE TABLE plain (LIKE campaigns_recipient INCLUDING ALL)")
        theirs.append(_rate(size, lambda of=campaign: _copy(of)))  # type: ignore[misc]
    return Row("audience frozen", "its rows copied by one INSERT", ours, theirs, 0.10)


def _copy(campaign: Campaign) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO plain SELECT * FROM campaigns_recipient WHERE campaign_id = %s",
            [campaign.pk],
        )


def _rendering() -> Row:
    campaign = Campaign.objects.select_related("notice").get(name="freeze 0")
    recipients = list(campaign.recipients.filter(language="de")[:BUILT])
    message = campaign.messages.filter(language="de", country="DE").get()
    emails = dict(
        Member.objects.filter(pk__in=[r.member_id for r in recipients]).values_list("pk", "email")
    )
    ours, theirs = [], []
    for _ in range(ROUNDS):
        theirs.append(_rate(BUILT, lambda: _by_django(message, recipients, emails)))
        ours.append(_rate(BUILT, lambda: _filled(message, recipients, emails)))
    return Row("mails rendered", "EmailMultiAlternatives of each", ours, theirs, 50.0)


def _filled(message: Message, recipients: list[Recipient], emails: dict[int, str]) -> None:
    fill = build(message)
    for recipient in recipients:
        address = address_of(emails[recipient.member_id or 0])
        assert address
        fill(personal(recipient, message.campaign.notice_id, address, timezone.now()))


def _by_django(message: Message, recipients: list[Recipient], emails: dict[int, str]) -> None:
    """The texts are ready; of each mail it makes a message and its bytes, as its backend does."""
    for recipient in recipients:
        address = address_of(emails[recipient.member_id or 0])
        assert address
        own = personal(recipient, message.campaign.notice_id, address, timezone.now())
        mail = EmailMultiAlternatives(
            subject=message.subject,
            body=filled_in(message.text, own),
            to=[address.text],
            headers=headers_of(message, own),
        )
        mail.attach_alternative(filled_in(message.html, own), "text/html")
        mail.message(policy=SMTP).as_bytes()


def _exporting(notice: Notice) -> Row:
    campaign = _campaign(notice, "links", sent_elsewhere=True)
    _walk(campaign, Walk.Kind.FREEZE)
    return links.measure(campaign, ROUNDS)


def _sending(notice: Notice) -> Row:
    Told.objects.all().delete()
    with _mail_server() as port:
        settings.MAILERS = {
            "default": {
                "BACKEND": "django.core.mail.backends.smtp.EmailBackend",
                "OPTIONS": {"host": "127.0.0.1", "port": port, "timeout": 30},
            }
        }
        ours, theirs = [], []
        for number in range(ROUNDS):
            campaign = _some(notice, f"send {number}")
            ready = _ready(campaign)
            theirs.append(_rate(MAILS, lambda ready=ready: _by_smtplib(port, ready)))  # type: ignore[misc]
            ours.append(_rate(MAILS, lambda of=campaign: _send(of)))  # type: ignore[misc]
            if campaign.recipients.filter(state=Recipient.State.SENT).count() != MAILS:
                raise SystemExit("Some mails were not sent.")
            SentMail.objects.all().delete()
            Told.objects.all().delete()
    return Row("mails sent", "smtplib with ready messages", ours, theirs, 0.80)


def _some(notice: Notice, name: str) -> Campaign:
    """A running campaign of so many recipients."""
    campaign = _campaign(notice, name)
    _walk(campaign, Walk.Kind.FREEZE)
    last = campaign.recipients.order_by("pk").values_list("pk", flat=True)[MAILS - 1]
    campaign.recipients.filter(pk__gt=last).delete()
    lifecycle.start_due(timezone.now())
    campaign.refresh_from_db()
    campaign.lanes.update(filled_at=timezone.now() - timedelta(minutes=1))
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE campaigns_recipient")
    return campaign


def _ready(campaign: Campaign) -> list[tuple[str, bytes]]:
    made = []
    for recipient in campaign.recipients.select_related("member"):
        assert recipient.member
        address = address_of(recipient.member.email)
        assert address
        _message, fill = sending.kept_message(
            campaign.pk, recipient.language, recipient.country, recipient.account_country, False
        )
        own = personal(recipient, campaign.notice_id, address, timezone.now())
        made.append((address.text, fill(own)))
    return made


def _by_smtplib(port: int, ready: list[tuple[str, bytes]]) -> None:
    with smtplib.SMTP("127.0.0.1", port, timeout=30) as server:
        for to, data in ready:
            server.sendmail("bench@example.org", [to], data)


def _send(campaign: Campaign) -> None:
    while sending.send(campaign.pk, budget=60):
        pass


@contextmanager
def _mail_server() -> Iterator[int]:
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.mail_server", str(port)],
        preexec_fn=lambda: _die_with_parent(signal.SIGKILL),  # noqa: PLW1509
    )
    try:
        end = time.monotonic() + START_SECONDS
        while True:
            try:
                smtplib.SMTP("127.0.0.1", port, timeout=5).quit()
                break
            except OSError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.1)
        yield port
    finally:
        process.kill()
        process.wait()
