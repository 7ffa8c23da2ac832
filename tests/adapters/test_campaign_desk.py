"""The campaigns as an operator sees them: a halt that nobody escapes, and a timetable that is kept once."""

from dataclasses import replace
from datetime import timedelta

import pytest
from pymongo.database import Database

from dialer.adapters.campaign_desk import MongoCampaignDesk
from dialer.adapters.campaigns import MongoCampaigns
from dialer.adapters.contact_book import MongoContactBook
from dialer.adapters.mongo import Document
from dialer.adapters.timetable import MongoTimetable
from dialer.campaigns import Readiness
from dialer.model import CallPlan, Campaign, CampaignState, Pacing, Slots
from dialer.schedule import Schedule
from tests.adapters.racing import in_threads
from tests.builders import a_campaign, a_contact, created, now, stored

RUNNING, PAUSED, DRAFT, STOPPED = (
    CampaignState.RUNNING,
    CampaignState.PAUSED,
    CampaignState.DRAFT,
    CampaignState.STOPPED,
)
HOUR = timedelta(hours=1)


@pytest.fixture
def desk(database: Database[Document]) -> MongoCampaignDesk:
    return MongoCampaignDesk(database["campaigns"])


def states(database: Database[Document]) -> dict[str, str]:
    return {one["_id"]: one["state"] for one in database["campaigns"].find()}


def schedule(database: Database[Document]) -> Schedule:
    readiness = Readiness(contacts=MongoContactBook(database["contacts"]))
    return Schedule(timetable=MongoTimetable(database["campaigns"]), readiness=readiness)


def test_a_halt_pauses_those_that_run_and_no_other(database: Database[Document], desk: MongoCampaignDesk) -> None:
    others = {created(database, a_campaign(state=state)).id: state for state in CampaignState if state is not RUNNING}
    running = {created(database, a_campaign()).id for _ in range(5)}
    assert set(desk.halt(reason="now").paused) == running
    assert states(database) == others | dict.fromkeys(running, PAUSED)


def test_whoever_is_started_during_a_halt_is_paused_by_it_or_runs_after_it(
    database: Database[Document], desk: MongoCampaignDesk
) -> None:
    """And is among those that it names: nobody is left running unseen."""
    campaigns = MongoCampaigns(database["campaigns"])
    drafts = [created(database, a_campaign(state=DRAFT)) for _ in range(30)]

    def act(worker: int) -> object:
        if worker:
            return [campaigns.set_state(one.id, RUNNING, sources=[DRAFT]) for one in drafts[worker - 1 :: 3]]
        return [desk.halt(reason="now") for _ in range(5)]

    in_threads(act, range(4))
    last = desk.halt(reason="now")
    assert not campaigns.running_ids()
    assert not any(campaigns.permit(one.id) for one in drafts)
    assert set(last.paused) <= {one.id for one in drafts}


def test_the_last_permit_is_found_among_all(database: Database[Document], desk: MongoCampaignDesk) -> None:
    campaigns = MongoCampaigns(database["campaigns"])
    assert desk.halt(reason="now").last_permit_at is None
    first, second = created(database, a_campaign()), created(database, a_campaign())
    assert desk.halt(reason="now").last_permit_at is None
    for one in (first, second):
        campaigns.set_state(one.id, RUNNING, sources=[PAUSED])
    assert campaigns.permit(first.id)
    before = now()
    assert campaigns.permit(second.id)
    halted = desk.halt(reason="now")
    assert halted.last_permit_at is not None
    assert before - timedelta(seconds=1) <= halted.last_permit_at <= halted.at


def paced(desk: MongoCampaignDesk, campaigns: MongoCampaigns, campaign: Campaign, call_delay: timedelta) -> Campaign:
    """The campaign after its pace was changed."""
    pacing = replace(campaign.pacing, call_delay=call_delay)
    assert desk.change(campaign, replace(campaign, pacing=pacing), states=[campaign.state])
    sight = campaigns.see(campaign.id)
    assert sight
    assert sight.campaign.pacing == pacing
    return sight.campaign


def test_a_faster_pace_holds_at_once_and_no_dial_is_closer_than_it(
    database: Database[Document], desk: MongoCampaignDesk
) -> None:
    campaigns, second = MongoCampaigns(database["campaigns"]), timedelta(seconds=1)
    campaign = created(database, a_campaign(pacing=Pacing(call_delay=HOUR)))
    slots = campaigns.reserve_slots(campaign.id, fence=1, wanted=5, horizon=timedelta(minutes=1))
    before = now()
    assert campaigns.permit(campaign.id)
    granted = now()
    assert isinstance(slots, Slots)
    changed = paced(desk, campaigns, campaign, second)
    assert before + second <= changed.next_dial_at <= granted + second
    assert changed.next_slot_at == slots.start + second
    slower = paced(desk, campaigns, changed, 2 * HOUR)
    assert slower.next_dial_at == changed.next_dial_at - second + 2 * HOUR
    assert slower.next_slot_at == slots.start + 2 * HOUR
    assert not campaigns.permit(campaign.id)
    paced(desk, campaigns, slower, timedelta(milliseconds=1))
    assert campaigns.permit(campaign.id)


def test_slots_stay_the_account_s_share_apart_at_any_pace(
    database: Database[Document], desk: MongoCampaignDesk
) -> None:
    campaigns, share = MongoCampaigns(database["campaigns"]), timedelta(seconds=10)
    campaign = created(database, a_campaign(pacing=Pacing(call_delay=HOUR)))
    slots = campaigns.reserve_slots(campaign.id, fence=1, wanted=5, horizon=timedelta(minutes=1), share=share)
    assert isinstance(slots, Slots)
    changed = paced(desk, campaigns, campaign, timedelta(seconds=1))
    assert changed.next_slot_at == slots.start + share
    assert paced(desk, campaigns, changed, timedelta(seconds=2)).next_slot_at == slots.start + share


@pytest.mark.parametrize("call_delay", [timedelta(seconds=1), 2 * HOUR])
def test_the_last_permit_is_known_at_any_pace(
    database: Database[Document], desk: MongoCampaignDesk, call_delay: timedelta
) -> None:
    campaigns = MongoCampaigns(database["campaigns"])
    campaign = created(database, a_campaign(pacing=Pacing(call_delay=HOUR)))
    before = now()
    assert campaigns.permit(campaign.id)
    granted = now()
    paced(desk, campaigns, campaign, call_delay)
    last = desk.halt(reason="now").last_permit_at
    assert last
    assert before <= last <= granted


@pytest.mark.parametrize(
    ("state", "moments", "after"),
    [
        (DRAFT, {"start_at": -HOUR}, RUNNING),
        (DRAFT, {"start_at": HOUR}, DRAFT),
        (DRAFT, {"end_at": -HOUR}, DRAFT),
        (PAUSED, {"start_at": -HOUR}, PAUSED),
        (RUNNING, {"end_at": HOUR}, RUNNING),
        (RUNNING, {"end_at": -HOUR}, STOPPED),
        (PAUSED, {"end_at": -HOUR}, STOPPED),
        (STOPPED, {"start_at": -HOUR, "end_at": HOUR}, STOPPED),
    ],
)
def test_whose_moment_has_come_is_moved_and_no_other(
    database: Database[Document], state: CampaignState, moments: dict[str, timedelta], after: CampaignState
) -> None:
    given = {name: now() + span for name, span in moments.items()}
    campaign = created(database, a_campaign(state=state, **given))
    turns = list(schedule(database).keep())
    assert states(database) == {campaign.id: after}
    assert [(turn.campaign_id, turn.state) for turn in turns] == ([(campaign.id, after)] if after != state else [])


def test_a_moment_is_kept_once_however_many_look(database: Database[Document]) -> None:
    for _ in range(10):
        created(database, a_campaign(state=DRAFT, start_at=now() - HOUR))
    kept = in_threads(lambda _: len(list(schedule(database).keep())), range(6))
    assert sum(kept) == 10


def test_a_start_that_is_refused_is_refused_once_and_can_be_set_again(
    database: Database[Document], desk: MongoCampaignDesk
) -> None:
    """Who sets it anew has read why: until it comes, nothing is said of the one before."""
    nameless = [
        created(database, a_campaign(state=DRAFT, start_at=now() - HOUR, call=CallPlan(say="Hello {name}.")))
        for _ in range(10)
    ]
    for campaign in nameless:
        stored(database, a_contact(campaign, vars={}))
    kept = in_threads(lambda _: list(schedule(database).keep()), range(6))
    turns = [turn for turns in kept for turn in turns]
    assert sorted(turn.campaign_id for turn in turns) == sorted(campaign.id for campaign in nameless)
    assert {turn.state for turn in turns} == {DRAFT} == set(states(database).values())
    assert {one["reason"] for one in database["campaigns"].find()} == {turns[0].reason}
    assert desk.schedule(nameless[0].id, start_at=now() + HOUR, end_at=None, states=[DRAFT])
    again = MongoCampaigns(database["campaigns"]).see(nameless[0].id)
    assert again
    assert (again.campaign.reason, again.campaign.start_at is not None) == ("", True)
