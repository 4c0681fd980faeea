"""Sending over a real SMTP server: who gets a mail, who does not any more, and who is told."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import Member
from campaigns import claiming, lifecycle, recording, sending
from campaigns.models import Campaign, NoReminders, Recipient, Sender, Undeliverable
from campaigns.tests.campaigns import due_now, make_campaign, reasons, running, states
from campaigns.tests.mail_server import mailers
from consent import told
from consent.models import SentMail, Told
from ledger.models import Decision
from tests.people import choose, make_member

pytestmark = pytest.mark.django_db

State = Recipient.State


def send(campaign):
    sending.send(campaign.pk)
    campaign.refresh_from_db()


def test_everyone_gets_one_mail_and_is_told(notice, member, other, server):
    campaign = running(notice)
    send(campaign)
    send(campaign)
    assert sorted(server.to()) == ["anna@example.org", "ben@example.org"]
    assert server.connections == 1
    row = Recipient.objects.get(member=member)
    assert (row.state, row.attempts, row.lease, row.possibly_doubled) == ("sent", 1, None, False)
    assert Told.objects.get(member=member).first == (row.sent_at, Told.Way.MAIL)
    mail = SentMail.objects.get(member=other)
    assert (mail.kind, mail.notice_version, mail.language) == ("notice", 1, "en")
    lifecycle.finish_due(timezone.now())
    campaign.refresh_from_db()
    assert campaign.state == Campaign.State.FINISHED


class TestLookedAtAgain:
    def test_whoever_is_gone(self, notice, member, other, server):
        campaign = running(notice)
        Member.objects.filter(pk=member.pk).update(is_active=False)
        other.delete()
        send(campaign)
        assert server.to() == []
        assert reasons() == {"anna": "left", None: "erased"}

    def test_an_address_that_bounces(self, notice, member, other, server):
        campaign = running(notice)
        Undeliverable.objects.create(member=member, email=member.email)
        Undeliverable.objects.create(member=other, email="former@example.org")
        send(campaign)
        assert server.to() == ["ben@example.org"]
        assert reasons()["anna"] == "address"

    def test_told_by_another_campaign(self, notice, member, server):
        first, second = running(notice), running(notice, name="Second", told="any")
        send(first)
        send(second)
        assert len(server.received) == 1
        assert list(second.recipients.values_list("state", "reason")) == [("skipped", "told")]

    def test_told_in_another_way(self, notice, member, server):
        campaign = running(notice)
        told.letter_sent(notice, member.pk, timezone.now())
        send(campaign)
        assert reasons() == {"anna": "told"}

    def test_being_mailed_by_another_campaign_this_moment(self, notice, member, server):
        first, second = running(notice), running(notice, name="Second")
        claiming.claim(first, timezone.now())
        send(second)
        row = second.recipients.get()
        assert (row.state, server.to()) == (State.PENDING, [])
        assert row.due_at > timezone.now() + timedelta(seconds=30)

    def test_moved_away_or_now_under_18(self, notice, member, other, server):
        campaign = running(notice, regions=["eu_eea"])
        Member.objects.filter(pk=member.pk).update(country="US")
        Member.objects.filter(pk=other.pk).update(is_minor=True)
        send(campaign)
        assert set(reasons().values()) == {"rule"}

    def test_reminders(self, notice, server):
        long_ago = timezone.now() - timedelta(days=30)
        members = [make_member(f"{name}@example.org") for name in ("a", "b", "c", "d")]
        told.mail_accepted(notice, [member.pk for member in members], long_ago)
        campaign = running(notice, told="unanswered")
        choose("a", Decision.OBJECTED)
        NoReminders.objects.create(member=members[1], how="asked")
        told.page_seen(notice, members[2].pk, long_ago)
        send(campaign)
        assert reasons() == {"a": "answered", "b": "reminders", "c": "", "d": ""}
        assert "This is a reminder." in server.received[0].parsed.get_body(("plain",)).get_content()

    def test_no_reminder_soon_after(self, notice, member):
        told.mail_accepted(notice, [member.pk], timezone.now() - timedelta(days=2))
        with pytest.raises(lifecycle.CampaignError, match="matches nobody"):
            running(notice, told="unanswered")

    def test_a_rollout_that_was_moved_makes_the_mails_untrue(self, notice, member, server):
        campaign = running(notice)
        rollout = notice.rollouts.get(region="eu_eea")
        rollout.reschedule(timezone.localdate() + timedelta(days=90), by="jo", reason="Later")
        send(campaign)
        assert server.to() == []
        assert campaign.state == Campaign.State.PAUSED
        assert "eu_eea was rescheduled after the release" in campaign.problem

    def test_a_newer_notice(self, notice, member, server):
        campaign = running(notice)
        newer = type(notice).objects.create(purpose=notice.purpose, version=2)
        text = notice.translations.get(language="en")
        text.pk, text.notice, text._state.adding = None, newer, True
        text.save()
        newer.publish()
        send(campaign)
        assert (server.to(), campaign.state) == ([], Campaign.State.PAUSED)


@pytest.fixture(params=["one by one", "at once"])
def commands(request, server):
    """With PIPELINING and without."""
    server.pipelining = request.param == "at once"


@pytest.mark.usefixtures("commands")
class TestTrouble:
    def test_no_such_address(self, notice, member, other, server):
        server.answers[member.email] = "550 5.1.1 <anna@example.org>: no such user"
        send(running(notice))
        assert states() == {"anna": State.BOUNCED, "ben": State.SENT}
        assert Undeliverable.objects.get().email == member.email
        assert Told.objects.get(member=member).address == Told.Address.BOUNCED
        assert Recipient.objects.get(member=member).reply == "550 5.1.1 … no such user"

    def test_refused_for_another_reason(self, notice, member, other, server):
        server.data_answers[member.email] = "554 5.7.1 message looks like spam"
        send(running(notice))
        assert states() == {"anna": State.FAILED, "ben": State.SENT}
        assert not Undeliverable.objects.exists()
        assert Told.objects.get(member=member).first is None

    def test_greylisted(self, notice, member, other, server):
        server.greylists = True
        campaign = running(notice)
        send(campaign)
        assert server.to() == []
        assert set(states().values()) == {State.PENDING}
        due_now()
        send(campaign)
        assert len(server.received) == 2

    def test_put_off_too_often(self, notice, member, server):
        server.answers[member.email] = "452 4.2.2 mailbox full"
        campaign = running(notice)
        for _ in range(sending.ATTEMPTS):
            due_now()
            campaign.lanes.update(not_before=None)
            send(campaign)
        assert reasons() == {"anna": "no_answer"}
        assert Told.objects.get().address == Told.Address.REFUSED

    def test_a_provider_that_wants_fewer(self, notice, server):
        for number in range(5):
            make_member(f"g{number}@gmail.com")
            make_member(f"y{number}@yahoo.com")
        server.answers["@gmail.com"] = "421 4.7.28 unusual rate of mail"
        campaign = running(notice)
        send(campaign)
        assert sorted(server.to()) == [f"y{number}@yahoo.com" for number in range(5)]
        lane = campaign.lanes.get(provider="google")
        assert lane.not_before > timezone.now()
        assert "unusual rate" in lane.problem
        untried = campaign.recipients.filter(provider="google", attempts=0)
        assert untried.count() == 4
        server.answers.clear()
        due_now()
        campaign.lanes.update(not_before=None)
        send(campaign)
        assert len(server.received) == 10
        assert campaign.lanes.get(provider="google").problem == ""

    def test_many_temporary_refusals_of_one_provider(self, notice, server, monkeypatch):
        monkeypatch.setattr(sending, "PUT_OFF", 3)
        for number in range(6):
            make_member(f"g{number}@gmail.com")
        server.answers["@gmail.com"] = "451 4.3.0 try again later"
        send(running(notice))
        assert Recipient.objects.filter(attempts=0).count() == 3

    def test_the_connection_breaks_before_the_answer(self, notice, member, other, server):
        server.breaks = {member.email: True}
        campaign = running(notice)
        send(campaign)
        row = Recipient.objects.get(member=member)
        assert (row.state, row.possibly_doubled) == (State.PENDING, True)
        assert states()["ben"] == State.SENT
        server.breaks = {}
        due_now()
        send(campaign)
        both = [mail.parsed["Message-ID"] for mail in server.received if mail.to == member.email]
        assert len(both) == 2
        assert both[0] == both[1]

    def test_a_connection_that_lasts_for_few_mails(self, notice, server):
        for number in range(4):
            make_member(f"m{number}@example.org")
        server.closes_after = 2
        campaign = running(notice)
        for _ in range(3):
            due_now()
            campaign.lanes.update(not_before=None, filled_at=timezone.now() - timedelta(minutes=1))
            Campaign.objects.update(not_before=None)
            send(campaign)
        assert len(set(server.to())) == len(server.received) == 4

    def test_a_slow_server_is_waited_for(self, notice, member, other, server):
        server.seconds = 0.3
        campaign = running(notice)
        send(campaign)
        assert sorted(server.to()) == [member.email, other.email]
        assert set(states().values()) == {State.SENT}

    def test_one_that_is_too_slow_may_have_taken_it(self, notice, member, server, settings):
        settings.MAILERS["default"]["OPTIONS"]["timeout"] = 0.5
        server.seconds = 1.5
        campaign = running(notice)
        send(campaign)
        row = Recipient.objects.get()
        assert (row.state, row.possibly_doubled) == (State.PENDING, True)
        assert row.due_at > timezone.now() + timedelta(minutes=4)
        server.seconds = 0
        due_now()
        send(campaign)
        assert states() == {"anna": State.SENT}
        assert len({mail.parsed["Message-ID"] for mail in server.received}) == 1

    def test_the_server_is_away(self, notice, member, other, settings):
        settings.MAILERS = mailers(1)
        campaign = running(notice)
        send(campaign)
        assert "cannot be reached" in campaign.problem
        assert campaign.not_before > timezone.now()
        assert list(Recipient.objects.values_list("state", "attempts")) == [("pending", 0)] * 2
        assert not lifecycle.may_send(campaign)

    def test_the_server_refuses_the_sender(self, notice, member, server):
        server.senders = "550 5.7.1 sender not allowed"
        campaign = running(notice)
        send(campaign)
        assert "refuses the sender: 550 5.7.1 sender not allowed" in campaign.problem
        assert states() == {"anna": State.PENDING}
        server.senders = ""
        Campaign.objects.update(not_before=None)
        campaign.lanes.update(filled_at=timezone.now() - timedelta(minutes=1))
        send(campaign)
        assert (campaign.problem, campaign.failures) == ("", 0)

    @pytest.mark.parametrize(
        "address", ['"a b"@example.org', "a@b@example.org", "x\r\nBcc: y@example.org", "nobody", ""]
    )
    def test_an_address_that_cannot_be_written_to(self, notice, member, other, server, address):
        Member.objects.filter(pk=member.pk).update(email=address)
        send(running(notice))
        assert server.to() == ["ben@example.org"]
        assert reasons()["anna"] == "bad_address"

    def test_a_mail_that_cannot_be_built(self, notice, member, other, server, monkeypatch):
        whole = sending.personal

        def broken(recipient, *args):
            if recipient.member_id == member.pk:
                raise ZeroDivisionError
            return whole(recipient, *args)

        monkeypatch.setattr(sending, "personal", broken)
        send(running(notice))
        assert states() == {"anna": State.PENDING, "ben": State.SENT}


class TestStopping:
    def test_a_pause_acts_within_a_batch(self, notice, server, monkeypatch):
        monkeypatch.setattr(sending, "WRITE_EVERY", 0)
        for number in range(5):
            make_member(f"m{number}@example.org")
        campaign = running(notice)
        asked = lifecycle.may_send

        def may_send(campaign):
            if len(server.received) == 2:
                for one in Campaign.objects.filter(state=Campaign.State.RUNNING):
                    lifecycle.pause(one, by="jo", reason="Stop")
            return asked(campaign)

        monkeypatch.setattr(lifecycle, "may_send", may_send)
        send(campaign)
        assert len(server.received) == 2
        assert Recipient.objects.filter(state=State.PENDING, attempts=0, lease=None).count() == 3

    def test_nothing_goes_out_while_all_are_stopped(self, notice, member, server):
        campaign = running(notice)
        lifecycle.stop_all(by="jo", reason="Block list")
        send(campaign)
        assert server.to() == []

    def test_one_connection_at_a_time(self, notice, member, server):
        campaign = running(notice)
        Sender.objects.create(number=0, leased_until=timezone.now() + timedelta(minutes=1))
        send(campaign)
        assert server.to() == []
        Sender.objects.update(leased_until=timezone.now() - timedelta(seconds=1))
        send(campaign)
        assert server.to() == [member.email]


class TestAfterACrash:
    def test_sent_again_with_the_same_id_and_said_so(self, notice, member, server):
        campaign = running(notice)
        lease, [row] = claiming.claim(campaign, timezone.now())
        recording.take_in_hand(lease, [row.pk], [])
        recording.settle_cut_off(timezone.now())
        assert Recipient.objects.get().state == State.SENDING
        recording.settle_cut_off(timezone.now() + claiming.LEASE)
        send(campaign)
        row = Recipient.objects.get()
        assert (row.state, row.possibly_doubled, row.attempts) == (State.SENT, True, 2)

    def test_a_mail_whose_page_was_seen_has_arrived(self, notice, member, server):
        campaign = running(notice)
        claiming.claim(campaign, timezone.now())
        Recipient.objects.update(seen_at=timezone.now())
        recording.settle_cut_off(timezone.now() + claiming.LEASE)
        send(campaign)
        assert server.to() == []
        assert states() == {"anna": State.SENT}

    def test_what_was_never_in_hand_is_not_in_doubt(self, notice, member, server):
        campaign = running(notice)
        claiming.claim(campaign, timezone.now())
        recording.settle_cut_off(timezone.now() + claiming.LEASE)
        row = Recipient.objects.get()
        assert (row.state, row.possibly_doubled, row.attempts) == (State.PENDING, False, 0)

    def test_what_was_noted_as_taken_is_not_sent_again(self, notice, member, other, server):
        campaign = running(notice)
        claiming.claim(campaign, timezone.now())
        at = timezone.now()
        Recipient.objects.filter(member=member).update(sent_at=at)
        recording.settle_cut_off(timezone.now() + claiming.LEASE)
        send(campaign)
        assert server.to() == [other.email]
        row = Recipient.objects.get(member=member)
        assert (row.state, row.sent_at, row.possibly_doubled) == (State.SENT, at, False)
        assert Told.objects.get(member=member).first == (at, Told.Way.MAIL)
        assert SentMail.objects.get(member=member).sent_at == at

    def test_noted_after_a_few_mails(self, notice, server, monkeypatch):
        for number in range(5):
            make_member(f"m{number}@example.org")
        campaign = running(notice)
        monkeypatch.setattr(sending, "IN_HAND", 2)
        monkeypatch.setattr(sending, "NOTE_EVERY", 60)

        def never_written(self):
            raise SystemExit

        monkeypatch.setattr(sending.Batch, "_write", never_written)
        with pytest.raises(SystemExit):
            sending.send(campaign.pk)
        assert len(server.received) == 5
        assert Recipient.objects.exclude(sent_at=None).count() == 4

    def test_a_late_sender_writes_nothing_of_what_it_lost(self, notice, member, server):
        campaign = running(notice)
        lease, _rows = claiming.claim(campaign, timezone.now())
        recording.settle_cut_off(timezone.now() + claiming.LEASE)
        recording.write_sent(campaign, Recipient.objects.held(lease), timezone.now())
        assert states() == {"anna": State.PENDING}
        assert not SentMail.objects.exists()
        assert not Told.objects.exists()

    def test_two_claims_never_share_a_mail(self, notice, member, other, server):
        campaign = running(notice)
        _first, mine = claiming.claim(campaign, timezone.now())
        _second, others = claiming.claim(campaign, timezone.now())
        assert (len(mine), others) == (2, [])


def test_erased_between_the_mail_and_the_record(notice, member, other, server):
    campaign = running(notice)
    lease, _rows = claiming.claim(campaign, timezone.now())
    member.delete()
    recording.write_sent(campaign, Recipient.objects.held(lease), timezone.now())
    assert {row["state"] for row in Recipient.objects.values("state")} == {State.SENT}
    assert list(SentMail.objects.values_list("member", flat=True)) == [other.pk]


def test_queries_do_not_grow_with_the_batch(notice, server, django_assert_max_num_queries):
    for number in range(50):
        make_member(f"m{number}@example.org")
    campaign = running(notice)
    with django_assert_max_num_queries(70):
        send(campaign)
    assert len(server.received) == 50


def test_a_campaign_that_has_not_started(notice, member, server):
    send(make_campaign(notice))
    assert server.to() == []
