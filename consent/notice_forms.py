"""Forms in which staff write notices: the structure, and one text beside the reference text."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from consent.models import Notice, NoticeText

CODE = re.compile(r"\A[a-z][a-z0-9_]{0,39}\Z")
SHORT = {"purpose_name", "title"}


class KindsField(forms.CharField):
    """Codes of kinds of data, one on each line; a list of words in the database."""

    widget = forms.Textarea(attrs={"rows": 7, "cols": 40})

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, list) else value

    def clean(self, value: Any) -> list[str]:
        codes: list[str] = super().clean(value).split()
        for code in codes:
            if not CODE.match(code):
                raise ValidationError(
                    "%(code)r is no code: small letters, digits and _.", params={"code": code}
                )
        if len(set(codes)) < len(codes):
            raise ValidationError("A kind of data stands here twice.")
        return codes

    def has_changed(self, initial: Any, data: Any) -> bool:
        return super().has_changed(self.prepare_value(initial), data)


class NoticeForm(forms.ModelForm):  # type: ignore[type-arg]
    used = KindsField(
        help_text="Kinds of data that are used: a code on each line, as profile or "
        "public_content. Each text then has words for it."
    )
    never_used = KindsField(
        required=False, help_text="Kinds of data that are never used, in the same way."
    )

    class Meta:
        model = Notice
        fields = ("purpose", "version", "used", "never_used")

    def clean(self) -> None:
        super().clean()
        used, never = (self.cleaned_data.get(name, []) for name in ("used", "never_used"))
        if both := sorted({*used} & {*never}):
            self.add_error("never_used", f"Used and never used at once: {', '.join(both)}.")


@dataclass(frozen=True, slots=True)
class Row:
    """A field beside what the reference text says there."""

    field: forms.BoundField
    reference: str


class TextForm(forms.ModelForm):  # type: ignore[type-arg]
    """A text of a notice. Anything may be left empty in a draft; `consent.completeness` tells."""

    class Meta:
        model = NoticeText
        fields = NoticeText.PLACEHOLDER_FIELDS

    def __init__(self, *args: Any, reference: NoticeText | None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.reference = reference
        for name, field in self.fields.items():
            field.required = False
            if name not in SHORT:
                field.widget.attrs["rows"] = 3
            field.widget.attrs["lang"] = self.instance.language
        for kind in self.kinds:
            self._add_kind(kind)

    @property
    def kinds(self) -> list[str]:
        notice = self.instance.notice
        return [*notice.used, *notice.never_used]

    def _add_kind(self, kind: str) -> None:
        words = self.instance.kinds.get(kind, {})
        for part, rows in (("label", 1), ("detail", 3)):
            self.fields[f"{kind}.{part}"] = forms.CharField(
                label=f"{kind}: {part}",
                required=False,
                max_length=2_000,
                initial=words.get(part, ""),
                widget=forms.Textarea(attrs={"rows": rows, "lang": self.instance.language}),
            )

    def rows(self) -> Iterator[Row]:
        """In the order of the member's page."""
        for name in self.fields:
            yield Row(self[name], self._reference_of(name))

    def _reference_of(self, name: str) -> str:
        if self.reference is None:
            return ""
        kind, dot, part = name.partition(".")
        if dot:
            return str(self.reference.kinds.get(kind, {}).get(part, ""))
        return str(getattr(self.reference, name))

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or self.cleaned_data
        self.instance.kinds = {
            kind: {part: values.get(f"{kind}.{part}", "") for part in ("label", "detail")}
            for kind in self.kinds
        }
        return values
