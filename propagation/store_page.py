"""What the admin shows of one store."""

from django.conf import settings

from propagation.models import Cursor, Parked, Reconciliation, StorePause
from propagation.registry import StoreSettings, configured
from propagation.report import Standing, rate_of, standings

SHOWN = 50


def exists(alias: str) -> bool:
    """Configured, or not removed for good yet."""
    return alias in settings.DATA_STORES or Cursor.objects.filter(store=alias).exists()


class StorePage:
    """Each attribute is what the page says under that name."""

    def __init__(self, alias: str) -> None:
        self.alias = alias
        self.standings = list(standings(alias))
        pauses = StorePause.objects.filter(store=alias).order_by("-pk")
        self.pause = pauses.open().first()
        self.pauses = pauses[:10]
        open_parked = Parked.objects.open().filter(store=alias)
        self.parked_count = sum(standing.parked for standing in self.standings)
        self.parked = open_parked.order_by("partition", "parked_at")[:SHOWN]
        self.comparisons = Reconciliation.objects.filter(store=alias).order_by("-pk")[:10]

    @property
    def settings(self) -> StoreSettings | None:
        return next((store for store in configured() if store.alias == self.alias), None)

    @property
    def lanes(self) -> list[tuple[Standing, float]]:
        """Each partition, and how many choices a second it has confirmed of late."""
        return [(standing, rate_of(standing.cursor)) for standing in self.standings]

    @property
    def late(self) -> bool:
        return any(standing.late for standing in self.standings)
