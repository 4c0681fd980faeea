"""Where a member lives: two people may say, and may disagree."""

from dataclasses import dataclass

from accounts.regions import Country


@dataclass(frozen=True, slots=True)
class Residence:
    """``by_account``: as the host platform says; ``by_member``: the member's own correction."""

    by_account: Country | None
    by_member: Country | None

    @property
    def country(self) -> Country | None:
        """The member's word goes first; None where nobody has said."""
        return self.by_member or self.by_account

    @property
    def code(self) -> str:
        return self.country.code if self.country else ""

    @property
    def disputed(self) -> bool:
        """Whether the two would bring the member under different rules.

        Then neither is believed where it takes protection away.
        """
        return (
            self.by_account is not None
            and self.by_member is not None
            and self.by_account.region != self.by_member.region
        )
