"""What was prepared is what is released, and what was released stays as it was."""

from ledger.triggers import Guard, same

_PREPARED = (
    "id", "name", "notice_id", "regions", "countries", "languages", "joined_before", "told",
    "told_days", "objected", "minors", "texts", "sent_elsewhere", "prepared_by", "prepared_at",
)  # fmt: skip
_RELEASED = ("released_by", "released_at", "audience")

CAMPAIGNS = Guard(
    table="campaigns_campaign",
    message="what was prepared or released of a campaign cannot be changed",
    locked="OLD.state <> 'draft'",
    permitted=(
        f"{same(*_PREPARED)} AND (NEW.state <> 'draft' OR OLD.state = 'prepared')"
        f" AND (OLD.state = 'prepared' OR ({same(*_RELEASED)} AND NEW.state <> 'prepared'))"
    ),
    identity=(("id",), ("name",)),
)
MESSAGES = Guard(
    table="campaigns_message",
    message="a mail stays as it was sent",
    identity=(("id",), ("campaign_id", "language", "country", "account_country", "minor")),
)
HISTORY = Guard(
    table="campaigns_campaignchange", message="the history of a campaign is only ever added to"
)
GUARDS = (CAMPAIGNS, MESSAGES, HISTORY)
