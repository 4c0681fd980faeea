"""Finding a member and the member's page, under /admin/desk/memberpage/."""

from typing import Any

from django.conf import settings
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern, path, reverse
from django.utils.csp import CSP
from django.utils.decorators import method_decorator
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.csp import csp_override
from django.views.decorators.http import require_safe

from accounts.access_log import note, note_all
from accounts.models import Member, MemberAccess
from desk.actions import MEMBER
from desk.evidence import Damaged, download
from desk.forms import OpenForm, SearchForm
from desk.member_page import Page, Who
from desk.models import Evidence, MemberPage
from desk.opening import open_page, reason_given
from desk.pages import act_page, done, permitted, render, require, staff_ref
from desk.searching import Found, search
from desk.sees import as_seen
from ledger.models import Entry
from propagation.admin import ReadOnlyAdmin

What = MemberAccess.What
FRAMING: dict[str, Any] = {**settings.SECURE_CSP, "frame-src": [CSP.SELF]}
FRAMED: dict[str, Any] = {
    **settings.SECURE_CSP,
    "frame-ancestors": [CSP.SELF],
    "script-src": [CSP.NONE],
    "form-action": [CSP.NONE],
    "sandbox": [""],  # with no exceptions
}
"""The picture of the member's page: shown in our own page, with no script and no form at work."""


@admin.register(MemberPage)
class MemberPageAdmin(ReadOnlyAdmin):
    """Only the pages below: Django's own would show a member unmasked and without a reason."""

    def get_urls(self) -> list[URLPattern]:
        def page(route: str, view: Any, name: str) -> URLPattern:
            wrapped = self.admin_site.admin_view(view)
            url: URLPattern = path(route, wrapped, name=f"desk_memberpage_{name}")
            return url

        return [
            page("", self.search_view, "changelist"),
            page("evidence/<uuid:key>/", self.evidence_view, "evidence"),
            page("<str:ref>/", csp_override(FRAMING)(self.page_view), "change"),
            page("<str:ref>/open/", self.open_view, "open"),
            page(
                "<str:ref>/sees/",
                xframe_options_sameorigin(csp_override(FRAMED)(self.sees_view)),
                "sees",
            ),
            page("<str:ref>/do/<slug:action>/", self.act_view, "act"),
        ]

    def search_view(self, request: HttpRequest) -> HttpResponse:
        require(request, "desk.view_memberpage")
        form = SearchForm(request.POST if request.method == "POST" else None)
        groups = None
        if form.is_bound and form.is_valid():
            sent = form.cleaned_data
            groups = search(sent["q"], way=sent["way"], after=sent["after"])
            refs = {found.member_ref for group in groups for found in group.found}
            note_all(by=staff_ref(request), member_refs=sorted(refs), what=What.SEARCHED)
        shown = [(group, [_who(found) for found in group.found]) for group in groups or []]
        context = {"title": "Find a member", "form": form, "groups": shown,
                   "nothing": groups == []}  # fmt: skip
        return render(request, "search", context)

    @method_decorator(require_safe)
    def page_view(self, request: HttpRequest, ref: str) -> HttpResponse:
        require(request, "desk.view_memberpage")
        who = _whom(request, ref)
        reason = reason_given(request, ref)
        note(by=staff_ref(request), member_ref=ref, what=What.VIEWED, reason=reason)
        context = {"title": "Member", "who": who, "reason": reason, "open_form": OpenForm()}
        if who.open:
            looks = request.user.has_perm("accounts.view_memberaccess")
            context["page"] = Page(ref, who.member, looks=looks)
            context["actions"] = {
                name: action
                for name, action in permitted(request, MEMBER).items()
                if who.member or not action.known_members_only
            }
        return render(request, "member", context)

    def open_view(self, request: HttpRequest, ref: str) -> HttpResponse:
        """The member of staff says why they look."""
        require(request, "desk.view_memberpage")
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        _whom(request, ref)

        def opened() -> str:
            reason = request.POST.get("reason", "")
            open_page(request, ref, by=staff_ref(request), reason=reason)
            return "The page is open for 15 minutes. Your reason is in the access log."

        return done(request, opened, _address(ref))

    @method_decorator(require_safe)
    def sees_view(self, request: HttpRequest, ref: str) -> HttpResponse:
        require(request, "desk.view_memberpage")
        who = _opened(request, ref)
        if who.member is None:
            raise Http404
        answer = HttpResponse(as_seen(who.member))
        answer["Cache-Control"] = "no-store, private"
        return answer

    def act_view(self, request: HttpRequest, ref: str, action: str) -> HttpResponse:
        require(request, "desk.view_memberpage")
        who = _whom(request, ref)
        if not who.open:
            return redirect(_address(ref))
        return act_page(request, MEMBER, action, who, _address(ref))

    @method_decorator(require_safe)
    def evidence_view(self, request: HttpRequest, key: str) -> HttpResponse:
        require(request, "desk.view_evidence")
        found = get_object_or_404(Evidence.objects.select_related("member"), key=key)
        ref = found.member.member_ref
        _opened(request, ref)
        reason = f"evidence {found.sha256[:12]}: {reason_given(request, ref)}"
        note(by=staff_ref(request), member_ref=ref, what=What.EXPORTED, reason=reason)
        try:
            return download(found)
        except Damaged as error:
            return render(request, "damaged", {"title": "Evidence", "problem": error}, 409)


def _who(found: Found) -> Who:
    return Who(found.member_ref, found.member, open=False)


def _whom(request: HttpRequest, ref: str) -> Who:
    """404 for a reference that neither a member nor the ledger has."""
    member = Member.objects.filter(member_ref=ref).first()
    if "\0" in ref or (member is None and not Entry.objects.filter(member_ref=ref).exists()):
        raise Http404
    return Who(ref, member, open=bool(reason_given(request, ref)))


def _opened(request: HttpRequest, ref: str) -> Who:
    who = _whom(request, ref)
    if not who.open:
        raise PermissionDenied("Say first why you look.")
    return who


def _address(ref: str) -> str:
    return reverse("admin:desk_memberpage_change", args=[ref])
