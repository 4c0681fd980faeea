"""The button: what is sent, who sends it, and what the page says."""

import re
import threading
import uuid
from datetime import timedelta
from urllib.parse import urlencode

import pytest
from django.db import OperationalError, connection
from django.test import Client
from django.utils import timezone

from consent import choosing
from consent.forms import FRESH, SALT
from ledger.models import CurrentChoice, Entry
from tests.people import choose as append

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("notice", "sql_store")]

HIDDEN = re.compile(r'name="(request_id|seen)" value="([^"]+)"')


class FormClient(Client):
    """Encodes forms as a browser does, which `ChoiceMiddleware` answers.

    Django's own client sends all forms as for files: those go on to the view.
    """

    def post(self, path, data, **more):
        return super().post(path, urlencode(data), "application/x-www-form-urlencoded", **more)


@pytest.fixture(params=[FormClient, Client], ids=["the short way", "by the view"])
def either_client(request):
    return request.param


@pytest.fixture
def signed_in(either_client, member):
    client = either_client()
    client.force_login(member)
    return client


def form_on(page) -> dict[str, str]:
    return dict(HIDDEN.findall(page.content.decode()))


def press(client, decision="objected", form=None, **headers):
    form = form or form_on(client.get("/"))
    return client.post("/choose/", {**form, "decision": decision}, headers=headers)


def held():
    return list(CurrentChoice.objects.values_list("member_ref", "decision", "revision"))


def test_one_click_objects(signed_in):
    answer = press(signed_in)
    assert (answer.status_code, answer.url) == (302, "/")
    entry = Entry.objects.get()
    assert (entry.member_ref, entry.decision, entry.channel) == ("anna", "objected", "dashboard")
    assert (entry.notice_version, entry.notice_language) == (1, "en")
    assert b"You have objected" in signed_in.get("/").content


def test_what_is_done_for_pages_is_left_out(member):
    client = FormClient()
    client.force_login(member)
    answer = press(client)
    assert "Content-Language" not in answer
    assert answer["Content-Length"] == "0"  # keeps the connection open
    assert answer["X-Frame-Options"] == "DENY"
    assert "default-src 'none'" in answer["Content-Security-Policy"]
    assert "Content-Language" in press(client, **{"HX-Request": "true"})


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite takes a transaction")
def test_two_statements_and_no_more(signed_in, django_assert_num_queries):
    """Who it is, and what they chose: the rest of the request must not ask the database."""
    form = form_on(signed_in.get("/"))
    with django_assert_num_queries(4) as asked:  # two for the savepoint in the test
        press(signed_in, form=form)
    whose, _savepoint, choice, _release = (query["sql"] for query in asked.captured_queries)
    assert "accounts_session" in whose
    assert "accounts_member" in whose
    assert "INSERT INTO ledger_entry" in choice


def test_with_htmx_the_part_of_the_page_comes_back(signed_in):
    answer = press(signed_in, **{"HX-Request": "true"})
    page = answer.content.decode()
    assert answer.status_code == 200
    assert 'id="choice"' in page
    assert "<html" not in page
    assert "You have objected" in page


def test_a_double_click_is_one_choice(signed_in):
    form = form_on(signed_in.get("/"))
    for _ in range(2):
        assert press(signed_in, form=form).status_code == 302
    assert Entry.objects.count() == 1


def test_allowing_again_from_a_fresh_page(signed_in):
    press(signed_in)
    assert press(signed_in, "allowed").status_code == 302
    assert held() == [("anna", "allowed", 2)]


def test_allowing_needs_a_choice_to_undo(signed_in):
    assert press(signed_in, "allowed").status_code == 409
    assert held() == []


def test_a_stale_tab_cannot_allow(signed_in):
    press(signed_in)
    stale = form_on(signed_in.get("/"))
    press(signed_in, "allowed")
    press(signed_in)  # objected again, in another tab
    answer = press(signed_in, "allowed", stale)
    assert answer.status_code == 409
    assert b"Nothing was changed" in answer.content
    assert held() == [("anna", "objected", 3)]


def test_an_old_page_cannot_allow(signed_in, monkeypatch):
    press(signed_in)
    form = form_on(signed_in.get("/"))
    later = timezone.now() + timedelta(seconds=FRESH + 1)
    monkeypatch.setattr("django.core.signing.time.time", later.timestamp)
    assert press(signed_in, "allowed", form).status_code == 409
    assert held() == [("anna", "objected", 1)]


def test_an_old_page_can_object(signed_in, monkeypatch):
    form = form_on(signed_in.get("/"))
    later = timezone.now() + timedelta(seconds=FRESH + 1)
    monkeypatch.setattr("django.core.signing.time.time", later.timestamp)
    press(signed_in, form=form)
    assert Entry.objects.get().notice_version == 1


@pytest.mark.parametrize("seen", ["", "forged", "x" * 400])
def test_an_objection_counts_even_where_nobody_knows_what_was_seen(signed_in, seen):
    form = form_on(signed_in.get("/"))
    assert press(signed_in, form={**form, "seen": seen}).status_code == 302
    assert Entry.objects.get().notice_version is None


def test_what_another_member_saw_does_not_count(signed_in, other):
    other_client = Client()
    other_client.force_login(other)
    press(other_client)
    foreign = form_on(other_client.get("/"))
    append("anna")
    assert press(signed_in, "allowed", foreign).status_code == 409
    assert ("anna", "objected", 1) in held()


def test_a_signature_for_something_else_does_not_count(signed_in, member):
    from django.core import signing

    append("anna")
    forged = signing.dumps([member.pk, 1, "en", 1], salt="other." + SALT)
    form = form_on(signed_in.get("/")) | {"seen": forged}
    assert press(signed_in, "allowed", form).status_code == 409


def test_another_members_request_id(signed_in, other):
    request_id = uuid.uuid4()
    append("ben", request_id=request_id)
    form = form_on(signed_in.get("/")) | {"request_id": str(request_id)}
    press(signed_in, form=form)
    assert sorted(held()) == [("anna", "objected", 1), ("ben", "objected", 1)]


@pytest.mark.parametrize("value", ["", "\0", "x" * 1_000_000, "not-a-uuid", "ä\0"])
@pytest.mark.parametrize("field", ["request_id", "decision", "seen"])
def test_nonsense_in_a_field_changes_nothing_and_says_so(signed_in, field, value):
    if field == "seen" and value in {"", "not-a-uuid"}:
        pytest.skip("an objection without what was seen counts; see above")
    form = form_on(signed_in.get("/")) | {"decision": "objected", field: value}
    answer = signed_in.post("/choose/", form)
    assert answer.status_code == 400
    assert b"Nothing was changed" in answer.content
    assert held() == []


def test_too_large_a_form(signed_in):
    form = form_on(signed_in.get("/")) | {"decision": "objected", "more": "x" * 3_000_000}
    assert signed_in.post("/choose/", form).status_code in {400, 413}
    assert held() == []


def test_nonsense_with_htmx_is_shown_too(signed_in):
    answer = press(signed_in, form={"request_id": "x"}, **{"HX-Request": "true"})
    assert answer.status_code == 400  # static/privacydash.js has htmx show it all the same
    assert b"<html" not in answer.content
    assert b"Nothing was changed" in answer.content


def test_an_expired_session_saves_nothing_and_says_so(signed_in):
    form = form_on(signed_in.get("/"))
    signed_in.logout()
    answer = press(signed_in, form=form)
    assert answer.url == "/accounts/login/"
    assert b"nothing was saved" in signed_in.get(answer.url).content
    assert held() == []


def test_a_right_csrf_token(either_client, member):
    client = either_client(enforce_csrf_checks=True)
    client.force_login(member)
    page = client.get("/")
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.content.decode())[1]
    press(client, form=form_on(page) | {"csrfmiddlewaretoken": token})
    assert held() == [("anna", "objected", 1)]


def test_an_expired_session_with_htmx_leads_to_the_sign_in(client):
    answer = press(client, form={"request_id": str(uuid.uuid4())}, **{"HX-Request": "true"})
    assert answer["HX-Redirect"] == "/accounts/login/"


def test_a_wrong_csrf_token(either_client, member, caplog):
    client = either_client(enforce_csrf_checks=True)
    client.force_login(member)
    form = form_on(client.get("/"))
    answer = press(client, form=form | {"csrfmiddlewaretoken": "wrong"})
    assert answer.status_code == 403
    assert [record.name for record in caplog.records] == ["django.security.csrf"]
    assert b"not saved" in answer.content.lower() or b"nothing was" in answer.content.lower()
    assert held() == []


@pytest.mark.parametrize("method", ["get", "head", "put", "delete", "patch"])
def test_only_a_post_chooses(signed_in, method):
    assert getattr(signed_in, method)("/choose/").status_code == 405
    assert held() == []


def test_looking_changes_nothing(signed_in):
    for path in ("/", "/en/notice/", "/confirmations/"):
        signed_in.get(path)
        signed_in.head(path)
    assert held() == []


@pytest.mark.parametrize("headers", [{}, {"HX-Request": "true"}])
def test_when_saving_fails_the_page_says_so(signed_in, read_only_database, headers, caplog):
    form = form_on(signed_in.get("/"))
    with read_only_database():
        answer = press(signed_in, form=form, **headers)
    assert answer.status_code == 503
    assert "A choice could not be saved" in caplog.messages
    page = answer.content.decode()
    assert "Not saved." in page
    assert 'value="objected"' in page  # what holds, and the button
    assert held() == []
    assert press(signed_in, form=form_on(answer)).status_code == 302  # the page can be used again
    assert held() == [("anna", "objected", 1)]


def test_what_fails_once_is_tried_again_and_logged(member, monkeypatch, caplog):
    """The second attempt is the view's; what the database says about the row is not logged."""
    client = FormClient()
    client.force_login(member)
    record, answers = choosing.record, [OperationalError("anna"), None]

    def fails_once(member, sent):
        if error := answers.pop(0):
            raise error
        return record(member, sent)

    monkeypatch.setattr(choosing, "record", fails_once)
    monkeypatch.setattr("consent.views.record", fails_once)
    assert press(client).status_code == 302
    assert held() == [("anna", "objected", 1)]
    assert caplog.messages == ["A choice is tried a second time: OperationalError"]


@pytest.mark.django_db(transaction=True)
def test_fifty_parallel_clicks_of_one_member_are_one_choice(signed_in, member):
    form = form_on(signed_in.get("/"))
    cookies, statuses = signed_in.cookies, []
    start = threading.Barrier(50)

    def click():
        client = type(signed_in)()
        client.cookies = cookies
        start.wait()
        statuses.append(press(client, form=form).status_code)
        connection.close()

    threads = [threading.Thread(target=click) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [302] * 50
    assert held() == [("anna", "objected", 1)]
