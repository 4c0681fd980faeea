"""Reports about mails, as mail servers and mailbox providers write them."""

from textwrap import dedent

from campaigns.message_ids import message_id


def dsn(
    recipient=None,
    *,
    action="failed",
    status="5.1.1",
    diagnostic="smtp; 550 5.1.1 <anna@example.org>: Recipient address rejected",
    returned=None,
    returned_type="message/rfc822",
    to="anna@example.org",
):
    """As Postfix writes it. ``returned``: the headers of the mail, or "" for none of them."""
    if returned is None:
        returned = f"From: privacy@network.example\nTo: {to}\nMessage-ID: {message_id(recipient)}\n"
    head = dedent(
        f"""\
        Return-Path: <>
        From: MAILER-DAEMON@mail.example (Mail Delivery System)
        Subject: Undelivered Mail Returned to Sender
        To: bounces@network.example
        Auto-Submitted: auto-replied
        MIME-Version: 1.0
        Content-Type: multipart/report; report-type=delivery-status; boundary="BB"
        Message-Id: <20260301120000.4F3C41@mail.example>

        --BB
        Content-Type: text/plain; charset=us-ascii

        I'm sorry to have to inform you that your message could not be delivered.

        --BB
        Content-Description: Delivery report
        Content-Type: message/delivery-status

        Reporting-MTA: dns; mail.example
        Arrival-Date: Sun,  1 Mar 2026 12:00:00 +0000 (UTC)

        Final-Recipient: rfc822; {to}
        Original-Recipient: rfc822;{to}
        Action: {action}
        Status: {status}
        Remote-MTA: dns; mx.example.org
        Diagnostic-Code: {diagnostic}

        """
    )
    if not returned:
        return (head + "--BB--\n").encode()
    return f"{head}--BB\nContent-Type: {returned_type}\n\n{returned}\nBody\n--BB--\n".encode()


def complaint(recipient, kind="abuse"):
    """RFC 5965, as feedback loops write it."""
    return (
        dedent(
            f"""\
            From: <fbl@provider.example>
            Subject: FW: Notice
            To: <bounces@network.example>
            MIME-Version: 1.0
            Content-Type: multipart/report; report-type=feedback-report; boundary="AA"

            --AA
            Content-Type: text/plain; charset="US-ASCII"

            This is an email abuse report.

            --AA
            Content-Type: message/feedback-report

            Feedback-Type: {kind}
            User-Agent: SomeGenerator/1.0
            Version: 1
            Original-Mail-From: <privacy@network.example>

            --AA
            Content-Type: message/rfc822

            From: <privacy@network.example>
            To: <undisclosed>
            Message-ID: {message_id(recipient)}

            Body
            --AA--
            """
        )
    ).encode()
