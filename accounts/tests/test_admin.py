"""What staff can see and change of members."""

from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.contrib import admin
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from accounts import admin as members_admin
from accounts.models import Member
from tests.people import sign_in_staff

LIST = reverse("admin:accounts_member_changelist")
PASSWORD = "lamp river seven"


def change(member: Member) -> str:
    return reverse("admin:accounts_member_change", args=[member.pk])


@pytest.fixture
def boss(client: Client, db: None) -> Member:
    """A signed-in superuser."""
    boss = Member.objects.create_superuser("boss@example.org", PASSWORD, member_ref="boss")
    sign_in_staff(client, boss)
    return boss


@pytest.fixture
def support(client: Client, db: None) -> Member:
    """Signed-in staff with all rights on members, but no superuser."""
    support = Member.objects.create_user(
        "support@example.org", PASSWORD, member_ref="support", is_staff=True
    )
    support.user_permissions.set(Permission.objects.filter(content_type__app_label="accounts"))
    sign_in_staff(client, support)
    return support


def form_data(member: Member, **values: Any) -> dict[str, Any]:
    data = {
        "member_ref": member.member_ref,
        "email": member.email,
        "country": member.country,
        "language": member.language,
        "is_active": "on",
    }
    return {**data, **values}


@pytest.mark.parametrize("country", ["XX", "UK", "ß", "\0", "x" * 1_000_000])
@pytest.mark.parametrize("field", ["country", "stated_country"])
def test_a_country_that_does_not_exist(
    client: Client, boss: Member, member: Member, field: str, country: str
) -> None:
    page = client.post(change(member), form_data(member, **{field: country}))
    assert page.status_code == 200
    assert f'id="id_{field}_error"' in page.content.decode()
    kept = Member.objects.get(pk=member.pk)
    assert (kept.country, kept.stated_country) == ("DE", "")


@pytest.mark.parametrize(("written", "kept"), [("fr", "FR"), (" ch ", "CH"), ("", "")])
def test_a_country_is_kept_as_the_notice_mail_looks_for_it(
    client: Client, support: Member, member: Member, written: str, kept: str
) -> None:
    assert client.post(change(member), form_data(member, country=written)).status_code == 302
    assert Member.objects.get(pk=member.pk).country == kept


def test_list_and_search(client: Client, boss: Member, member: Member, other: Member) -> None:
    for term in ("ANNA@ex", "anna"):
        page = client.get(LIST, {"q": term}).content.decode()
        assert member.email in page
        assert other.email not in page
    for term in (
        "",
        " ",
        "example",
        "nna",
        "%",
        "_nna",
        "\x00",
        "a" * 10_000,
        "<script>",
        "' OR 1=1 --",
    ):
        assert member.email not in client.get(LIST, {"q": term}).content.decode()


def test_list_counts_no_further_than_it_shows(
    client: Client, boss: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(members_admin, "COUNTED", 5)
    Member.objects.bulk_create(
        Member(member_ref=f"m{i}", email=f"m{i}@example.org") for i in range(20)
    )
    page = client.get(LIST, {"q": "m"}).content.decode()
    assert "at least 5 members" in " ".join(page.split())


@pytest.mark.parametrize("who", ["boss", "support"])
def test_nobody_deletes_a_member(
    client: Client, request: pytest.FixtureRequest, member: Member, who: str
) -> None:
    request.getfixturevalue(who)
    url = reverse("admin:accounts_member_delete", args=[member.pk])
    assert client.post(url, {"post": "yes"}).status_code == 403
    client.post(LIST, {"action": "delete_selected", "_selected_action": [member.pk], "post": "yes"})
    assert Member.objects.filter(pk=member.pk).exists()
    assert "delete_selected" not in client.get(LIST).content.decode()


def test_add_somebody_of_staff(client: Client, boss: Member) -> None:
    url = reverse("admin:accounts_member_add")
    assert client.get(url).status_code == 200
    response = client.post(url, {"email": "New@Example.org", "usable_password": "false"})
    assert response.status_code == 302
    new = Member.objects.get(email="new@example.org")
    assert new.is_staff
    assert not new.has_usable_password()
    again = client.post(url, {"email": "NEW@example.org", "usable_password": "false"})
    assert "Another member has this e-mail address" in again.content.decode()


def test_reference_stays(client: Client, boss: Member, member: Member) -> None:
    response = client.post(change(member), form_data(member, member_ref="other", country="FR"))
    assert response.status_code == 302
    after = Member.objects.get(pk=member.pk)
    assert (after.member_ref, after.country) == (member.member_ref, "FR")


def test_changed_address_cannot_sign_in(client: Client, boss: Member, member: Member) -> None:
    Member.objects.filter(pk=member.pk).update(member_ref="local-1")
    EmailAddress.objects.create(user=member, email=member.email, verified=True, primary=True)
    client.post(change(member), form_data(member, email="new@example.org"))
    assert Member.objects.get(pk=member.pk).email == "new@example.org"
    assert not EmailAddress.objects.exists()


def test_password_by_a_superuser(client: Client, boss: Member, member: Member) -> None:
    """Of an account of staff that was made here; a member's nobody sets."""
    assert "password/" not in client.get(change(member)).content.decode()
    Member.objects.filter(pk=member.pk).update(member_ref="local-1")
    assert "password/" in client.get(change(member)).content.decode()
    url = reverse("admin:auth_user_password_change", args=[member.pk])
    assert client.get(url).status_code == 200
    data = {"usable_password": "true", "password1": PASSWORD, "password2": PASSWORD}
    assert client.post(url, data).status_code == 302
    assert Member.objects.get(pk=member.pk).check_password(PASSWORD)


def test_staff_corrects_country_and_language_only(
    client: Client, support: Member, member: Member
) -> None:
    page = client.get(change(member)).content.decode()
    assert member.password not in page
    response = client.post(
        change(member),
        form_data(
            member,
            email="evil@example.org",
            is_minor="on",
            is_staff="on",
            is_superuser="on",
            country="FR",
            language="fr",
            password="x",
        ),
    )
    assert response.status_code == 302
    after = Member.objects.get(pk=member.pk)
    assert (after.country, after.language) == ("FR", "fr")
    assert after.email == member.email
    assert after.password == member.password
    assert {after.is_staff, after.is_superuser, after.is_minor} == {False}


def test_staff_cannot_become_a_member(client: Client, support: Member, member: Member) -> None:
    """With a member's password staff could allow in the member's name."""
    url = reverse("admin:auth_user_password_change", args=[member.pk])
    data = {"usable_password": "true", "password1": PASSWORD, "password2": PASSWORD}
    assert client.post(url, data).status_code == 403
    assert client.get(reverse("admin:accounts_member_add")).status_code == 403


def test_staff_cannot_change_staff(client: Client, support: Member) -> None:
    boss = Member.objects.create_superuser("boss@example.org", PASSWORD, member_ref="boss")
    for target in (boss, support):
        assert client.get(change(target)).status_code == 200  # to look at
        assert client.post(change(target), form_data(target, country="FR")).status_code == 403


def test_members_have_no_admin(client: Client, member: Member) -> None:
    client.force_login(member)
    assert client.get(LIST).status_code in {302, 403}
    assert client.get(reverse("admin:login")).status_code == 403


def test_staff_sign_in_on_the_page_with_rate_limits(client: Client, db: None) -> None:
    response = client.get(reverse("admin:login"), {"next": LIST})
    assert response.headers["Location"].startswith(reverse("account_login"))
    assert (
        client.post(reverse("admin:login"), {"username": "x", "password": "y"}).status_code == 302
    )


def test_addresses_of_allauth_cannot_be_edited() -> None:
    assert not admin.site.is_registered(EmailAddress)
