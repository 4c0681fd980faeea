"""Sessions of staff: they end after idle time, and at once when somebody leaves."""

import time
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib.auth import logout
from django.contrib.auth.models import Group
from django.contrib.auth.views import redirect_to_login
from django.db.models.signals import m2m_changed, pre_delete
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from accounts.models import Member, Session
from accounts.second_factor import has_second_factor, used_second_factor, way_to_second_factor

SEEN = "staff_seen_at"
"""Marks the session of somebody of staff."""
STEP = 60
"""Seconds between two notes that a session is in use: not each page writes to the database."""


class StaffMiddleware:
    """Keeps everything under /admin/ for staff with a second factor, and ends their sessions."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        # Without the cookie nobody is signed in: not even the session is looked at then.
        if settings.SESSION_COOKIE_NAME in request.COOKIES:
            member = request.user
            if member.is_authenticated and member.is_staff:
                _keep_alive(request)
                if answer := _second_factor_first(request, member):
                    return answer
            elif SEEN in request.session:
                logout(request)  # they have left: nothing of the session is kept
        return self.get_response(request)


def _keep_alive(request: HttpRequest) -> None:
    if not 0 <= time.time() - request.session.get(SEEN, 0) < STEP:
        request.session[SEEN] = time.time()
        request.session.set_expiry(settings.STAFF_IDLE_MINUTES * 60)


def _second_factor_first(request: HttpRequest, member: Member) -> HttpResponse | None:
    """By the address, so that whatever is added below it is kept as well."""
    index = reverse("admin:index")
    if not request.path.startswith(index):
        return None
    if used_second_factor(request) and has_second_factor(member):
        return None
    back = request.get_full_path() if request.method == "GET" else index
    return redirect_to_login(back, way_to_second_factor(member))


def end_sessions(*members: int) -> None:
    Session.objects.filter(member_id__in=members).delete()


@receiver(m2m_changed, sender=Member.groups.through)
@receiver(m2m_changed, sender=Member.user_permissions.through)
def _rights_taken_away(
    instance: Any, action: str, reverse: bool, pk_set: set[int] | None, **_values: Any
) -> None:
    if action not in {"post_remove", "pre_clear"}:
        return
    if not reverse:
        end_sessions(instance.pk)
    else:
        end_sessions(*(pk_set or instance.user_set.values_list("pk", flat=True)))


@receiver(pre_delete, sender=Group)
def _group_taken_away(instance: Group, **_values: Any) -> None:
    end_sessions(*instance.user_set.values_list("pk", flat=True))
