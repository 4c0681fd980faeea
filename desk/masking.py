"""Personal details as they are shown before anybody has said why they look."""

DOTS = "•••"


def masked(text: str) -> str:
    """The first letter of each word: "Anna Berg" is "A••• B•••"."""
    return " ".join(word[0] + DOTS for word in text.split())


def masked_email(email: str) -> str:
    """ "a•••@e•••.org": enough for the member on the phone to be told from another."""
    local, _, domain = email.rpartition("@")
    name, dot, top = domain.rpartition(".")
    return f"{local[:1]}{DOTS}@{name[:1]}{DOTS}{dot}{top}"
