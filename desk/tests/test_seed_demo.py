"""The demo's staff: one for each role, with a second factor whose codes the demo shows."""

import re

import pytest
from allauth.mfa.models import Authenticator
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from accounts.models import Member
from desk.management.commands import seed_demo
from desk.management.commands.seed_demo import STAFF, SUPERUSER, demo_password
from desk.roles import Role
from tests.people import make_member

pytestmark = pytest.mark.django_db

CODES = reverse("mailbox_codes")


def test_one_for_each_role():
    call_command("seed_demo")
    assert set(STAFF.values()) == set(Role)
    for email, role in STAFF.items():
        person = Member.objects.get(email=email)
        assert [group.name for group in person.groups.all()] == [role]
        assert person.is_staff
        assert not person.is_superuser


@pytest.mark.parametrize("email", [*STAFF, SUPERUSER])
def test_a_stranger_signs_in_with_what_the_demo_shows(client, email):
    call_command("seed_demo")
    values = {"login": email, "password": demo_password(), "next": reverse("admin:index")}
    asked = client.post(reverse("account_login"), values).headers["Location"]
    shown = Client().get(CODES).content.decode()
    code = re.search(rf"{email}\D*?(\d{{6}})", shown)[1]
    assert client.post(asked, {"code": code}).headers["Location"] == reverse("admin:index")
    assert client.get(reverse("admin:index")).status_code == 200


def test_nobody_elses_codes_are_shown(client):
    call_command("seed_demo")
    from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret

    TOTP.activate(make_member("real@staff.example", is_staff=True), generate_totp_secret())
    page = client.get(CODES).content.decode()
    assert "real@staff.example" not in page
    assert page.count("@demo.example") == len(STAFF) + 1
    assert "no-store" in client.get(CODES).headers["Cache-Control"]


def test_again_changes_nothing():
    call_command("seed_demo")
    before = list(Authenticator.objects.order_by("pk").values_list("pk", flat=True))
    Member.objects.get(email="anna@demo.example").delete()  # at her own request
    call_command("seed_demo")
    assert list(Authenticator.objects.order_by("pk").values_list("pk", flat=True)) == before
    assert not Member.objects.filter(email="anna@demo.example").exists()


def test_a_demo_from_before_gets_the_staff_too():
    Member.objects.create_superuser(SUPERUSER)
    call_command("seed_demo")
    assert Member.objects.filter(email__in=STAFF).count() == len(STAFF)


def test_not_in_production(settings):
    settings.EMBEDDED = False
    with pytest.raises(CommandError, match="embedded mode only"):
        call_command("seed_demo")
    assert not Member.objects.exists()


def test_what_is_printed(capsys):
    call_command("seed_demo", "--show")
    printed = capsys.readouterr().out
    assert demo_password() in printed
    assert CODES in printed
    for email in seed_demo.STAFF:
        assert email in printed
