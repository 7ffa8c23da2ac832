"""The campaign document: what an operator wished comes back whole, and every grant is given once (T0, T4c)."""

import string
import time
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import pairwise
from threading import Event

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pymongo.database import Database

from dialer.adapters.campaigns import RUNNING_INDEX, MongoCampaigns
from dialer.adapters.mongo import Document
from dialer.model import (
    CallPlan,
    Campaign,
    CampaignState,
    Doubt,
    Hours,
    Outcome,
    Pacing,
    RetryPolicy,
    Slots,
)
from dialer.ports import NoSlots
from tests.adapters.conftest import Connect
from tests.adapters.racing import in_threads
from tests.builders import LONG_AGO, a_campaign, created, now

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
RUNNING, PAUSED, DRAFT = CampaignState.RUNNING, CampaignState.PAUSED, CampaignState.DRAFT
every_ten = Pacing(call_delay=10 * SECOND)


@pytest.fixture
def campaigns(database: Database[Document]) -> MongoCampaigns:
    return MongoCampaigns(database["campaigns"])


def now_of(campaigns: MongoCampaigns, campaign: Campaign) -> Campaign:
    sight = campaigns.see(campaign.id)
    assert sight is not None
    return sight.campaign


def reserve(
    campaigns: MongoCampaigns, campaign: Campaign, *, wanted: int = 100, fence: int = 1, horizon: timedelta = MINUTE
) -> Slots | NoSlots:
    return campaigns.reserve_slots(campaign.id, fence=fence, wanted=wanted, horizon=horizon)


def reserved(
    campaigns: MongoCampaigns, campaign: Campaign, *, wanted: int = 100, fence: int = 1, horizon: timedelta = MINUTE
) -> Slots:
    slots = reserve(campaigns, campaign, wanted=wanted, fence=fence, horizon=horizon)
    assert isinstance(slots, Slots)
    return slots


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
keys = st.text(string.ascii_uppercase + string.digits, min_size=1, max_size=3)
spans = st.integers(0, 10**9).map(lambda count: timedelta(milliseconds=count))
moments = st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)).map(  # noqa: DTZ001
    lambda moment: moment.replace(microsecond=moment.microsecond // 1000 * 1000)
)
hours = st.builds(Hours, zone=texts, opens=texts, closes=texts, days=st.frozensets(st.integers(0, 6)))
whole_campaigns = st.builds(
    Campaign,
    id=texts.filter(bool),
    name=texts,
    state=st.sampled_from(CampaignState),
    reason=texts,
    from_numbers=st.lists(texts, max_size=3).map(tuple),
    call=st.builds(
        CallPlan,
        say=texts,
        twiml=texts,
        voice=texts,
        language=texts,
        ring_timeout=spans,
        talk_limit=spans,
        detect_machine=st.booleans(),
        opt_out_digit=texts,
    ),
    pacing=st.builds(Pacing, call_delay=spans, max_concurrent=st.integers(0, 10**6)),
    hours=st.none() | hours,
    retry=st.builds(
        RetryPolicy,
        max_attempts=st.integers(1, 20),
        delays=st.dictionaries(st.sampled_from(Outcome), spans),
    ),
    doubt=st.sampled_from(Doubt),
    blocked_regions=st.dictionaries(keys, texts),
    fence=st.integers(0, 2**62),
    next_slot_at=moments,
    next_dial_at=moments,
    setbacks=st.integers(0, 10**6),
    purpose=texts,
    form=st.dictionaries(keys, st.none() | texts | st.integers(0, 10) | st.dictionaries(keys, texts)),
    created_at=st.none() | moments,
    state_at=st.none() | moments,
    start_at=st.none() | moments,
    end_at=st.none() | moments,
    dials=st.integers(0, 10**6),
)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(campaign=whole_campaigns)
def test_a_campaign_comes_back_as_it_was_created(database: Database[Document], campaign: Campaign) -> None:
    database["campaigns"].delete_many({})
    campaigns = MongoCampaigns(database["campaigns"])
    campaigns.create(campaign)
    assert now_of(campaigns, campaign) == campaign


def test_the_round_trip_covers_every_field() -> None:
    """A field added to the model without a strategy above would be tested with its default alone."""
    built = {field.name for kind in (Campaign, CallPlan, Pacing, Hours, RetryPolicy) for field in fields(kind)}
    assert built == {
        *("id", "name", "state", "reason", "from_numbers", "call", "pacing", "hours", "retry", "doubt"),
        *("blocked_regions", "fence", "next_slot_at", "next_dial_at", "setbacks", "call_delay", "max_concurrent"),
        *("say", "twiml", "voice", "language", "ring_timeout", "talk_limit", "detect_machine", "opt_out_digit"),
        *("zone", "opens", "closes", "days", "max_attempts", "delays", "purpose", "form", "created_at", "state_at"),
        *("start_at", "end_at", "dials"),
    }


def test_a_campaign_is_seen_with_the_database_s_clock_or_not_at_all(
    database: Database[Document], campaigns: MongoCampaigns
) -> None:
    campaign, before = created(database, a_campaign()), now()
    sight = campaigns.see(campaign.id)
    assert sight is not None
    assert before <= sight.now <= now()
    assert sight.now.tzinfo is not None
    assert campaigns.see("nobody") is None


def test_running_campaigns_come_the_longest_waiting_first(
    database: Database[Document], campaigns: MongoCampaigns
) -> None:
    first, second, never = (created(database, a_campaign()) for _ in range(3))
    for state in CampaignState:
        if state is not RUNNING:
            created(database, a_campaign(state=state))
    for campaign in (second, first):
        reserve(campaigns, campaign)
        time.sleep(0.003)
    assert campaigns.running_ids() == [never.id, second.id, first.id]
    plan = database["campaigns"].find({"state": "running"}, {"_id": 1}, hint=RUNNING_INDEX).explain()
    assert "COLLSCAN" not in str(plan["queryPlanner"]["winningPlan"])


def test_a_campaign_that_had_its_turn_goes_to_the_back_even_without_slots(
    database: Database[Document], campaigns: MongoCampaigns
) -> None:
    one, other, paused = (created(database, a_campaign(state=state)) for state in (RUNNING, RUNNING, PAUSED))
    campaigns.note_ticked([one.id])
    assert campaigns.running_ids() == [other.id, one.id]
    time.sleep(0.003)
    campaigns.note_ticked([other.id, paused.id, "nobody"])
    assert campaigns.running_ids() == [one.id, other.id]
    assert [now_of(campaigns, each) for each in (one, other, paused)] == [one, other, paused]
    campaigns.note_ticked([])


def test_a_state_changes_only_from_where_it_was_meant_to(
    database: Database[Document], campaigns: MongoCampaigns
) -> None:
    campaign = created(database, a_campaign(state=DRAFT))
    assert not campaigns.set_state(campaign.id, PAUSED, sources=[RUNNING])
    assert now_of(campaigns, campaign) == campaign
    assert campaigns.set_state(campaign.id, RUNNING, sources=[DRAFT, PAUSED])
    assert campaigns.set_state(campaign.id, PAUSED, sources=[RUNNING], reason="$name")
    assert (now_of(campaigns, campaign).state, now_of(campaigns, campaign).reason) == (PAUSED, "$name")
    assert not campaigns.set_state("nobody", PAUSED, sources=list(CampaignState))


def test_a_resumed_campaign_starts_without_setbacks_and_blocked_countries(
    database: Database[Document], campaigns: MongoCampaigns
) -> None:
    campaign = created(database, a_campaign(state=PAUSED, reason="why", setbacks=9, blocked_regions={"FR": "why"}))
    campaigns.set_state(campaign.id, RUNNING, sources=[PAUSED])
    resumed = now_of(campaigns, campaign)
    assert resumed.state_at is not None
    expected = replace(campaign, state=RUNNING, reason="", setbacks=0, blocked_regions={}, state_at=resumed.state_at)
    assert resumed == expected


def test_of_many_who_resume_and_stop_a_campaign_one_is_first(
    database: Database[Document], campaigns: MongoCampaigns
) -> None:
    for _ in range(5):
        campaign = created(database, a_campaign(state=PAUSED))
        won = in_threads(
            lambda state: campaigns.set_state(campaign.id, state, sources=[PAUSED]),  # noqa: B023
            [RUNNING, CampaignState.STOPPED] * 4,
        )
        assert won.count(True) == 1


# T0


def test_slots_start_now_and_are_spaced_by_the_call_delay(
    database: Database[Document], campaigns: MongoCampaigns
) -> None:
    campaign, before = created(database, a_campaign(pacing=every_ten)), now()
    slots = reserved(campaigns, campaign, wanted=3)
    assert before <= slots.start == slots.now <= now()
    assert (slots.count, slots.spacing) == (3, 10 * SECOND)
    assert now_of(campaigns, campaign).next_slot_at == slots.end == slots.start + 30 * SECOND
    assert now_of(campaigns, campaign).fence == 1


def test_no_more_slots_than_fit_the_horizon(database: Database[Document], campaigns: MongoCampaigns) -> None:
    campaign = created(database, a_campaign(pacing=every_ten))
    slots = reserved(campaigns, campaign, wanted=100, horizon=55 * SECOND)
    assert slots.count == 6
    assert slots.at(5) < slots.now + 55 * SECOND < slots.at(6)
    assert reserve(campaigns, campaign, horizon=55 * SECOND) == NoSlots(fence=1, running=True)


def test_slots_begin_where_the_last_ones_ended(database: Database[Document], campaigns: MongoCampaigns) -> None:
    campaign = created(database, a_campaign(pacing=every_ten))
    first = reserved(campaigns, campaign, wanted=2)
    second = reserved(campaigns, campaign, wanted=100, horizon=55 * SECOND)
    assert second.start == first.end
    assert second.count == 4
    assert second.now < second.start


@pytest.mark.parametrize(("ahead", "expected"), [(59 * SECOND, 1), (61 * SECOND, 0), (3600 * SECOND, 0)])
def test_a_next_slot_ahead_leaves_only_the_rest_of_the_horizon(
    database: Database[Document], campaigns: MongoCampaigns, ahead: timedelta, expected: int
) -> None:
    next_slot_at = now() + ahead
    campaign = created(database, a_campaign(pacing=every_ten, next_slot_at=next_slot_at))
    slots = reserve(campaigns, campaign)
    assert (slots.count if isinstance(slots, Slots) else 0) == expected
    assert now_of(campaigns, campaign).next_slot_at == next_slot_at + expected * 10 * SECOND


def test_slots_missed_long_ago_are_not_made_up_for(database: Database[Document], campaigns: MongoCampaigns) -> None:
    campaign = created(database, a_campaign(pacing=every_ten, next_slot_at=LONG_AGO))
    assert reserved(campaigns, campaign).count == 6


@pytest.mark.parametrize("state", [state for state in CampaignState if state is not RUNNING])
def test_no_slots_for_a_campaign_that_is_not_running(
    database: Database[Document], campaigns: MongoCampaigns, state: CampaignState
) -> None:
    campaign = created(database, a_campaign(state=state, fence=4))
    assert reserve(campaigns, campaign, fence=9) == NoSlots(fence=4, running=False)
    assert now_of(campaigns, campaign) == campaign
    assert campaigns.reserve_slots("nobody", fence=1, wanted=1, horizon=MINUTE) == NoSlots(fence=0, running=False)


def test_an_older_fence_gets_no_slots_and_hears_the_newer_one(
    database: Database[Document], campaigns: MongoCampaigns
) -> None:
    campaign = created(database, a_campaign(fence=7))
    assert reserve(campaigns, campaign, fence=6) == NoSlots(fence=7, running=True)
    assert now_of(campaigns, campaign) == campaign
    for equal_or_newer in (7, 9):
        assert reserved(campaigns, campaign, wanted=1, fence=equal_or_newer).count == 1
    assert reserve(campaigns, campaign, fence=8) == NoSlots(fence=9, running=True)


def test_ticks_at_once_never_share_a_slot(database: Database[Document], campaigns: MongoCampaigns) -> None:
    campaign = created(database, a_campaign(pacing=Pacing(call_delay=SECOND)))
    runs = in_threads(lambda wanted: reserve(campaigns, campaign, wanted=wanted), [3, 5, 7, 4] * 4)
    slots = sorted((run for run in runs if isinstance(run, Slots)), key=lambda run: run.start)
    assert all(one.end <= other.start for one, other in pairwise(slots))
    assert max(run.at(run.count - 1) - run.now for run in slots) <= MINUTE
    assert sum(run.count for run in slots) in (60, 61)


def test_unused_slots_are_given_back(database: Database[Document], campaigns: MongoCampaigns) -> None:
    campaign = created(database, a_campaign(pacing=every_ten))
    slots = reserved(campaigns, campaign, wanted=5)
    assert campaigns.return_slots(campaign.id, fence=1, slots=slots, used=2)
    assert now_of(campaigns, campaign).next_slot_at == slots.at(2)
    assert not campaigns.return_slots(campaign.id, fence=1, slots=slots, used=0)


def test_slots_are_not_given_back_once_somebody_has_reserved_since(
    database: Database[Document], campaigns: MongoCampaigns
) -> None:
    campaign = created(database, a_campaign(pacing=every_ten))
    mine, theirs = reserved(campaigns, campaign, wanted=2), reserved(campaigns, campaign, wanted=2)
    assert not campaigns.return_slots(campaign.id, fence=1, slots=mine, used=0)
    assert now_of(campaigns, campaign).next_slot_at == theirs.end


def test_slots_are_not_given_back_by_an_older_fence(database: Database[Document], campaigns: MongoCampaigns) -> None:
    campaign = created(database, a_campaign(pacing=every_ten))
    slots = reserved(campaigns, campaign, horizon=55 * SECOND)
    assert isinstance(
        reserve(campaigns, campaign, fence=2, horizon=55 * SECOND), NoSlots
    )  # full, but it has seen a newer owner
    assert not campaigns.return_slots(campaign.id, fence=1, slots=slots, used=0)


# T4c


def test_a_permit_is_for_one_dial(database: Database[Document], campaigns: MongoCampaigns) -> None:
    campaign, before = created(database, a_campaign(pacing=every_ten)), now()
    assert campaigns.permit(campaign.id)
    assert before + 10 * SECOND <= now_of(campaigns, campaign).next_dial_at <= now() + 10 * SECOND
    assert not campaigns.permit(campaign.id)


@pytest.mark.parametrize("state", [state for state in CampaignState if state is not RUNNING])
def test_no_permit_while_not_running(
    database: Database[Document], campaigns: MongoCampaigns, state: CampaignState
) -> None:
    campaign = created(database, a_campaign(state=state))
    assert not campaigns.permit(campaign.id)
    assert now_of(campaigns, campaign) == campaign
    assert not campaigns.permit("nobody")


@pytest.mark.parametrize("next_dial_at", ["2020-01-01", 0, None, True])
def test_no_permit_when_the_next_dial_is_at_no_date(
    database: Database[Document], campaigns: MongoCampaigns, next_dial_at: object
) -> None:
    campaign = created(database, a_campaign())
    database["campaigns"].update_one({"_id": campaign.id}, {"$set": {"next_dial_at": next_dial_at}})
    assert not campaigns.permit(campaign.id)
    database["campaigns"].update_one({"_id": campaign.id}, {"$unset": {"next_dial_at": ""}})
    assert not campaigns.permit(campaign.id)


def test_permits_are_spaced_exactly_however_many_ask(
    database: Database[Document], joined: Connect, mongodb_uri: str
) -> None:
    """Sixteen threads ask without a pause: no window has more dials than its length allows."""
    delay, span = timedelta(milliseconds=25), timedelta(milliseconds=600)
    campaign = created(database, a_campaign(pacing=Pacing(call_delay=delay)))
    clients = [MongoCampaigns(joined(mongodb_uri)["campaigns"]) for _ in range(4)]
    end = time.monotonic() + span.total_seconds()

    def ask(index: int) -> int:
        granted = 0
        while time.monotonic() < end:
            granted += clients[index % 4].permit(campaign.id)
        return granted

    began = now_of(clients[0], campaign)
    assert began.next_dial_at == LONG_AGO
    before = now()
    granted = sum(in_threads(ask, range(16)))
    spent = now() - before
    assert granted <= spent / delay + 1
    assert granted >= 0.5 * (span / delay)
    assert now_of(clients[0], campaign).next_dial_at >= before + granted * delay


def test_no_permit_is_granted_after_a_pause_has_been_written(
    database: Database[Document], campaigns: MongoCampaigns
) -> None:
    campaign = created(database, a_campaign(pacing=Pacing(call_delay=timedelta(milliseconds=1))))
    paused = Event()

    def ask(index: int) -> tuple[int, int]:
        if index == 0:
            time.sleep(0.1)
            assert campaigns.set_state(campaign.id, PAUSED, sources=[RUNNING])
            paused.set()
        before = after = 0
        for _ in range(60):
            late = paused.is_set()
            granted = campaigns.permit(campaign.id)
            before, after = before + (granted and not late), after + (granted and late)
        return before, after

    asked = in_threads(ask, range(8))
    assert sum(before for before, _ in asked) > 0
    assert sum(after for _, after in asked) == 0


# setbacks and regions


def test_setbacks_are_counted_by_everybody_and_forgotten_at_once(
    database: Database[Document], campaigns: MongoCampaigns
) -> None:
    campaign = created(database, a_campaign())
    counted = in_threads(lambda _: campaigns.count_setback(campaign.id), range(12))
    assert sorted(counted) == list(range(1, 13))
    campaigns.forget_setbacks(campaign.id)
    assert now_of(campaigns, campaign) == campaign
    assert campaigns.count_setback("nobody") == 0


def test_a_country_is_blocked_with_its_reason_word_for_word(
    database: Database[Document], campaigns: MongoCampaigns
) -> None:
    campaign = created(database, a_campaign())
    blocked = {"FR": "$name", "GB": "no permission (21215)", "001": "not a country, but a region of its own"}
    in_threads(
        lambda work: work(),
        [partial(campaigns.block_region, campaign.id, region, reason=reason) for region, reason in blocked.items()],
    )
    assert now_of(campaigns, campaign).blocked_regions == blocked
