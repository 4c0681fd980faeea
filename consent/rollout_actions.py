"""What staff do with a rollout in Django admin: pause, resume, start and move it, with a reason."""

from collections.abc import Callable
from datetime import date
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone

from consent import launch
from consent.models import Rollout
from consent.notice_admin import staff

SHOWN = 100
"""Changes on the page of a rollout, the newest; an evidence pack has all."""


class ReasonForm(forms.Form):
    reason = forms.CharField(
        widget=forms.Textarea(attrs={"rows": 3}),
        max_length=2_000,
        help_text="Kept in the history, which nobody can change. Name no member in it.",
    )


class MoveForm(ReasonForm):
    starts_on = forms.DateField(
        label="First day on which data is used",
        widget=forms.DateInput(attrs={"type": "date"}),
        help_text="Members read it at once.",
    )
    field_order = ("starts_on", "reason")


def _pause(rollout: Rollout, by: str, sent: dict[str, Any]) -> str:
    rollout.pause(by=by, reason=sent["reason"])
    return "It is paused: no data is used, and members read so from now on."


def _resume(rollout: Rollout, by: str, sent: dict[str, Any]) -> str:
    rollout.resume(by=by, reason=sent["reason"])
    return "It goes on, and members read so from now on."


def _start(rollout: Rollout, by: str, sent: dict[str, Any]) -> str:
    return _move(rollout, by, {**sent, "starts_on": timezone.localdate()})


def _move(rollout: Rollout, by: str, sent: dict[str, Any]) -> str:
    starts_on: date = sent["starts_on"]
    rollout.reschedule(starts_on, by=by, reason=sent["reason"])
    if not rollout.held:
        return f"It starts on {starts_on}, and members read so from now on."
    lacking = " ".join(launch.missing(rollout, timezone.localdate()))
    return f"It starts on {starts_on} if nothing is missing by then. Now: {lacking or 'nothing.'}"


# Action: what its button says, what its page asks, its form, what it does.
Act = Callable[[Rollout, str, dict[str, Any]], str]
ACTIONS: dict[str, tuple[str, str, type[ReasonForm], Act]] = {
    "pause": ("Pause …", "While it is paused, no data is used.", ReasonForm, _pause),
    "resume": ("Resume …", "The data of those who did not object is used.", ReasonForm, _resume),
    "start": ("Start today …", "Unless something is missing, it starts today.", ReasonForm, _start),
    "move": ("Move the start …", "The start is another day.", MoveForm, _move),
}


def possible(rollout: Rollout) -> list[str]:
    """The actions that make sense now."""
    later = rollout.starts_on > timezone.localdate()
    return [
        "resume" if rollout.paused_at else "pause",
        *(["start"] if later and not rollout.paused_at else []),
        "move",
    ]


class RolloutActions(admin.ModelAdmin):  # type: ignore[type-arg]
    """Buttons on the page of a rollout, and a page for each that asks for the reason."""

    change_form_template = "admin/consent/rollout/change_form.html"

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.act_view)
        return [
            path("<int:pk>/do/<slug:action>/", view, name="consent_rollout_act"),
            *super().get_urls(),
        ]

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        rollout = self.get_object(request, object_id)
        known = {
            "acts": self._acts(request, rollout) if rollout else [],
            "changes": rollout.history.order_by("-at", "-pk")[:SHOWN] if rollout else [],
            # Nothing on the page is a field.
            "show_save": False,
            "show_save_and_continue": False,
            "show_save_and_add_another": False,
        }
        return super().change_view(request, object_id, form_url, (extra_context or {}) | known)

    def _acts(self, request: HttpRequest, rollout: Rollout) -> list[tuple[str, str]]:
        """Address and words of what the reader may do with it now."""
        if not self.has_change_permission(request, rollout):
            return []
        return [
            (reverse("admin:consent_rollout_act", args=[rollout.pk, action]), ACTIONS[action][0])
            for action in possible(rollout)
        ]

    def act_view(self, request: HttpRequest, pk: int, action: str) -> HttpResponse:
        """Asks for the reason, and does it with that."""
        rollout = get_object_or_404(Rollout, pk=pk)
        if not self.has_change_permission(request, rollout):
            raise PermissionDenied
        if action not in ACTIONS:
            raise Http404
        words, question, form_class, act = ACTIONS[action]
        form = form_class(request.POST or None)
        if request.method == "POST" and form.is_valid():
            try:
                done = act(rollout, staff(request).member_ref, form.cleaned_data)
            except ValidationError as error:  # somebody else was quicker, or the date is wrong
                form.add_error(None, error.messages)
            else:
                self.log_change(request, rollout, done)
                messages.success(request, f"{rollout}: {done}")
                return redirect("admin:consent_rollout_change", rollout.pk)
        return self._ask(request, rollout, words, question, form)

    def _ask(
        self, request: HttpRequest, rollout: Rollout, words: str, question: str, form: forms.Form
    ) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": f"{rollout}: {words.removesuffix(' …').lower()}",
            "rollout": rollout,
            "question": question,
            "form": form,
            "missing": launch.missing(rollout, timezone.localdate()) if rollout.held else [],
        }
        return TemplateResponse(request, "admin/consent/rollout/act.html", context)
