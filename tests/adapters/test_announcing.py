"""The bus, the ends of campaigns and the pulse: what is told, once, and what happens when nobody can be told."""

import socket
from datetime import timedelta
from typing import Any

import boto3
import pytest
from moto import mock_aws
from pymongo.database import Database

from dialer.adapters.announced import AnnouncedCampaigns
from dialer.adapters.endings import MongoEndings
from dialer.adapters.event_bus import CONFIG, EventBridgeAnnouncer
from dialer.adapters.mongo import Document
from dialer.adapters.pulse import MongoPatients
from dialer.lifecycle import State
from dialer.model import CampaignState
from dialer.ports import Announcement, Pulse
from tests.adapters.raw_server import RawServer
from tests.builders import a_campaign, a_contact, an_attempt, created, now, stored

RUNNING, PAUSED = CampaignState.RUNNING, CampaignState.PAUSED


def an_announcement(kind: str = "CallSettled") -> Announcement:
    return Announcement(kind=kind, facts={"campaign_id": "c"})


@pytest.fixture
def bus(monkeypatch: pytest.MonkeyPatch) -> Any:
    """moto's EventBridge, with a rule that archives what arrives."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        events = boto3.client("events")
        events.create_event_bus(Name="dialer")
        arn = events.describe_event_bus(Name="dialer")["Arn"]
        events.create_archive(ArchiveName="all", EventSourceArn=arn)
        yield events


def arrived(bus: Any) -> int:
    return int(bus.describe_archive(ArchiveName="all")["EventCount"])


def test_what_was_noted_is_sent_once_however_many_there_are(bus: Any) -> None:
    announcer = EventBridgeAnnouncer(lambda: bus, bus="dialer")
    announcer.note(*[an_announcement()] * 25)
    announcer.note(an_announcement("CampaignPaused"))
    assert announcer.noted("CampaignPaused") == 1
    assert (announcer.publish(), announcer.publish()) == (0, 0)
    assert arrived(bus) == 26


def test_no_client_is_made_while_there_is_nothing_to_say() -> None:
    def never() -> Any:
        raise AssertionError("a client was made")

    announcer = EventBridgeAnnouncer(never, bus="dialer")
    assert announcer.publish() == 0


def test_without_a_bus_nothing_is_kept() -> None:
    announcer = EventBridgeAnnouncer(lambda: pytest.fail("a client was made"), bus="")
    announcer.note(an_announcement())
    assert (announcer.noted("CallSettled"), announcer.publish()) == (0, 0)


def test_a_bus_that_does_not_answer_costs_little_time_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """One try, cut short; what was not taken is counted, not kept."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    with RawServer(_say_nothing) as silent:
        client = boto3.client("events", endpoint_url=silent.url, region_name="us-east-1", config=CONFIG)
        announcer = EventBridgeAnnouncer(lambda: client, bus="dialer")
        announcer.note(*[an_announcement()] * 3)
        began = now()
        assert announcer.publish() == 3
        assert now() - began < timedelta(seconds=3)
        assert silent.requests == 1
    assert announcer.publish() == 0


def _say_nothing(connection: socket.socket) -> None:
    """Until the other side gives up."""
    connection.recv(1)


def test_a_change_of_state_is_announced_by_whoever_made_it(database: Database[Document], bus: Any) -> None:
    announcer = EventBridgeAnnouncer(lambda: bus, bus="dialer")
    campaigns = AnnouncedCampaigns(database["campaigns"], announcer)
    campaign = created(database, a_campaign())
    assert campaigns.set_state(campaign.id, PAUSED, sources=[RUNNING], reason="the account is suspended")
    assert not campaigns.set_state(campaign.id, PAUSED, sources=[RUNNING])
    assert announcer.noted("CampaignPaused") == 1


def endings(database: Database[Document]) -> MongoEndings:
    return MongoEndings(database["campaigns"], database["contacts"])


def test_a_campaign_finishes_once(database: Database[Document]) -> None:
    campaign = created(database, a_campaign())
    stored(database, a_contact(campaign, state=State.DONE))
    assert [endings(database).just_finished(campaign.id) for _ in range(3)] == [True, False, False]


@pytest.mark.parametrize("state", [State.PENDING, State.CLAIMED, State.DIALING, State.PLACED, State.UNCERTAIN])
def test_a_campaign_with_work_left_has_not_finished(database: Database[Document], state: State) -> None:
    campaign = created(database, a_campaign())
    later = {"due_at": now() + timedelta(hours=1)} if state is State.PENDING else {}
    stored(database, a_contact(campaign, state=state, **later))
    assert not endings(database).just_finished(campaign.id)


def test_who_waits_for_a_person_does_not_keep_a_campaign_going(database: Database[Document]) -> None:
    campaign = created(database, a_campaign())
    stored(database, a_contact(campaign, state=State.HELD))
    assert endings(database).just_finished(campaign.id)


def test_another_campaigns_work_is_not_this_ones(database: Database[Document]) -> None:
    campaign = created(database, a_campaign())
    stored(database, a_contact(created(database, a_campaign())))
    assert endings(database).just_finished(campaign.id)


def test_more_work_lets_a_campaign_finish_again(database: Database[Document]) -> None:
    campaign = created(database, a_campaign())
    assert endings(database).just_finished(campaign.id)
    more = stored(database, a_contact(campaign))
    assert not endings(database).just_finished(campaign.id)
    database["contacts"].delete_one({"_id": more.id})
    assert endings(database).just_finished(campaign.id)


def test_only_a_running_campaign_finishes(database: Database[Document]) -> None:
    campaign = created(database, a_campaign(state=PAUSED))
    assert not endings(database).just_finished(campaign.id)


def test_the_pulse_counts_the_doubtful_and_the_held_of_all_campaigns(database: Database[Document]) -> None:
    patients = MongoPatients(database["contacts"])
    assert patients.pulse() == Pulse()
    for state in State:
        stored(database, a_contact("one", state=state))
    old = a_contact("two", state=State.UNCERTAIN)
    dialed = an_attempt(old.id, State.UNCERTAIN, dial_at=now() - timedelta(minutes=7))
    stored(database, a_contact("two", id=old.id, state=State.UNCERTAIN, attempt=dialed))
    felt = patients.pulse()
    assert (felt.uncertain, felt.held) == (2, 1)
    assert timedelta(minutes=7) <= felt.oldest_uncertain < timedelta(minutes=8)
