"""What staff can do with a campaign on its page: who may, when, and what is asked of them.

Each action is one call of a service in `campaigns.lifecycle` or `campaigns.seeds`, which decides
alone whether it is possible; what is listed here only spares people buttons that cannot work.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from campaigns import lifecycle
from campaigns.forms import PaceForm, ReasonForm
from campaigns.lifecycle import CampaignError
from campaigns.models import Campaign
from campaigns.names import language_name, members
from campaigns.previewing import groups_of
from campaigns.seeds import send_tests

State = Campaign.State
PREPARE, RELEASE = "campaigns.prepare_campaign", "campaigns.release_campaign"
STOP = "campaigns.stop_campaigns"


class OptionalReasonForm(forms.Form):
    reason = forms.CharField(
        required=False,
        max_length=1_000,
        widget=forms.Textarea(attrs={"rows": 2, "cols": 60}),
        help_text="Kept in the history and in the report.",
    )


class ReleaseForm(forms.Form):
    """Has to name each language that there is no text in, so that none is accepted unseen."""

    accepted = forms.MultipleChoiceField(
        required=False,
        widget=forms.CheckboxSelectMultiple,
        label="Accept that these members get the text in the default language",
    )

    def __init__(self, *args: Any, campaign: Campaign, **options: Any) -> None:
        super().__init__(*args, **options)
        numbers = lifecycle.numbers_of(campaign)
        self.fallbacks = numbers.fallbacks if numbers else {}
        self.fields["accepted"].choices = [  # type: ignore[attr-defined]
            (code, f"{language_name(code)}: {members(number)}")
            for code, number in self.fallbacks.items()
        ]
        if not self.fallbacks:
            del self.fields["accepted"]

    @property
    def all_accepted(self) -> bool:
        return set(self.fallbacks) <= set(self.cleaned_data.get("accepted", []))


class TestForm(forms.Form):
    languages = forms.MultipleChoiceField(
        widget=forms.CheckboxSelectMultiple, label="In these languages"
    )

    def __init__(self, *args: Any, campaign: Campaign, **options: Any) -> None:
        super().__init__(*args, **options)
        written = campaign.notice.translations.order_by("language")
        self.fields["languages"].choices = [  # type: ignore[attr-defined]
            (code, language_name(code)) for code in written.values_list("language", flat=True)
        ]


@dataclass(frozen=True, slots=True)
class Action:
    """``permissions``: any of them; ``needs``: what it does, in words for who decides.

    ``run`` takes the campaign, who does it and the valid form, and says what it did.
    """

    name: str
    label: str
    permissions: tuple[str, ...]
    states: tuple[str, ...]
    explains: str
    run: Callable[[Campaign, str, Any], str]
    form: type[forms.BaseForm] = forms.Form
    not_by_preparer: bool = False

    def allowed(self, user: Any) -> bool:
        return any(user.has_perm(permission) for permission in self.permissions)

    def make_form(self, campaign: Campaign, data: Any = None) -> Any:
        """Each form's names carry the action's: there are several on the page."""
        options: dict[str, Any] = {"prefix": self.name}
        if self.form in {ReleaseForm, TestForm}:
            options["campaign"] = campaign
        elif self.form is PaceForm:
            # A copy: the form writes into it before anybody has said yes.
            options["instance"] = Campaign.objects.get(pk=campaign.pk)
        return self.form(data, **options)


def _count(campaign: Campaign, by: str, form: Any) -> str:
    lifecycle.count(campaign)
    return "The audience is being counted. The numbers come up here by themselves."


def _prepare(campaign: Campaign, by: str, form: Any) -> str:
    lifecycle.prepare(campaign, by=by)
    return "It is prepared. Somebody else has to look at it and release it."


def _withdraw(campaign: Campaign, by: str, form: Any) -> str:
    lifecycle.withdraw(campaign, by=by, reason=form.cleaned_data["reason"])
    return "It is a draft again and can be changed."


def _release(campaign: Campaign, by: str, form: Any) -> str:
    lifecycle.release(campaign, by=by, accept_fallbacks=form.all_accepted)
    return "It is released. The audience is being written down; then it starts when its time comes."


def _pause(campaign: Campaign, by: str, form: Any) -> str:
    lifecycle.pause(campaign, by=by, reason=form.cleaned_data["reason"])
    return "It is paused: within about a second nothing more goes out."


def _resume(campaign: Campaign, by: str, form: Any) -> str:
    lifecycle.resume(campaign, by=by, reason=form.cleaned_data["reason"])
    return "It goes on where it was."


def _change(campaign: Campaign, by: str, form: Any) -> str:
    changes = form.changes()
    if not changes:
        raise CampaignError("Nothing is different from what holds now.")
    lifecycle.change(campaign, by=by, reason=form.cleaned_data["reason"], **changes)
    return "It is changed, and holds from the next mails on."


def _kill(campaign: Campaign, by: str, form: Any) -> str:
    lifecycle.kill(campaign, by=by, reason=form.cleaned_data["reason"])
    return "It has ended for good. Whoever was not mailed yet is left out."


def _test(campaign: Campaign, by: str, form: Any) -> str:
    groups = groups_of(campaign, form.cleaned_data["languages"])
    problems = send_tests(campaign, groups, by=by)
    if problems:
        raise CampaignError(
            "Not all tests were sent. "
            + " ".join(f"{address}: {problem}" for address, problem in problems.items())
        )
    return f"{len(groups)} mails were sent to each of {len(campaign.seeds)} test addresses."


ACTIONS = {
    action.name: action
    for action in (
        Action(
            "count", "Count the audience", (PREPARE, RELEASE), (State.DRAFT, State.PREPARED),
            "How many members it would go to now. It runs in the background; go on working.",
            _count,
        ),
        Action(
            "test", "Send tests", (PREPARE, RELEASE), (State.DRAFT, State.PREPARED),
            "To the test addresses alone. Their links object for nobody else.",
            _test, TestForm,
        ),
        Action(
            "prepare", "Prepare", (PREPARE,), (State.DRAFT,),
            "You are done. Texts and rule are locked, and the audience is counted; then somebody "
            "else releases it.",
            _prepare,
        ),
        Action(
            "release", "Release", (RELEASE,), (State.PREPARED,),
            "You have looked at the preview, the rule and the numbers. They are kept as they are "
            "for good, and the mails go out from the start on.",
            _release, ReleaseForm, not_by_preparer=True,
        ),
        Action(
            "withdraw", "Withdraw", (PREPARE, RELEASE), (State.PREPARED,),
            "Back to a draft, so that it can be changed.", _withdraw, ReasonForm,
        ),
        Action(
            "pause", "Pause", (PREPARE, RELEASE, STOP), (State.RELEASED, State.RUNNING),
            "Nothing more goes out until somebody resumes it.", _pause, ReasonForm,
        ),
        Action(
            "resume", "Resume", (PREPARE, RELEASE), (State.PAUSED,),
            "It goes on where it was.", _resume, OptionalReasonForm,
        ),
        Action(
            "change", "Change when and how fast", (PREPARE,), Campaign.UNDER_WAY,
            "Holds from the next mails on. To whom and what does not change any more.",
            _change, PaceForm,
        ),
        Action(
            "kill", "End for good", (STOP,), Campaign.UNDER_WAY,
            "It cannot be started again. Whoever was not mailed yet is left out.",
            _kill, ReasonForm,
        ),
    )
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Offer:
    """An action that somebody may do now. ``form`` keeps what was typed; ``problem``: why it did
    not work, in words."""

    action: Action
    form: Any
    problem: str = ""
    barred: str = ""

    @property
    def is_open(self) -> bool:
        return bool(self.problem or self.form.errors)


def offers(campaign: Campaign, user: Any) -> Iterator[Offer]:
    for action in ACTIONS.values():
        if campaign.state in action.states and action.allowed(user):
            own = action.not_by_preparer and campaign.prepared_by == user.member_ref
            barred = "You prepared it yourself: somebody else has to release it." if own else ""
            yield Offer(action, action.make_form(campaign), barred=barred)


def act(action: Action, campaign: Campaign, *, by: str, data: Any) -> tuple[str, Offer | None]:
    """Do it: what was done, in words; or else the offer again, with what is wrong."""
    form = action.make_form(campaign, data)
    if not form.is_valid():
        return "", Offer(action, form)
    try:
        return action.run(campaign, by, form), None
    except CampaignError as error:
        return "", Offer(action, form, str(error))
    except ValidationError as error:
        return "", Offer(action, form, " ".join(error.messages))
