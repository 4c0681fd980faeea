"""After the end of a campaign: whoever still waits is left out, in steps, for the report."""

from campaigns.models import Campaign, Recipient

STEP = 10_000


def close_ended() -> None:
    """Mark some of those who wait in campaigns that have ended; the next sweep goes on."""
    ended = Campaign.objects.filter(state__in=[Campaign.State.FINISHED, Campaign.State.KILLED])
    waiting = Recipient.objects.pending().filter(campaign__in=ended)
    ids = list(waiting.values_list("pk", flat=True)[:STEP])
    if ids:
        Recipient.objects.pending().filter(pk__in=ids).update(
            state=Recipient.State.SKIPPED, reason=Recipient.Reason.STOPPED
        )
