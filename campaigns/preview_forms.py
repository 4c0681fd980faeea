"""Which mail of a campaign is looked at, by the address of the page: language, country, age."""

from typing import Any
from urllib.parse import urlencode

from django import forms
from django.conf import settings

from accounts.regions import REGIONS, countries
from campaigns.models import UNKNOWN, Campaign
from campaigns.names import country_name, region_name
from campaigns.previewing import country_of, languages_of
from campaigns.wording import Group


class PreviewForm(forms.Form):
    """What is not given, or wrong, is as most who get the default language have it."""

    language = forms.ChoiceField(required=False)
    country = forms.ChoiceField(
        required=False,
        label="Lives in",
        help_text="It decides about dates, the legal basis and the authority.",
    )
    minor = forms.BooleanField(required=False, label="Under 18")

    def __init__(self, campaign: Campaign, data: Any = None) -> None:
        super().__init__(data or {})
        self._languages = [(language.code, language.name) for language in languages_of(campaign)]
        self.fields["language"].choices = self._languages  # type: ignore[attr-defined]
        self.fields["country"].choices = _places()  # type: ignore[attr-defined]
        if campaign.minors == Campaign.Minors.LEFT_OUT:
            del self.fields["minor"]
        self.group = self._group()
        # What is shown is what the fields say, also where the address said nothing or nonsense.
        self.data = {**self.group._asdict(), "country": self.group.country or UNKNOWN}

    def _group(self) -> Group:
        self.is_valid()
        values = self.cleaned_data
        language = values.get("language") or settings.LANGUAGE_CODE
        country = values.get("country") or country_of(language)
        known = "" if country == UNKNOWN else country
        return Group(language, known, minor=bool(values.get("minor")))

    @property
    def query(self) -> str:
        """Leads to the same mail."""
        group = self.group
        values = {"language": group.language, "country": group.country or UNKNOWN}
        return urlencode(values | ({"minor": "on"} if group.minor else {}))


def _places() -> list[Any]:
    concerned = [
        (region_name(region), [(c.code, country_name(c.code)) for c in countries(region)])
        for region in REGIONS
    ]
    elsewhere = [("US", f"{country_name('US')}, as an example"), (UNKNOWN, "not known")]
    return [*concerned, ("Elsewhere", elsewhere)]
