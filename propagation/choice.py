"""The plain value that carries a member's choice to the data stores."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Choice:
    """One member's choice for one purpose, as the data stores keep it.

    ``decision`` is ``"objected"`` or ``"allowed"``; ``revision`` counts from 1 for each
    member and purpose, and the highest one holds; ``changed_at`` is aware, in UTC.
    """

    member_ref: str
    purpose: str
    decision: str
    revision: int
    changed_at: datetime

    @property
    def key(self) -> tuple[str, str]:
        return (self.member_ref, self.purpose)
