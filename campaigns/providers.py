"""Mailbox providers: who takes in the mail of a domain, so that each can be sent to at its pace.

Known by the domain alone. A company's own domain may be run by one of these too; that is not
looked up, and it counts as OTHER.
"""

from types import MappingProxyType

from django.db.models import Case, CharField, F, Value, When
from django.db.models.functions import Length, Right, StrIndex
from django.db.models.lookups import In

OTHER = "other"

_DOMAINS = {
    "apple": "icloud.com me.com mac.com",
    "free": "free.fr",
    "gmx": "gmx.de gmx.net gmx.at gmx.ch gmx.com gmx.fr web.de mail.com",
    "google": "gmail.com googlemail.com",
    "laposte": "laposte.net",
    "libero": "libero.it virgilio.it inwind.it iol.it blu.it",
    "microsoft": (
        "outlook.com hotmail.com live.com msn.com outlook.de hotmail.de live.de outlook.fr "
        "hotmail.fr live.fr outlook.it hotmail.it live.it outlook.es hotmail.es hotmail.co.uk "
        "live.co.uk live.nl hotmail.nl live.se hotmail.se live.dk live.no live.be hotmail.be"
    ),
    "onet": "onet.pl onet.eu op.pl vp.pl poczta.onet.pl",
    "orange": "orange.fr wanadoo.fr",
    "proton": "proton.me protonmail.com pm.me protonmail.ch",
    "seznam": "seznam.cz email.cz post.cz",
    "sfr": "sfr.fr neuf.fr",
    "telekom": "t-online.de magenta.de",
    "wp": "wp.pl o2.pl tlen.pl",
    "yahoo": (
        "yahoo.com ymail.com rocketmail.com aol.com yahoo.de yahoo.fr yahoo.it yahoo.es "
        "yahoo.co.uk yahoo.ie yahoo.gr aol.de aol.fr aol.co.uk"
    ),
}
PROVIDERS = (*_DOMAINS, OTHER)
PROVIDER_OF = MappingProxyType(
    {domain: name for name, domains in _DOMAINS.items() for domain in domains.split()}
)


def provider_of(email: str) -> str:
    return PROVIDER_OF.get(email.rpartition("@")[2].lower(), OTHER)


def provider_expression() -> Case:
    """The same in SQL, for members, whose addresses are kept in lower case."""
    domain = Right(F("email"), Length("email") - StrIndex("email", Value("@")))
    return Case(
        *(
            When(In(domain, domains.split()), then=Value(name))
            for name, domains in _DOMAINS.items()
        ),
        default=Value(OTHER),
        output_field=CharField(),
    )
