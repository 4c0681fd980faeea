"""The forms of the campaign manager: a draft as a whole, and what may change while it runs."""

import hashlib
import json
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.http import QueryDict

from accounts.regions import REGIONS
from campaigns.form_fields import (
    LIMITS,
    WORDS,
    CountriesField,
    LimitFields,
    SeedsField,
    TextFields,
    TextKey,
    text_keys,
    with_fields,
)
from campaigns.lifecycle import WHILE_RUNNING
from campaigns.models import UNKNOWN, Campaign
from campaigns.names import region_name, site_languages
from consent.models import Notice

LABELS = {
    "joined_before": "Joined before",
    "told": "Who knows of it already",
    "told_days": "Days since they were told",
    "objected": "Who has objected",
    "minors": "Members under 18",
    "sent_elsewhere": "Another system sends the mails",
    "starts_at": "Start",
    "stops_at": "Last moment",
    "per_minute": "Mails a minute",
    "ramp_from": "Warm-up: mails a minute at the beginning",
    "ramp_hours": "Warm-up: hours",
    "quiet_from": "Quiet from",
    "quiet_until": "Quiet until",
}
HELP = {
    "name": "For staff. It stands in the report.",
    "notice": "What is told. It has to be the one that members are shown when you prepare.",
    "joined_before": "Only members who joined before this time (UTC). Empty: all.",
    "told": "Whether they know of this notice: by mail, by having seen the page, or by a letter.",
    "told_days": "For a reminder: told at least so many days ago.",
    "objected": "By the choice that holds when the mail is about to be sent.",
    "minors": "Their data is never used. Their own texts are below, beside the others.",
    "sent_elsewhere": "It gets the personal links from here, and tells what became of each mail.",
    "starts_at": "UTC. It does not start before it is released and its audience is written down.",
    "stops_at": "UTC. Whoever still waits then is not mailed, and the report says so.",
    "per_minute": "In all, at most.",
    "ramp_from": "Mailbox providers distrust a sender who is "
    "suddenly loud: it then grows by the same factor each hour.",
    "ramp_hours": "How many hours it takes to come to the full pace.",
    "quiet_from": "No mail goes out from this time on, by the clock where the member lives …",
    "quiet_until": "… until this time.",
}


@with_fields(LIMITS | WORDS)
class CampaignForm(LimitFields, TextFields, forms.ModelForm):  # type: ignore[type-arg]
    """A draft. What else is wrong with it, the model says (`Campaign.clean`)."""

    regions = forms.MultipleChoiceField(
        required=False,
        widget=forms.CheckboxSelectMultiple,
        choices=[(code, region_name(code)) for code in (*REGIONS, UNKNOWN)],
        help_text="None ticked: members everywhere. Where account and member disagree about the "
        "country, both count.",
    )
    countries = CountriesField(
        rows=4,
        help_text="These countries as well: one on each line, by English name or code (DE). Empty: "
        "the regions alone decide.",
    )
    languages = forms.MultipleChoiceField(
        required=False,
        widget=forms.CheckboxSelectMultiple,
        choices=site_languages,
        help_text="Only members who get their mail in one of these. None ticked: all.",
    )
    seeds = SeedsField(
        rows=4,
        label="Test addresses",
        help_text="Your own addresses at several mailbox providers, one on each line. Tests go "
        "there, on a button of the preview.",
    )
    opened = forms.CharField(required=False, widget=forms.HiddenInput)

    class Meta:
        model = Campaign
        fields = (
            "name", "notice", "regions", "countries", "languages", "joined_before", "told",
            "told_days", "objected", "minors", "seeds", "sent_elsewhere", "starts_at",
            "stops_at", "per_minute", "ramp_from", "ramp_hours", "quiet_from", "quiet_until",
        )  # fmt: skip
        labels = LABELS
        help_texts = HELP

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        own = self.texts_of(self.instance) | self.limits_of(self.instance)
        self.initial = {**own, "opened": _digest(self.instance), **self.initial}
        if notice := Notice.objects.filter(pk=self.initial.get("notice") or 0).first():
            self._show_what_is_said_without(notice)

    def _show_what_is_said_without(self, notice: Notice) -> None:
        for translation in notice.translations.all():
            for key in ("subject", "minor_subject"):
                field = self.fields.get(TextKey(translation.language, key).field)
                if field:
                    field.widget.attrs["placeholder"] = translation.filled().title

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or self.cleaned_data
        self._check_untouched()
        self._check_languages(values.get("notice"))
        self.instance.texts, self.instance.limits = self.texts(), self.limits()
        return values

    def _check_untouched(self) -> None:
        """Nobody has prepared or changed it since the page was opened; holds it until the end."""
        if not self.instance.pk:
            return
        now = Campaign.objects.select_for_update().get(pk=self.instance.pk)
        if now.state != Campaign.State.DRAFT:
            raise ValidationError(
                f"The campaign is {now.state} meanwhile, so nothing was saved. Withdraw it on its "
                "page; then this can be saved."
            )
        if self.cleaned_data.get("opened") != _digest(now):
            # Who saves again has read this.
            again = QueryDict(mutable=True)
            again.update(self.data)
            again["opened"] = _digest(now)
            self.data = again
            raise ValidationError(
                "Somebody else has changed this campaign since you opened it. Nothing was saved, "
                "and your entries are below. Look at theirs in another tab; saving again puts "
                "yours in place of theirs."
            )

    def _check_languages(self, notice: Notice | None) -> None:
        if notice is None:
            return
        written = set(notice.translations.values_list("language", flat=True))
        for text in text_keys():
            if self.cleaned_data.get(text.field) and text.language not in written:
                self.add_error(
                    text.field,
                    "The notice has no text in this language, so nobody would get this. "
                    "Translate the notice first.",
                )


def _digest(campaign: Campaign) -> str:
    """Differs when anything in the form does."""
    names = {*CampaignForm.Meta.fields, "texts", "limits", "notice_id"} - {"notice"}
    values = {name: getattr(campaign, name) for name in names}
    written = json.dumps(values, sort_keys=True, default=str)
    return hashlib.sha256(written.encode()).hexdigest()


class ReasonForm(forms.Form):
    reason = forms.CharField(
        max_length=1_000,
        widget=forms.Textarea(attrs={"rows": 2, "cols": 60}),
        help_text="Kept in the history and in the report.",
    )


def _day_and_time() -> forms.DateTimeInput:
    attrs = {"type": "datetime-local", "step": 1}
    return forms.DateTimeInput(format="%Y-%m-%dT%H:%M:%S", attrs=attrs)


def _time() -> forms.TimeInput:
    return forms.TimeInput(format="%H:%M:%S", attrs={"type": "time", "step": 1})


@with_fields(LIMITS)
class PaceForm(LimitFields, forms.ModelForm):  # type: ignore[type-arg]
    """When and how fast, which may change after the release, with a reason."""

    reason = ReasonForm.base_fields["reason"]

    class Meta:
        model = Campaign
        fields = (
            "starts_at", "stops_at", "per_minute", "ramp_from", "ramp_hours", "quiet_from",
            "quiet_until",
        )  # fmt: skip
        labels = LABELS
        help_texts = HELP
        widgets = {  # noqa: RUF012 (Django's way)
            "starts_at": _day_and_time(), "stops_at": _day_and_time(),
            "quiet_from": _time(), "quiet_until": _time(),
        }  # fmt: skip

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.initial = {**self.limits_of(self.instance), **self.initial}
        # Compared with what holds, not with what the page says that it showed.
        self.fields["starts_at"].show_hidden_initial = False

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or self.cleaned_data
        self.instance.limits = self.limits()
        return values

    def changes(self) -> dict[str, Any]:
        """What differs from what was there when the page was opened, for `lifecycle.change`."""
        changed = {name: self.cleaned_data[name] for name in WHILE_RUNNING & set(self.changed_data)}
        if any(name.startswith("limit_") for name in self.changed_data):
            changed["limits"] = self.limits()
        return changed
