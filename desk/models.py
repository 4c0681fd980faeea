"""What the support desk and the privacy office keep."""

from desk.counters import ChoiceCount, Counted, Dashboard, LatencyCount
from desk.packs import EvidencePack

__all__ = ["ChoiceCount", "Counted", "Dashboard", "EvidencePack", "LatencyCount"]
