"""Fields of forms that stand for the lists and the JSON of a campaign."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from campaigns.models import Campaign, text_problem
from campaigns.names import (
    country_codes,
    country_name,
    domains_of,
    provider_name,
    site_languages,
)
from campaigns.providers import PROVIDERS

TEXTS = {
    "subject": "Subject",
    "intro": "Introduction",
    "minor_subject": "Subject for members under 18",
    "minor_intro": "Introduction for members under 18",
}


class TextKey(NamedTuple):
    """A field for one text in one language."""

    language: str
    key: str

    @property
    def field(self) -> str:
        return f"text_{self.language}_{self.key}"


def text_keys() -> Iterator[TextKey]:
    for language, _name in site_languages():
        for key in TEXTS:
            yield TextKey(language, key)


def limit_field(provider: str) -> str:
    return f"limit_{provider}"


class LinesField(forms.Field):
    """A list of words, one on each line."""

    widget = forms.Textarea

    def __init__(self, *, rows: int, **options: Any) -> None:
        super().__init__(required=False, **options)
        self.widget.attrs |= {"rows": rows, "cols": 50}

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(map(str, value)) if isinstance(value, list) else value

    def to_python(self, value: Any) -> list[str]:
        lines = value if isinstance(value, list) else str(value or "").splitlines()
        return list(dict.fromkeys(filter(None, map(str.strip, lines))))


class SeedsField(LinesField):
    def clean(self, value: Any) -> list[str]:
        addresses = self.to_python(value)
        for address in addresses:
            try:
                validate_email(address)
            except ValidationError:
                raise ValidationError(f"{address!r} is no e-mail address.") from None
        return addresses


class CountriesField(LinesField):
    """English names or ISO codes; gives the codes."""

    def prepare_value(self, value: Any) -> Any:
        names = list(map(country_name, value)) if isinstance(value, list) else value
        return super().prepare_value(names)

    def to_python(self, value: Any) -> list[str]:
        words = value if isinstance(value, list) else str(value or "").replace(",", "\n")
        known = country_codes()
        named = super().to_python(words)
        if unknown := [name for name in named if name.casefold() not in known]:
            raise ValidationError(f"There is no country {', '.join(map(repr, unknown))}.")
        return list(dict.fromkeys(known[name.casefold()] for name in named))

    def has_changed(self, initial: Any, data: Any) -> bool:
        try:
            return bool((initial or []) != self.to_python(data))
        except ValidationError:
            return True


class WordsField(forms.CharField):
    """A subject or an introduction; `campaigns.models.text_problem` says what may stand in it."""

    def __init__(self, key: str) -> None:
        self.one_line = key.endswith("subject")
        widget = (
            forms.TextInput(attrs={"size": 80})
            if self.one_line
            else forms.Textarea(attrs={"rows": 4, "cols": 80})
        )
        super().__init__(required=False, label=TEXTS[key], widget=widget)

    def to_python(self, value: Any) -> str:
        """Browsers end lines with CR LF."""
        return (super().to_python(value) or "").replace("\r\n", "\n")

    def validate(self, value: str) -> None:
        if problem := text_problem(value, one_line=self.one_line):
            raise ValidationError(problem)


def _limit(provider: str) -> forms.IntegerField:
    domains = domains_of(provider)
    more = " …" if len(domains) > 3 else ""
    return forms.IntegerField(
        required=False,
        min_value=1,
        label=provider_name(provider),
        help_text=", ".join(domains[:3]) + more if domains else "All other addresses.",
    )


class LimitFields:
    """For a form with LIMITS: mails a minute for each mailbox provider, a field each."""

    cleaned_data: dict[str, Any]

    def limits(self) -> dict[str, int]:
        given = {name: self.cleaned_data.get(limit_field(name)) for name in PROVIDERS}
        return {name: limit for name, limit in given.items() if limit}

    @staticmethod
    def limits_of(campaign: Campaign) -> dict[str, Any]:
        return {limit_field(name): limit for name, limit in campaign.limits.items()}


class TextFields:
    """For a form with WORDS: subject and introduction in each of the site's languages."""

    cleaned_data: dict[str, Any]

    def texts(self) -> dict[str, dict[str, str]]:
        texts: dict[str, dict[str, str]] = {}
        for text in text_keys():
            if words := self.cleaned_data.get(text.field):
                texts.setdefault(text.language, {})[text.key] = words
        return texts

    @staticmethod
    def texts_of(campaign: Campaign) -> dict[str, str]:
        return {
            TextKey(language, key).field: words
            for language, texts in campaign.texts.items()
            for key, words in texts.items()
        }


LIMITS: dict[str, forms.Field] = {limit_field(name): _limit(name) for name in PROVIDERS}
WORDS: dict[str, forms.Field] = {text.field: WordsField(text.key) for text in text_keys()}


def with_fields[Form: type[forms.BaseForm]](
    fields: dict[str, forms.Field],
) -> Callable[[Form], Form]:
    """Gives a class of forms more fields, as if they were written in it."""

    def add(form: Form) -> Form:
        form.base_fields.update(fields)  # type: ignore[attr-defined]
        form.declared_fields.update(fields)  # type: ignore[attr-defined]
        return form

    return add
