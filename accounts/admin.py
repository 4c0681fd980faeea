"""Members for staff: found by the beginning of an address or reference, never by a scan."""

from typing import Any

from allauth.account import admin as _allauth_admin  # noqa: F401 (registers what is taken out below)
from allauth.account.decorators import secure_admin_login
from allauth.account.models import EmailAddress
from allauth.mfa import admin as _mfa_admin  # noqa: F401 (the same)
from allauth.mfa.models import Authenticator
from allauth.socialaccount import admin as _sso_admin  # noqa: F401 (the same)
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialToken
from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.forms import AdminUserCreationForm, UserChangeForm
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.paginator import Paginator
from django.db.models import Q, QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.functional import cached_property
from django.utils.html import format_html

from accounts.access_log import note, note_all
from accounts.addresses import forget_stale_addresses
from accounts.models import LOCAL, Member, MemberAccess, local_ref
from accounts.regions import country_for
from accounts.suppression import suppressed

COUNTED = 10_000
"""Members that a list counts and pages through; beyond them, search."""
CORRECTED_BY_STAFF = {"country", "language"}
SIGN_IN = {"email", "password"}
"""Of accounts that were made here only, and by superusers: with a member's address or password,
whoever it is could sign in as the member and allow what only the member can allow."""
RIGHTS = {"is_staff", "is_superuser", "groups", "user_permissions"}
"""Of staff only, by superusers: a member does not become staff, or could be signed in as first."""

# allauth's own form, with its rate limits; Django's admin form has none.
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]
# A row there signs in as its member. Addresses are kept by Member.email alone.
admin.site.unregister(EmailAddress)
admin.site.unregister(Authenticator)  # it shows the secret
# Settings alone say who may vouch for staff.
admin.site.unregister([SocialAccount, SocialApp, SocialToken])


class CappedPaginator(Paginator):  # type: ignore[type-arg]
    """COUNT(*) over all members takes minutes; this one ends at COUNTED."""

    @cached_property
    def count(self) -> int:
        members = self.object_list
        return members.order_by()[:COUNTED].count() if isinstance(members, QuerySet) else 0

    @property
    def is_capped(self) -> bool:
        """Whether there are more: the list then says "more than"."""
        return self.count == COUNTED


class MemberForm(UserChangeForm):  # type: ignore[type-arg]
    class Meta:
        model = Member
        fields = "__all__"

    def clean_country(self) -> str:
        return _country_code(self.cleaned_data["country"])

    def clean_stated_country(self) -> str:
        return _country_code(self.cleaned_data["stated_country"])


def _country_code(written: str) -> str:
    """As it is looked for when the notice is mailed to a region."""
    country = country_for(written)
    if written and country is None:
        raise ValidationError("There is no such country code in ISO 3166-1.")
    return country.code if country else ""


class AddStaffForm(AdminUserCreationForm):  # type: ignore[type-arg]
    """Members come from the host platform; made here, one could be signed in as."""

    class Meta:
        model = Member
        fields = ("email",)

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or self.cleaned_data
        if suppressed([("", values.get("email", "").lower())]):
            raise ValidationError(
                "This member was erased at their own request. If they ask to be taken in again, "
                "lift_suppression comes first (docs/operations.md)."
            )
        return values


@admin.register(Member)
class MemberAdmin(UserAdmin):  # type: ignore[type-arg]
    explained = (
        "People whose data a change concerns, and staff. Search for one: each member who is "
        "found or opened is logged under your name, and can see when."
    )
    form = MemberForm
    add_form = AddStaffForm
    list_display = ("member_ref", "email", "country", "language", "is_minor", "is_staff")
    list_filter = ()
    list_per_page = 20
    sortable_by = ("member_ref", "email")
    ordering = ("-pk",)
    paginator = CappedPaginator
    show_full_result_count = False
    search_fields = ("email", "member_ref")
    search_help_text = (
        "Beginning of the e-mail address or of the member reference. Who is found is logged."
    )
    actions = None
    readonly_fields = ("joined_at", "last_login", "support_page")
    fieldsets = (
        (None, {"fields": ("member_ref", "email", "password", "support_page")}),
        ("Who", {"fields": ("name", "is_minor")}),
        ("Where", {"fields": ("country", "stated_country", "language")}),
        (
            "Rights",
            {"fields": ("is_active", "is_staff", "is_superuser", "groups", "user_permissions")},
        ),
        ("Dates", {"fields": ("joined_at", "last_login")}),
    )
    add_fieldsets = (
        (
            None,
            {
                "fields": ("email", "usable_password", "password1", "password2"),
                "description": (
                    "A new account of staff; give it its role on the next page. Members come from "
                    "the host platform by an import."
                ),
            },
        ),
    )

    @admin.display(description="for support")
    def support_page(self, member: Member) -> str:
        """What happened to them is there; here is what the host platform sent."""
        url = reverse("admin:desk_memberpage_change", args=[member.member_ref])
        return format_html('<a href="{}">The member’s page</a>', url)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Member], search_term: str
    ) -> tuple[QuerySet[Member], bool]:
        """By prefix, which both unique indexes serve. Without a search nobody is shown."""
        term = search_term.strip()
        if not term:
            return queryset.none(), False
        return queryset.filter(
            Q(email__startswith=term.lower()) | Q(member_ref__startswith=term)
        ), False

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """Who is on the list is seen, and leaves a trace first."""
        changelist = super().get_changelist_instance(request)
        assert request.user.is_authenticated  # noqa: S101 (admin lets nobody else in)
        note_all(
            by=request.user.member_ref,
            member_refs=[member.member_ref for member in changelist.result_list],
            what=MemberAccess.What.SEARCHED,
        )
        return changelist

    def get_fieldsets(self, request: HttpRequest, obj: Member | None = None) -> Any:
        fieldsets = super().get_fieldsets(request, obj)
        if _is_superuser(request) and (obj is None or obj.is_made_here):
            return fieldsets
        # Read-only, the password field would show the hash.
        return [
            (title, {**options, "fields": [f for f in options["fields"] if f != "password"]})
            for title, options in fieldsets
        ]

    def get_readonly_fields(self, request: HttpRequest, obj: Member | None = None) -> Any:
        fields = set(super().get_readonly_fields(request, obj))
        if obj is not None:
            fields.add("member_ref")  # the ledger and the stores know the member by it
        if not _is_superuser(request):
            fields |= {f.name for f in Member._meta.get_fields() if hasattr(f, "formfield")}
            fields -= CORRECTED_BY_STAFF
        elif obj is not None and not obj.is_made_here:
            fields |= SIGN_IN if obj.is_staff else SIGN_IN | RIGHTS
        return tuple(fields)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return _is_superuser(request)

    def has_change_permission(self, request: HttpRequest, obj: Member | None = None) -> bool:
        if obj is not None and obj.is_staff and not _is_superuser(request):
            return False
        return super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Member | None = None) -> bool:
        """Erasing a member needs more than deleting the row: the ledger keeps its promise."""
        return False

    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> Member | None:
        """Every page about one member begins here: who may see it leaves a trace first."""
        member: Member | None = super().get_object(request, object_id, from_field)
        if member and self.has_view_or_change_permission(request, member):
            _note(request, member, MemberAccess.What.VIEWED)
        return member

    def log_addition(self, request: HttpRequest, obj: Member, message: Any) -> Any:
        _note(request, obj, MemberAccess.What.ADDED)
        return super().log_addition(request, obj, message)

    def log_change(self, request: HttpRequest, obj: Member, message: Any) -> Any:
        _note(request, obj, MemberAccess.What.CHANGED)
        return super().log_change(request, obj, message)

    def user_change_password(
        self,
        request: HttpRequest,
        id: str,  # noqa: A002 (Django's name)
        form_url: str = "",
    ) -> HttpResponse:
        made_here = self.get_queryset(request).filter(member_ref__startswith=LOCAL)
        if not (_is_superuser(request) and id.isdecimal() and made_here.filter(pk=id).exists()):
            raise PermissionDenied
        return super().user_change_password(request, id, form_url)

    def save_model(
        self, request: HttpRequest, obj: Member, form: "ModelForm[Member]", change: bool
    ) -> None:
        if not change:
            obj.member_ref, obj.is_staff = local_ref(), True
        super().save_model(request, obj, form, change)
        if "email" in form.changed_data:
            forget_stale_addresses(members=[obj.pk], emails=[obj.email])


@admin.register(Authenticator)
class SecondFactorAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Who has a second factor. A superuser takes a lost one away; nobody sees or makes one."""

    explained = (
        "What staff show at sign-in beside their password: an app, a security key or a passkey."
        " Take away one that is lost; its owner sets up a new one."
    )
    list_display = ("user", "type", "created_at", "last_used_at")
    fields = list_display
    list_select_related = ("user",)
    search_fields = ("=user__email",)
    search_help_text = "The whole e-mail address"
    show_full_result_count = False

    def has_view_permission(self, request: HttpRequest, obj: Authenticator | None = None) -> bool:
        return _is_superuser(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Authenticator | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Authenticator | None = None) -> bool:
        return _is_superuser(request)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return _is_superuser(request)


def _note(request: HttpRequest, member: Member, what: MemberAccess.What) -> None:
    assert request.user.is_authenticated  # noqa: S101 (admin lets nobody else in)
    note(by=request.user.member_ref, member_ref=member.member_ref, what=what)


def _is_superuser(request: HttpRequest) -> bool:
    return request.user.is_active and request.user.is_superuser
