"""What staff fill in for an action. Every one has a reason and stands for one press."""

import uuid
from typing import Any

from django import forms
from django.conf import settings
from django.contrib.auth.models import Group
from django.utils import timezone, translation

from accounts.cldr import country_choices
from accounts.models import Member
from desk.acting import REASON_LENGTH
from desk.evidence import Examined, examine
from desk.models import MemberRequest
from desk.roles import Role
from ledger.models import Entry

WAYS = [("phone", "By phone"), ("letter", "By letter"), ("mail", "By mail"),
        ("in person", "In person")]  # fmt: skip
ANSWERING = (Role.SUPPORT_AGENT, Role.SUPPORT_LEAD, Role.PRIVACY_OFFICER)


class SearchForm(forms.Form):
    # In the body and not in the address: addresses end up in logs and histories.
    q = forms.CharField(
        label="Find a member",
        strip=True,
        help_text=(
            "Beginning of an e-mail address, reference, name or receipt number; or paste a link "
            "from a mail, or a receipt."
        ),
        widget=forms.Textarea(attrs={"rows": 2, "cols": 60, "autofocus": True}),
    )
    way = forms.CharField(required=False, max_length=8, widget=forms.HiddenInput)
    after = forms.CharField(required=False, max_length=300, widget=forms.HiddenInput)


class OpenForm(forms.Form):
    reason = forms.CharField(
        label="Ticket number, or why you look",
        max_length=500,
        help_text="Kept in the access log, which auditors and the member can read.",
    )


class ReasonForm(forms.Form):
    press = forms.UUIDField(widget=forms.HiddenInput, initial=uuid.uuid4)
    reason = forms.CharField(
        max_length=REASON_LENGTH,
        widget=forms.Textarea(attrs={"rows": 4, "cols": 60}),
        help_text=(
            "Kept for good, also when the member is erased: so no names or addresses. The member "
            "finds it in their download."
        ),
    )

    def __init__(self, *args: Any, subject: Any, **kwargs: Any) -> None:
        """``subject``: the member, request or correction that it is about."""
        super().__init__(*args, **kwargs)
        self.subject = subject
        self.order_fields([*(name for name in self.fields if name != "reason"), "reason"])


class ObjectionForm(ReasonForm):
    way = forms.ChoiceField(label="How the member objected", choices=WAYS)
    evidence = forms.FileField(
        required=False,
        help_text="The letter, mail or picture of it: PDF, PNG, JPEG, text or .eml, up to 10 MB.",
    )

    def clean_evidence(self) -> Examined | None:
        file = self.cleaned_data["evidence"]
        return examine(file) if file else None


class ReceiptForm(ReasonForm):
    revision = forms.TypedChoiceField(label="Of which choice", coerce=int)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        entries = Entry.objects.of(self.subject.member_ref, settings.PURPOSE)[:100]
        self.fields["revision"].choices = [  # type: ignore[attr-defined]
            (e.revision, f"{e.revision}: {e.decision} on {e.recorded_at:%Y-%m-%d}") for e in entries
        ]


class CountryForm(ReasonForm):
    country = forms.ChoiceField(label="Country in which the member lives")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        with translation.override("en"):
            self.fields["country"].choices = list(country_choices())  # type: ignore[attr-defined]


class RequestForm(ReasonForm):
    kind = forms.ChoiceField(label="What the member asks for", choices=MemberRequest.Kind)
    received_on = forms.DateField(
        label="Arrived on",
        initial=timezone.localdate,
        widget=forms.DateInput(attrs={"type": "date"}),
        help_text="By any way, at any of our addresses: the month starts there.",
    )


class CorrectionForm(ReasonForm):
    meant_ref = forms.CharField(
        label="Reference of the member who did object",
        required=False,
        max_length=64,
        help_text="The objection is recorded for them when a second person agrees.",
    )


class OwnerForm(ReasonForm):
    owner = forms.ChoiceField(label="Who answers it")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        groups = Group.objects.filter(name__in=ANSWERING)
        staff = Member.objects.filter(groups__in=groups, is_staff=True, is_active=True).distinct()
        self.fields["owner"].choices = [  # type: ignore[attr-defined]
            (person.member_ref, person.email) for person in staff.order_by("email")[:500]
        ]


class TodoForm(ReasonForm):
    todo = forms.TypedChoiceField(label="What is done", coerce=int)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        left = self.subject.todos.filter(done_at=None)
        self.fields["todo"].choices = [(todo.pk, todo.text) for todo in left]  # type: ignore[attr-defined]
