"""The page of each store for staff: what it shows, and who may do what."""

from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from kombu.exceptions import OperationalError

from ledger.seal import seal_all
from propagation import tasks
from propagation.models import Cursor, Parked, Reconciliation, StorePause
from propagation.pausing import pause
from propagation.relay import relay
from propagation.stores.base import StoreUnavailable
from propagation.tests import stores
from propagation.tests.stores import before_write, refuses
from tests.people import choose, sign_in_staff

pytestmark = pytest.mark.django_db
PAGE = "/admin/propagation/cursor/store/memory/"
ACTIONS = ["resume", "retry", "reconcile", "sample"]


@pytest.fixture(autouse=True)
def _memory_store(settings):
    stores.reset()
    settings.DATA_STORES = {
        "memory": {
            "BACKEND": "propagation.tests.stores.MemoryStore",
            "LABEL": "Recommendations",
            "SLA": timedelta(minutes=15),
        }
    }


def staff(*rights):
    member = get_user_model().objects.create_user(f"{'-'.join(rights)}@example.org", is_staff=True)
    member.user_permissions.set(Permission.objects.filter(codename__in=rights))
    return member


@pytest.fixture
def operator(client):
    sign_in_staff(client, staff("view_cursor", "change_cursor"))
    return client


@pytest.fixture
def viewer(client):
    sign_in_staff(client, staff("view_cursor"))
    return client


@pytest.fixture
def sent(monkeypatch):
    calls = []
    monkeypatch.setattr(
        tasks.reconcile_now, "delay", lambda store, full: calls.append((store, full))
    )
    return calls


def text_of(client, url=PAGE):
    return " ".join(client.get(url).content.decode().split())


class TestPage:
    def test_a_store_that_is_well(self, operator):
        choose("anna")
        seal_all(0)
        relay("memory")
        text = text_of(operator)
        assert "Members know it as “Recommendations”" in text
        assert "within 15 min" in text
        assert "1 of 1 choices; 0 behind" in text

    def test_a_store_that_no_sweep_has_met(self, operator):
        assert "0 of 0 choices" in text_of(operator)

    def test_trouble_in_plain_words(self, operator):
        def fail(choices):
            raise StoreUnavailable("db.internal: connection refused")

        before_write.append(fail)
        choose("anna", recorded_at=timezone.now() - timedelta(minutes=20))
        seal_all(0)
        relay("memory")
        text = text_of(operator)
        assert "It could not be reached. 1 failure in a row; tried again at" in text
        assert "db.internal: connection refused" in text
        assert "It is late" in text

    def test_what_it_refuses_and_why(self, operator):
        refuses.add("ben")
        choose("ben")
        seal_all(0)
        relay("memory")
        text = text_of(operator)
        assert "1 choice that it refuses" in text
        assert "<td>ben</td><td>genai-training</td><td>not mine</td>" in text

    def test_drift(self, operator):
        now = timezone.now()
        Reconciliation.objects.create(
            store="memory", kind="full", started_at=now, alive_until=now, finished_at=now, missing=3
        )
        assert "3 differed" in text_of(operator)

    def test_a_pause_and_its_reason(self, operator):
        pause("memory", by="olga", reason="new <b>server</b>")
        text = text_of(operator)
        assert "olga paused it" in text
        assert "new &lt;b&gt;server&lt;/b&gt;" in text

    def test_a_removed_store(self, operator, settings):
        Cursor.objects.create(store="memory", partition=0)
        settings.DATA_STORES = {}
        text = text_of(operator)
        assert "not configured any more" in text
        assert "Reconcile now" not in text

    def test_each_partition(self, operator, settings):
        settings.LEDGER_PARTITIONS = 2
        text = text_of(operator)
        assert "Partition 0" in text
        assert "Partition 1" in text

    def test_unknown(self, operator):
        for url in (PAGE.replace("memory", "nosuch"), PAGE.replace("memory", "nosuch") + "pause/"):
            assert operator.get(url).status_code == 404

    def test_the_list_has_what_is_refused_and_drift(self, operator):
        refuses.add("ben")
        choose("ben")
        seal_all(0)
        relay("memory")
        text = text_of(operator, "/admin/propagation/cursor/")
        assert '<td class="field-parked">1</td>' in text
        assert "not compared yet" in text
        now = timezone.now()
        Reconciliation.objects.create(
            store="memory", kind="full", started_at=now, alive_until=now, finished_at=now, missing=3
        )
        text = text_of(operator, "/admin/propagation/cursor/")
        assert '<td class="field-drift">3</td>' in text

    def test_the_list_leads_to_it(self, operator):
        cursor = Cursor.objects.create(store="memory", partition=0)
        assert f'href="{PAGE}"' in text_of(operator, "/admin/propagation/cursor/")
        change = reverse("admin:propagation_cursor_change", args=[cursor.pk])
        assert operator.get(change).headers["Location"] == PAGE
        assert operator.get("/admin/propagation/cursor/0815x/change/").status_code == 404

    def test_fits_the_content_security_policy(self, operator):
        refuses.add("ben")
        choose("ben")
        seal_all(0)
        relay("memory")
        for url in (PAGE, f"{PAGE}pause/"):
            answer = operator.get(url)
            assert "script-src 'self'" in answer["Content-Security-Policy"]
            text = answer.content.decode()
            assert "style=" not in text
            assert "<style" not in text
            assert " onclick" not in text


class TestActions:
    def test_pause_asks_for_a_reason(self, operator):
        assert 'name="reason"' in text_of(operator, f"{PAGE}pause/")
        assert "This field is required" in operator.post(f"{PAGE}pause/").content.decode()
        assert not StorePause.objects.exists()
        answer = operator.post(f"{PAGE}pause/", {"reason": "new server"})
        assert answer.headers["Location"] == PAGE
        row = StorePause.objects.get()
        assert (row.reason, row.by) == ("new server", "view_cursor-change_cursor@example.org")

    def test_resume(self, operator):
        pause("memory", by="olga", reason="x")
        operator.post(f"{PAGE}do/resume/")
        assert StorePause.objects.get().resumed_by == "view_cursor-change_cursor@example.org"

    def test_what_cannot_be_done_is_said(self, operator):
        answer = operator.post(f"{PAGE}do/resume/", follow=True)
        assert "The store memory is not paused" in answer.content.decode()
        assert not LogEntry.objects.exists()

    def test_retry(self, operator):
        refuses.add("ben")
        choose("ben")
        seal_all(0)
        relay("memory")
        operator.post(f"{PAGE}do/retry/")
        assert Parked.objects.due(timezone.now()).exists()

    @pytest.mark.parametrize(("action", "full"), [("reconcile", True), ("sample", False)])
    def test_reconcile(self, operator, sent, action, full):
        operator.post(f"{PAGE}do/{action}/")
        assert sent == [("memory", full)]

    def test_a_broker_that_is_away_is_said(self, operator, monkeypatch):
        def fail(*args, **kwargs):
            raise OperationalError

        monkeypatch.setattr(tasks.reconcile_now, "delay", fail)
        answer = operator.post(f"{PAGE}do/reconcile/", follow=True)
        assert "the message broker cannot be reached" in answer.content.decode()

    def test_each_is_logged(self, operator, sent):
        Cursor.objects.create(store="memory", partition=0)
        for action in ("retry", "reconcile", "sample"):
            operator.post(f"{PAGE}do/{action}/")
        assert LogEntry.objects.filter(object_repr="memory").count() == 3

    def test_unknown(self, operator):
        assert operator.post(f"{PAGE}do/destroy/").status_code == 404
        nosuch = PAGE.replace("memory", "nosuch")
        assert operator.post(f"{nosuch}do/retry/").status_code == 404


class TestRights:
    @pytest.mark.parametrize("action", ACTIONS)
    def test_a_get_does_nothing(self, operator, sent, action):
        assert operator.get(f"{PAGE}do/{action}/").status_code == 405
        assert sent == []

    def test_a_get_of_the_form_pauses_nothing(self, operator):
        operator.get(f"{PAGE}pause/", {"reason": "x"})
        assert not StorePause.objects.exists()

    def test_who_may_only_look_sees_no_button_and_can_do_nothing(self, viewer, sent):
        assert "<form" not in text_of(viewer).split("content-main")[1]
        for action in ACTIONS:
            assert viewer.post(f"{PAGE}do/{action}/").status_code == 403
        assert viewer.get(f"{PAGE}pause/").status_code == 403
        assert viewer.post(f"{PAGE}pause/", {"reason": "x"}).status_code == 403
        assert sent == []
        assert not StorePause.objects.exists()

    def test_staff_without_the_right_see_nothing(self, client):
        sign_in_staff(client, staff())
        assert client.get(PAGE).status_code == 403

    def test_members_and_strangers_are_sent_to_sign_in(self, client, member):
        for _ in range(2):
            for url in (PAGE, f"{PAGE}pause/"):
                assert "/login" in client.get(url).headers["Location"]
            assert client.post(f"{PAGE}do/retry/").status_code == 302
            client.force_login(member)
        assert not LogEntry.objects.exists()

    def test_no_action_without_the_csrf_token(self, sent):
        client = Client(enforce_csrf_checks=True)
        sign_in_staff(client, staff("view_cursor", "change_cursor"))
        for action in ACTIONS:
            assert client.post(f"{PAGE}do/{action}/").status_code == 403
        assert client.post(f"{PAGE}pause/", {"reason": "x"}).status_code == 403
        assert sent == []

    @pytest.mark.parametrize("model", ["cursor", "parked", "storepause"])
    def test_nobody_edits_or_deletes_rows(self, client, model):
        sign_in_staff(client, get_user_model().objects.create_superuser("root@example.org", "x"))
        pause("memory", by="olga", reason="x")
        row = StorePause.objects.get()
        assert client.get(f"/admin/propagation/{model}/").status_code == 200
        assert client.get(f"/admin/propagation/{model}/add/").status_code == 403
        if model == "storepause":
            url = f"/admin/propagation/{model}/{row.pk}"
            assert client.post(f"{url}/change/", {"reason": "y"}).status_code == 403
            assert client.post(f"{url}/delete/", {"post": "yes"}).status_code == 403
            row.refresh_from_db()
            assert row.reason == "x"
