"""The member corrects where they live; whatever is said, protection is not taken away by it."""

import pytest

from accounts.models import Member
from ledger.models import CurrentChoice
from tests.people import choose, make_member

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("notice")]
URL = "/accounts/country/"


def words(client, path="/"):
    return " ".join(client.get(path).content.decode().split())


def test_a_correction_is_kept_and_the_choice_stays(client, member):
    choose(member.member_ref)
    client.force_login(member)
    assert client.post(URL, {"country": "FR"}).headers["Location"] == "/"
    member.refresh_from_db()
    assert (member.country, member.stated_country) == ("DE", "FR")
    assert CurrentChoice.objects.get().decision == "objected"
    page = words(client)
    assert "You told us that you live in: France." in page
    assert "Commission nationale" in page


@pytest.mark.parametrize(("account", "stated"), [("DE", "US"), ("US", "DE"), ("GB", "CH")])
def test_two_answers_with_different_rules_are_both_protective(client, account, stated):
    member = make_member("x@example.org", account, stated_country=stated)
    client.force_login(member)
    page = words(client)
    assert "Until that is clear, your data is not used for this." in page
    assert 'value="objected"' in page


def test_what_the_account_says_already_is_no_correction(client, member):
    member.state_country("FR")
    client.force_login(member)
    client.post(URL, {"country": "DE"})
    member.refresh_from_db()
    assert member.stated_country == ""


def test_whom_the_account_does_not_place(client):
    member = make_member("x@example.org", "")
    client.force_login(member)
    assert "Tell us where you live" in words(client)
    client.post(URL, {"country": "IE"})
    assert "You told us that you live in: Ireland." in words(client)


@pytest.mark.parametrize("country", ["", "XX", "de", "\0", "D" * 1_000_000, "EU"])
def test_nonsense_is_refused_and_nothing_kept(client, member, country):
    client.force_login(member)
    answer = client.post(URL, {"country": country})
    assert answer.status_code == 400
    assert Member.objects.get().stated_country == ""


def test_signed_out(client, member):
    for answer in (client.get(URL), client.post(URL, {"country": "FR"})):
        assert "/accounts/login/" in answer.headers["Location"]
    assert Member.objects.get().stated_country == ""


def test_a_get_changes_nothing(client, member):
    client.force_login(member)
    client.get(URL, {"country": "FR"})
    assert client.put(URL).status_code == 405
    assert Member.objects.get().stated_country == ""


def test_countries_are_named_in_the_readers_language(client):
    client.force_login(make_member("x@example.org", "DE", language="de"))
    page = words(client, URL)
    assert '<option value="AT">Österreich</option>' in page
    assert page.index("Österreich") < page.index("Polen")
