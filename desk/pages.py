"""What the desk's admin pages have in common: who is asking, one action, one form."""

from collections.abc import Callable, Mapping
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils.cache import patch_cache_control

from accounts.models import Member
from desk.acting import CannotAct
from desk.actions import Action


def staff_ref(request: HttpRequest) -> str:
    assert isinstance(request.user, Member)  # noqa: S101 (admin lets nobody else in)
    return request.user.member_ref


def require(request: HttpRequest, permission: str) -> None:
    if not request.user.has_perm(permission):
        raise PermissionDenied


def render(
    request: HttpRequest, template: str, context: Mapping[str, Any], status: int = 200
) -> HttpResponse:
    """A page of the admin that no cache keeps."""
    common = admin.site.each_context(request)
    answer = TemplateResponse(
        request, f"admin/desk/{template}.html", {**common, **context}, status=status
    )
    patch_cache_control(answer, no_store=True, private=True)
    return answer


def permitted[Subject](
    request: HttpRequest, actions: Mapping[str, Action[Subject]]
) -> dict[str, Action[Subject]]:
    """The actions that this member of staff may do."""
    return {
        name: action for name, action in actions.items() if request.user.has_perm(action.permission)
    }


def act_page[Subject](
    request: HttpRequest,
    actions: Mapping[str, Action[Subject]],
    name: str,
    subject: Subject,
    back: str,
) -> HttpResponse:
    """The form of one action; a POST does it and leads ``back``. 404 for an unknown action."""
    action = actions.get(name)
    if action is None:
        raise Http404
    require(request, action.permission)
    sent = request.method == "POST"
    form = action.form(
        request.POST if sent else None, request.FILES if sent else None, subject=subject
    )
    if sent and form.is_valid():
        own = dict(form.cleaned_data)
        given = {"by": staff_ref(request), "reason": own.pop("reason"), "press": own.pop("press")}
        return done(request, lambda: action.perform(subject, own, given), back)
    context = {"title": action.title, "action": action, "form": form, "back": back}
    return render(request, "act", context, 400 if sent else 200)


def done(request: HttpRequest, perform: Callable[[], str], back: str) -> HttpResponse:
    """Do it, say what came of it, and show the page again."""
    try:
        messages.success(request, perform())
    except CannotAct as refused:
        messages.error(request, str(refused))
    except IntegrityError:
        messages.error(request, "Nothing was done: the same was done at the same moment.")
    return redirect(back)
