"""Words that staff wrote, without anybody's address or reference: packs go to others."""

import re
from collections.abc import Iterable

from django.conf import settings

from accounts.models import MEMBER_REF, Member

_ADDRESS = re.compile(r"[^\s@<>()\"']+@[^\s@<>()\"']+")
_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]*")


class Masks:
    """Knows which words of these texts name a member. One query for all of them."""

    def __init__(self, texts: Iterable[str]) -> None:
        words = {form for text in texts for word in _WORD.findall(text) for form in _forms(word)}
        found = {word for word in words if MEMBER_REF.match(word)}
        members = Member.objects.filter(is_staff=False, member_ref__in=found)
        self.refs = set(members.values_list("member_ref", flat=True))

    def mask(self, text: str) -> str:
        """Addresses become [address], references [member]."""
        return _WORD.sub(self._word, _ADDRESS.sub(_address, text))

    def _word(self, match: re.Match[str]) -> str:
        for form in _forms(match[0]):
            if form in self.refs:
                return f"[member]{match[0][len(form) :]}"
        return match[0]


def _address(match: re.Match[str]) -> str:
    """The operator's own is nobody's."""
    return match[0] if match[0] == settings.OPERATOR_PRIVACY_EMAIL else "[address]"


def _forms(word: str) -> tuple[str, str]:
    """As it stands, and without the full stop of its sentence."""
    return word, word.rstrip("._:-")


def staff_names(names: Iterable[str]) -> dict[str, str]:
    """The reference of each member of staff; older histories name them by their address."""
    addresses = {name for name in names if _ADDRESS.fullmatch(name)}
    known = dict(Member.objects.filter(email__in=addresses).values_list("email", "member_ref"))
    return {name: known.get(name, "former staff") for name in addresses}
