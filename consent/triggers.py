"""What members have been shown stays as it was, and so do the histories of rollouts and access."""

from ledger.triggers import Guard, same

_WRITTEN = ("id", "purpose_id", "version", "used", "never_used", "edited_by")
NOTICES = Guard(
    table="consent_notice",
    message="a notice that is proposed or published cannot be changed or deleted",
    locked="OLD.published_at IS NOT NULL OR OLD.proposed_at IS NOT NULL",
    # From proposed it goes on to published, or back to draft, as it was written.
    permitted=f"""OLD.published_at IS NULL AND {same(*_WRITTEN)}
        AND (NEW.published_at IS NULL OR {same("proposed_at", "proposed_by")})""",
    identity=(("id",), ("purpose_id", "version")),
)
TEXTS = Guard(
    table="consent_noticetext",
    message="the text of a notice that is proposed or published cannot be changed or deleted",
    locked="""EXISTS (SELECT 1 FROM consent_notice n WHERE n.id = OLD.notice_id
        AND (n.published_at IS NOT NULL OR n.proposed_at IS NOT NULL))""",
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
