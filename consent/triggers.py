"""What members have been shown stays as it was, and so do the histories of rollouts and access."""

from ledger.triggers import Guard

NOTICES = Guard(
    table="consent_notice",
    message="a published notice cannot be changed or deleted",
    locked="OLD.published_at IS NOT NULL",
    identity=(("id",), ("purpose_id", "version")),
)
TEXTS = Guard(
    table="consent_noticetext",
    message="the text of a published notice cannot be changed or deleted",
    locked="""EXISTS (SELECT 1 FROM consent_notice n
        WHERE n.id = OLD.notice_id AND n.published_at IS NOT NULL)""",
    identity=(("id",), ("notice_id", "language")),
)
HISTORY = Guard(
    table="consent_rolloutchange", message="the history of a rollout is only ever added to"
)
# Here, because accounts imports nothing of the ledger.
ACCESS = Guard(
    table="accounts_memberaccess", message="the log of access to members is only ever added to"
)
GUARDS = (NOTICES, TEXTS, HISTORY, ACCESS)
