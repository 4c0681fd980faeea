"""What the support desk and the privacy office keep."""

from desk.counters import ChoiceCount, Counted, Dashboard, LatencyCount

__all__ = ["ChoiceCount", "Counted", "Dashboard", "LatencyCount"]
