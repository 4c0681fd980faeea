"""Notices in Django admin: written side by side with the reference text, looked at as members will
see them, compared, checked, and published by two."""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect, render
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import translation
from django.utils.csp import CSP
from django.utils.decorators import method_decorator
from django.views.decorators.csp import csp_override

from accounts.models import Member
from consent import completeness, notice_diff, preview, publishing
from consent.models import Notice, NoticeText
from consent.notice_forms import NoticeForm, TextForm

PREVIEW_CSP = {**settings.SECURE_CSP, "frame-src": [CSP.SELF]}
FRAMED_CSP = {**settings.SECURE_CSP, "frame-ancestors": [CSP.SELF], "script-src": [CSP.NONE]}


def staff(request: HttpRequest) -> Member:
    """Who is at work; admin lets nobody else in."""
    assert isinstance(request.user, Member)  # noqa: S101
    return request.user


def _propose(notice: Notice, who: Member) -> str:
    publishing.propose(notice, by=who.member_ref)
    return f"{notice} is proposed. Somebody else can publish it now."


def _withdraw(notice: Notice, who: Member) -> str:
    publishing.withdraw(notice)
    return f"{notice} is a draft again."


def _publish(notice: Notice, who: Member) -> str:
    publishing.publish(notice, by=who.member_ref)
    return f"{notice} is published: members see it from now on."


def _new_version(notice: Notice, who: Member) -> str:
    return f"{publishing.new_version(notice, by=who.member_ref)} is a draft with the same texts."


# Action: the permission that it needs, what the page asks, what it does.
ACTIONS: dict[str, tuple[str, str, Callable[[Notice, Member], str]]] = {
    "propose": (
        "consent.propose_notice",
        "Propose it for publishing? From then on nobody can change it, until it is published or "
        "the proposal is taken back.",
        _propose,
    ),
    "withdraw": (
        "consent.propose_notice",
        "Take the proposal back? Then it can be changed again.",
        _withdraw,
    ),
    "publish": (
        "consent.publish_notice",
        "Publish it? Members see it at once, and nobody can change or delete it any more.",
        _publish,
    ),
    "new-version": (
        "consent.add_notice",
        "Make a new version? It begins with the texts of this one.",
        _new_version,
    ),
}


class NoticeAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    form = NoticeForm
    list_display = ("__str__", "state", "edited_by", "proposed_by", "published_by", "published_at")
    readonly_fields = ("edited_by", "proposed_by", "proposed_at", "published_by", "published_at")
    ordering = ("purpose", "-version")
    actions = ("publish_selected",)
    change_form_template = "admin/consent/notice/change_form.html"

    @admin.display
    def state(self, notice: Notice) -> str:
        if notice.published_at:
            return "published"
        return "proposed" if notice.proposed_at else "draft"

    def has_change_permission(self, request: HttpRequest, obj: Notice | None = None) -> bool:
        return super().has_change_permission(request, obj) and (obj is None or obj.is_draft)

    def has_delete_permission(self, request: HttpRequest, obj: Notice | None = None) -> bool:
        may = super().has_delete_permission(request, obj)
        return obj is not None and may and obj.is_draft

    def has_publish_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("consent.publish_notice")

    @admin.action(description="Publish what others proposed", permissions=["publish"])
    def publish_selected(self, request: HttpRequest, notices: QuerySet[Notice]) -> None:
        for notice in notices:
            self._act(request, notice, _publish)

    def save_model(self, request: HttpRequest, obj: Notice, form: Any, change: bool) -> None:
        obj.edited_by = staff(request).member_ref
        obj.save()

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        notice = self.get_object(request, object_id)
        known = {"languages": _languages(notice), "acts": _acts(request, notice)} if notice else {}
        try:
            return super().change_view(request, object_id, form_url, (extra_context or {}) | known)
        except ValidationError as error:  # it was proposed or published meanwhile
            messages.error(request, " ".join(error.messages))
            return redirect("admin:consent_notice_change", object_id)

    def get_urls(self) -> list[URLPattern]:
        pages = (
            ("text/<slug:code>/", self.text_view, "text"),
            ("preview/", self.preview_view, "preview"),
            ("preview/<slug:code>/<slug:state>/", self.framed_view, "framed"),
            ("diff/", self.diff_view, "diff"),
            ("checks/", self.checks_view, "checks"),
            ("do/<slug:action>/", self.act_view, "act"),
        )
        return [
            path(
                f"<int:pk>/{route}",
                self.admin_site.admin_view(view),
                name=f"consent_notice_{name}",
            )
            for route, view, name in pages
        ] + super().get_urls()

    def text_view(self, request: HttpRequest, pk: int, code: str) -> HttpResponse:
        """Write or read one text, beside the reference text."""
        notice = self._notice(request, pk)
        text, reference = _text(notice, code), _reference(notice, code)
        editable = self.has_change_permission(request, notice)
        form = TextForm(request.POST or None, instance=text, reference=reference)
        if request.method == "POST":
            if not editable:
                raise PermissionDenied
            if form.is_valid() and self._kept(request, form.instance):
                return HttpResponseRedirect(request.path)
        checked = text.pk and request.method != "POST"
        context = {
            "form": form,
            "editable": editable,
            "text": text,
            "reference": reference,
            "items": completeness.items(text) if checked else [],
            "problems": completeness.problems(text, reference) if checked else [],
        }
        title = f"{notice}: {text.get_language_display()}"
        return self._page(request, "text", notice, title, **context)

    def _kept(self, request: HttpRequest, text: NoticeText) -> bool:
        try:
            publishing.save_text(text, by=staff(request).member_ref)
        except ValidationError as error:
            messages.error(request, " ".join(error.messages))
        else:
            self.log_change(request, text.notice, f"The text in {text.language!r} was saved.")
            messages.success(request, "Saved.")
        return True

    @method_decorator(csp_override(PREVIEW_CSP))
    def preview_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Choose language and state, and see the member's page in a frame."""
        notice = self._notice(request, pk)
        code, state = request.GET.get("language", "en"), request.GET.get("state", "since")
        if state not in preview.STATES:
            raise Http404
        text = _text(notice, code)
        problem = preview.cannot_be_shown(notice, text) if text.pk else "There is no text yet."
        context = {"text": text, "state": state, "states": preview.STATES, "problem": problem}
        title = f"{notice}: as members will see it"
        return self._page(
            request, "preview", notice, title, languages=settings.LANGUAGES, **context
        )

    @method_decorator(csp_override(FRAMED_CSP))
    def framed_view(self, request: HttpRequest, pk: int, code: str, state: str) -> HttpResponse:
        """The member's own page, without scripts, for our own frame only."""
        notice = self._notice(request, pk)
        text = _text(notice, code)
        if state not in preview.STATES or not text.pk or preview.cannot_be_shown(notice, text):
            raise Http404
        with translation.override(code):
            context = preview.context_of(notice, text, state, staff(request))
            # None of the messages to staff: they are for the page around the frame.
            response = render(request, "consent/dashboard.html", context | {"messages": []})
        response["X-Frame-Options"] = "SAMEORIGIN"
        return response

    def diff_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        notice = self._notice(request, pk)
        old = Notice.objects.before(notice)
        context = (
            {
                "old": old,
                "structure": notice_diff.structure(old, notice),
                "changes": notice_diff.changes(old, notice),
            }
            if old
            else {}
        )
        return self._page(request, "diff", notice, f"{notice}: what has changed", **context)

    def checks_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        notice = self._notice(request, pk)
        reference = _text(notice, settings.LANGUAGE_CODE)
        texts = notice.translations.select_related("notice").order_by("language")
        context = {
            "items": completeness.items(reference) if reference.pk else [],
            "missing": completeness.missing(notice),
            "warnings": completeness.warnings(notice),
            "texts": [(text, completeness.problems(text, reference)) for text in texts],
        }
        return self._page(request, "checks", notice, f"{notice}: checks", **context)

    def act_view(self, request: HttpRequest, pk: int, action: str) -> HttpResponse:
        """Asks, and does it when it is sent."""
        if action not in ACTIONS:
            raise Http404
        permission, question, act = ACTIONS[action]
        notice = self._notice(request, pk)
        if not request.user.has_perm(permission):
            raise PermissionDenied
        if request.method == "POST":
            self._act(request, notice, act)
            return redirect("admin:consent_notice_change", notice.pk)
        context = {
            "question": question,
            "missing": completeness.missing(notice) if action == "propose" else [],
            "warnings": completeness.warnings(notice) if action in {"propose", "publish"} else [],
        }
        return self._page(request, "act", notice, f"{notice}", **context)

    def _act(
        self, request: HttpRequest, notice: Notice, act: Callable[[Notice, Member], str]
    ) -> None:
        try:
            done = act(notice, staff(request))
        except ValidationError as error:
            text = f"{notice}: nothing was changed. {' '.join(error.messages)}"
            messages.error(request, text)
        else:
            self.log_change(request, notice, done)
            messages.success(request, done)

    def _notice(self, request: HttpRequest, pk: int) -> Notice:
        if not self.has_view_permission(request):
            raise PermissionDenied
        return get_object_or_404(Notice, pk=pk)

    def _page(
        self, request: HttpRequest, name: str, notice: Notice, title: str, **context: Any
    ) -> HttpResponse:
        shared = {**self.admin_site.each_context(request), "opts": self.opts, "title": title}
        return TemplateResponse(
            request, f"admin/consent/notice/{name}.html", {**shared, "notice": notice, **context}
        )


def _text(notice: Notice, code: str) -> NoticeText:
    """The text in the language, or a new one; 404 for a language that the site has not."""
    if code not in dict(settings.LANGUAGES):
        raise Http404
    found: NoticeText | None = notice.translations.filter(language=code).first()
    text = found or NoticeText(language=code)
    text.notice = notice
    return text


def _reference(notice: Notice, code: str) -> NoticeText | None:
    """What a translation stands beside; none for the reference text itself."""
    if code == settings.LANGUAGE_CODE:
        return None
    reference = _text(notice, settings.LANGUAGE_CODE)
    return reference if reference.pk else None


def _languages(notice: Notice) -> list[dict[str, Any]]:
    """Each language of the site, and how far its text is."""
    texts = {text.language: text for text in notice.translations.select_related("notice")}
    rows = []
    for code, name in settings.LANGUAGES:
        text = texts.get(code)
        gaps = [item for item in completeness.items(text) if item.gap] if text else []
        state = f"{len(gaps)} missing" if gaps else "complete" if text else "no text yet"
        rows.append({"code": code, "name": name, "text": text, "state": state})
    return rows


def _acts(request: HttpRequest, notice: Notice) -> list[tuple[str, str]]:
    """Address and words of what the reader may do with the notice as it is now."""
    if notice.published_at:
        possible = {"new-version": "Make a new version …"}
    elif notice.proposed_at:
        possible = {"publish": "Publish …", "withdraw": "Take the proposal back …"}
    else:
        possible = {"propose": "Propose for publishing …"}
    acts = [
        (reverse("admin:consent_notice_act", args=[notice.pk, action]), words)
        for action, words in possible.items()
        if request.user.has_perm(ACTIONS[action][0])
    ]
    if request.user.has_perm("consent.add_rollout"):
        add = reverse("admin:consent_rollout_add", query={"notice": notice.pk})
        acts.append((add, "Announce in a region …"))
    return acts
