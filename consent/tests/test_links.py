"""The mail link: no login, only objecting, and no word about who exists."""

import base64
import re
import struct
import time

import pytest
from django.core import signing
from django.urls import reverse

from consent import links
from consent.links import BadToken, Link, make_token, read_token
from consent.models import Notice
from consent.pressing import page_value
from ledger.models import CurrentChoice, Entry

KEYS = ["first-key-0123456789", "second-key-0123456789"]


class TestToken:
    def test_round_trip(self):
        link = Link(member_id=2**40, notice_id=7)
        token = make_token(link)
        assert len(token) == links.LENGTH
        assert re.fullmatch(r"[A-Za-z0-9_-]+", token)
        assert read_token(token) == link

    def test_nothing_is_readable_in_it(self):
        token = make_token(Link(member_id=0x41424344, notice_id=1))
        assert b"ABCD" not in base64.urlsafe_b64decode(token + "=")
        assert make_token(Link(1, 1)) != make_token(Link(1, 1))

    @pytest.mark.parametrize("bad", ["", "x", "x" * 59, "é" * 59, "\0" * 59, "x" * 1_000_000])
    def test_forged(self, bad):
        with pytest.raises(BadToken):
            read_token(bad)

    def test_truncated_extended_or_changed(self):
        token = make_token(Link(1, 1))
        changed = token[:20] + ("A" if token[20] != "A" else "B") + token[21:]
        for bad in (token[:-1], token + "A", token[1:], changed, token.lower()):
            with pytest.raises(BadToken):
                read_token(bad)

    def test_of_a_campaign(self):
        assert read_token(make_token(Link(2**63, 2**32 - 1, 7))) == Link(2**63, 2**32 - 1, 7)

    def test_made_before_there_were_campaigns(self):
        assert links._PAYLOAD.unpack(struct.pack(">QQ", 2**40, 7)) == (2**40, 0, 7)

    def test_of_another_purpose(self):
        foreign = make_token(Link(1, 1), links.REMINDERS)
        assert read_token(foreign, links.REMINDERS) == Link(1, 1)
        for bad in (foreign, signing.dumps([1, 1]), signing.TimestampSigner().sign("1:1")):
            with pytest.raises(BadToken):
                read_token(bad)

    def test_keys_rotate(self, settings):
        settings.LINK_KEYS = KEYS[:1]
        old = make_token(Link(1, 1))
        settings.LINK_KEYS = [KEYS[1], KEYS[0]]
        assert read_token(old) == Link(1, 1)
        settings.LINK_KEYS = KEYS[1:]  # the first key is retired
        with pytest.raises(BadToken):
            read_token(old)


@pytest.fixture
def path(member, notice):
    token = make_token(Link(member_id=member.pk, notice_id=notice.pk))
    return reverse("object_by_link", args=[token])


def press(client, path, **values):
    """As a person does, some seconds after the page was shown."""
    page = page_value(time.time() - 10)
    return client.post(path, {"page": page, "decision": "objected", **values})


@pytest.mark.django_db
class TestPage:
    def test_looking_changes_nothing(self, client, path):
        for method in (client.get, client.head, client.get):
            assert method(path).status_code == 200
        assert not Entry.objects.exists()

    def test_one_click_objects_without_signing_in(self, client, path, notice):
        answer = press(client, path)
        assert answer.status_code == 302
        entry = Entry.objects.get()
        assert (entry.member_ref, entry.decision, entry.channel) == (
            "anna",
            "objected",
            "mail_link",
        )
        assert (entry.notice_version, entry.notice_language) == (1, "en")
        assert b"You have objected" in client.get(answer.url).content
        assert "_auth_user_id" not in client.session

    def test_it_can_never_allow(self, client, path):
        press(client, path)
        press(client, path, decision="allowed")
        assert CurrentChoice.objects.get().decision == "objected"
        assert Entry.objects.count() == 1
        assert b'value="allowed"' not in client.get(path).content

    def test_a_double_click_is_one_choice(self, client, path):
        page = page_value(time.time() - 10)
        for _ in range(2):
            press(client, path, page=page)
        assert Entry.objects.count() == 1

    def test_it_does_not_say_who_it_is_for(self, client, path, member):
        page = client.get(path).content.decode()
        for known in (member.email, member.member_ref, "Germany"):
            assert known not in page

    def test_it_speaks_the_members_language(self, client, path, member):
        type(member).objects.update(language="de-AT")
        assert 'lang="de"' in client.get(path, headers={"Accept-Language": "fr"}).content.decode()

    def test_nothing_is_kept_or_passed_on(self, client, path):
        answer = client.get(path)
        assert answer["Referrer-Policy"] == "strict-origin"
        assert "no-store" in answer["Cache-Control"]

    def test_when_saving_fails_the_page_says_so(self, client, path, read_only_database):
        with read_only_database():
            answer = press(client, path)
        assert answer.status_code == 503
        assert "Not saved." in answer.content.decode()
        assert not Entry.objects.exists()
        assert press(client, path).status_code == 302

    @pytest.mark.parametrize("method", ["put", "delete", "patch"])
    def test_other_methods(self, client, path, method):
        assert getattr(client, method)(path).status_code == 405

    def test_every_wrong_link_gets_the_same_helpful_page(self, client, path, notice, member):
        unknown = make_token(Link(member_id=member.pk + 999, notice_id=notice.pk))
        old = make_token(Link(member_id=member.pk, notice_id=notice.pk + 999))
        pages = set()
        for token in (path[3:-2], "x", "x" * 59, unknown, old, "%00", "x" * 5000):
            for method in (client.get, client.post):
                answer = method(f"/o/{token}/")
                assert answer.status_code == 404
                pages.add(re.sub(r"csrf\w+\" value=\"\w+", "", answer.content.decode()).strip())
                pages = {re.sub(r'name="next" value="[^"]*"', "", page) for page in pages}
        assert len(pages) == 1
        assert "/notice/" in pages.pop()

    def test_a_member_who_has_left(self, client, path, member):
        type(member).objects.update(is_active=False)
        assert press(client, path).status_code == 404

    def test_it_ends_with_its_notice(self, client, path, notice):
        text = notice.translations.get(language="en")
        newer = Notice.objects.create(purpose=notice.purpose, version=2, used=[], never_used=[])
        text.pk, text.notice = None, newer
        text._state.adding = True
        text.save()
        assert client.get(path).status_code == 200  # not published yet
        newer.publish()
        assert client.get(path).status_code == 404
