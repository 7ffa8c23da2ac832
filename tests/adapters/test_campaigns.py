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

from dialer.adapters.campaigns import RUNNING_INDEX, MongoCampaigns, document_of
from dialer.adapters.mongo import Document
from dialer.breaker import MANY, PROBATION, STREAK, Setbacks
from dialer.model import (
    CallerChoice,
    CallerPolicy,
    CallPlan,
    Campaign,
    CampaignState,
    Cap,
    Counted,
    Doubt,
    Hours,
    OnMachine,
    Outcome,
    Pacing,
    Purpose,
    RetryPolicy,
    RetrySchedule,
    Setback,
    Slots,
    Voice,
    Window,
)
from dialer.ports import NoSlots
from dialer.script import Ask, Choice, HangUp, Menu, Play, Record, Say, Stream, Transfer
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
caps = st.builds(
    Cap,
    name=texts,
    most=st.integers(1, 20),
    within=spans,
    counts=st.sampled_from(Counted),
    by=texts,
    campaign_only=st.booleans(),
)
window = {"opens": texts, "closes": texts, "days": st.frozensets(st.integers(0, 6))}
windows = st.lists(st.builds(Window, **window), max_size=2).map(tuple)
hours = st.builds(Hours, zone=texts, **window, windows=windows)
words = st.lists(texts, max_size=2).map(tuple)
lines = st.builds(Say, text=texts, voice=texts, language=texts) | st.builds(Play, url=texts)
prompts = st.lists(lines, max_size=2).map(tuple)
plain_steps = (
    lines
    | st.just(HangUp())
    | st.builds(Ask, name=texts, prompt=prompts, hints=words, timeout=spans)
    | st.builds(Record, name=texts, prompt=prompts, longest=spans)
    | st.builds(Stream, url=texts, parameters=st.lists(st.tuples(texts, texts), max_size=2).map(tuple), answers=words)
)
steps = st.recursive(
    plain_steps,
    lambda inner: (
        st.builds(
            Menu,
            name=texts,
            prompt=prompts,
            choices=st.lists(
                st.builds(Choice, key=texts, outcome=texts, words=words, then=st.lists(inner, max_size=2).map(tuple)),
                max_size=2,
            ).map(tuple),
            timeout=spans,
            tries=st.integers(1, 5),
            otherwise=st.lists(inner, max_size=2).map(tuple),
        )
        | st.builds(
            Transfer,
            to=texts,
            name=texts,
            timeout=spans,
            whisper=texts,
            otherwise=st.lists(inner, max_size=2).map(tuple),
        )
    ),
    max_leaves=4,
)
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
        detect_first=st.booleans(),
        on_machine=st.sampled_from(OnMachine),
        voicemail=st.lists(lines, max_size=2).map(tuple),
        script=st.lists(steps, max_size=3).map(tuple),
        opt_out_digit=texts,
        opt_out_words=words,
        farewell=texts,
        identification=texts,
        opt_out_line=texts,
        callback_number=texts,
    ),
    caller=st.builds(
        CallerPolicy,
        choice=st.sampled_from(CallerChoice),
        daily_limit=st.none() | st.integers(1, 10**6),
        zone=texts,
    ),
    shadow_of=texts,
    pacing=st.builds(
        Pacing,
        call_delay=spans,
        max_concurrent=st.integers(0, 10**6),
        max_abandon=st.none() | st.floats(0.001, 0.03),
    ),
    hours=st.none() | hours,
    retry=st.builds(
        RetryPolicy,
        max_attempts=st.integers(1, 20),
        max_per_day=st.integers(0, 20),
        spread=st.booleans(),
        schedules=st.dictionaries(
            st.sampled_from(Outcome),
            st.builds(
                RetrySchedule,
                waits=st.lists(spans, min_size=1, max_size=4).map(tuple),
                most=st.none() | st.integers(0, 20),
                counts=st.booleans(),
            ),
        ),
        delays=st.dictionaries(st.sampled_from(Outcome), spans),
    ),
    purpose=st.sampled_from(Purpose),
    voice=st.sampled_from(Voice),
    any_hour_because=texts,
    doubt=st.sampled_from(Doubt),
    caps=st.lists(caps, max_size=3).map(tuple),
    share=spans,
    blocked_regions=st.dictionaries(keys, texts),
    fence=st.integers(0, 2**62),
    next_slot_at=moments,
    next_dial_at=moments,
    carrier_free_at=st.none() | moments,
    setbacks=st.integers(0, 10**6),
    failures=st.integers(0, 10**6),
    latest_setbacks=st.lists(st.builds(Setback, at=moments, reason=texts), max_size=3).map(tuple),
    form=st.dictionaries(keys, st.none() | texts | st.integers(0, 10) | st.dictionaries(keys, texts)),
    created_at=st.none() | moments,
    started_at=st.none() | moments,
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


def test_a_campaign_from_before_there_was_a_limit_has_the_usual_one(database: Database[Document]) -> None:
    campaign = created(database, a_campaign(pacing=Pacing(max_abandon=None)))
    database["campaigns"].update_one({"_id": campaign.id}, {"$unset": {"pacing.max_abandon": ""}})
    assert now_of(MongoCampaigns(database["campaigns"]), campaign).pacing.max_abandon == 0.025


def test_the_round_trip_covers_every_field() -> None:
    """A field added to the model without a strategy above would be tested with its default alone."""
    built = {field.name for kind in (Campaign, CallPlan, Pacing, Hours, RetryPolicy, Cap) for field in fields(kind)}
    built |= {field.name for field in fields(CallerPolicy)}
    assert built == {
        *(
            "max_abandon",
            "caller",
            "choice",
            "daily_limit",
            "shadow_of",
            "script",
            "voicemail",
            "on_machine",
            "detect_first",
        ),
        *("opt_out_words", "farewell", "identification", "opt_out_line", "callback_number"),
        *("id", "name", "state", "reason", "from_numbers", "call", "pacing", "hours", "retry", "doubt"),
        *("blocked_regions", "fence", "next_slot_at", "next_dial_at", "setbacks", "call_delay", "max_concurrent"),
        *("say", "twiml", "voice", "language", "ring_timeout", "talk_limit", "detect_machine", "opt_out_digit"),
        *("zone", "opens", "closes", "days", "max_attempts", "delays", "purpose", "form", "created_at", "state_at"),
        *("start_at", "end_at", "dials", "latest_setbacks", "any_hour_because", "max_per_day", "spread", "schedules"),
        *("caps", "share", "most", "within", "counts", "by", "campaign_only", "started_at", "windows"),
        *("carrier_free_at", "failures"),
    }


def test_a_campaign_from_before_there_were_scripts_is_the_campaign_that_it_was(
    database: Database[Document], campaigns: MongoCampaigns
) -> None:
    """The document as it was written then, word for word."""
    old = {
        "_id": "old", "name": "Appointments", "state": "running", "reason": "", "from_numbers": ["+12015550199"],
        "call": {
            "say": "Hello {name}.", "twiml": "", "voice": "alice", "language": "en-US", "detect_machine": True,
            "opt_out_digit": "", "ring_timeout_ms": 10_000, "talk_limit_ms": 300_000,
        },
        "pacing": {"call_delay_ms": 5000, "max_concurrent": 10}, "hours": None,
        "retry": {"max_attempts": 3, "delays_ms": {"busy": 300_000}}, "doubt": "hold", "blocked_regions": {},
        "fence": 0, "next_slot_at": LONG_AGO, "next_dial_at": LONG_AGO, "setbacks": 0,
    }  # fmt: skip
    database["campaigns"].insert_one(old)
    sight = campaigns.see("old")
    assert sight is not None
    assert sight.campaign.caller == CallerPolicy()
    assert sight.campaign.call == CallPlan(
        say="Hello {name}.", ring_timeout=timedelta(seconds=10), detect_machine=True, opt_out_digit=""
    )


def test_a_campaign_of_before_there_were_calling_hours_is_informational_and_keeps_them(
    database: Database[Document], campaigns: MongoCampaigns
) -> None:
    campaign = created(database, a_campaign())
    new = ("purpose", "voice", "any_hour_because", "retry.max_per_day", "retry.spread", "retry.schedules")
    database["campaigns"].update_one({"_id": campaign.id}, {"$unset": dict.fromkeys(new, "")})
    assert now_of(campaigns, campaign) == replace(campaign, any_hour_because="")


def test_hours_of_before_there_were_several_windows_are_the_one_that_they_were(
    database: Database[Document], campaigns: MongoCampaigns
) -> None:
    """The part of the document as it was written then, and as a single window is still written."""
    one = {"zone": "Europe/London", "opens": "09:00", "closes": "17:00", "days": [0, 4]}
    campaign = created(database, a_campaign())
    database["campaigns"].update_one({"_id": campaign.id}, {"$set": {"hours": one}})
    seen = now_of(campaigns, campaign)
    assert seen.hours == Hours(zone="Europe/London", opens="09:00", closes="17:00", days=frozenset({0, 4}))
    assert document_of(seen)["hours"] == one


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


def test_slots_begin_when_the_carrier_has_dialed_what_it_has(
    database: Database[Document], campaigns: MongoCampaigns
) -> None:
    """The longest rest that a reply asked for is kept, whatever order they come in."""
    campaign, before = created(database, a_campaign(pacing=every_ten)), now()
    for span in (5 * SECOND, 30 * SECOND, SECOND):
        campaigns.rest(campaign.id, span=span)
    rested = now_of(campaigns, campaign).carrier_free_at
    assert rested is not None
    assert before + 30 * SECOND <= rested <= now() + 30 * SECOND
    assert reserved(campaigns, campaign, horizon=55 * SECOND).start == rested
    assert campaigns.permit(campaign.id)


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
    counted = in_threads(lambda _: campaigns.count_setback(campaign.id, reason="a test"), range(12))
    assert sorted(one.streak for one in counted) == list(range(1, 13))
    campaigns.forget_setbacks(campaign.id)
    assert replace(now_of(campaigns, campaign), latest_setbacks=()) == campaign
    assert campaigns.count_setback("nobody", reason="a test") == Setbacks(streak=0, spread=None)


def test_the_last_setbacks_are_known_by_the_dials_they_are_spread_over(
    database: Database[Document], campaigns: MongoCampaigns
) -> None:
    """Every other dial goes well; and nothing is written for one that does, but its permit."""
    campaign = created(database, a_campaign())
    spread = []
    for dial in range(2 * MANY + 4):
        until_permitted(campaigns, campaign)
        if dial % 2:
            spread.append(campaigns.count_setback(campaign.id, reason="a test").spread)
            campaigns.forget_setbacks(campaign.id)
    assert spread == [None] * (MANY - 1) + [2 * MANY - 1] * 3


def until_permitted(campaigns: MongoCampaigns, campaign: Campaign) -> None:
    while not campaigns.permit(campaign.id):
        pass


def test_failures_add_up_and_a_call_that_got_through_makes_up_for_some(
    database: Database[Document], campaigns: MongoCampaigns
) -> None:
    campaign = created(database, a_campaign())
    assert [campaigns.count_failure(campaign.id) for _ in range(6)] == [1, 2, 3, 4, 5, 6]
    campaigns.forgive_failures(campaign.id)
    assert now_of(campaigns, campaign).failures == 2
    campaigns.forgive_failures(campaign.id)
    assert now_of(campaigns, campaign).failures == 0
    assert campaigns.count_failure("nobody") == 0


@pytest.mark.parametrize(
    ("counted", "after"), [(STREAK - 1, 0), (STREAK, STREAK - PROBATION), (99, STREAK - PROBATION)]
)
def test_a_campaign_that_was_tripped_is_resumed_on_probation(
    database: Database[Document], campaigns: MongoCampaigns, counted: int, after: int
) -> None:
    campaign = created(database, a_campaign(state=PAUSED, setbacks=counted, failures=counted))
    assert campaigns.set_state(campaign.id, RUNNING, sources=[PAUSED])
    resumed = now_of(campaigns, campaign)
    assert (resumed.setbacks, resumed.failures) == (after, after)


def test_after_a_resume_a_few_more_among_many_are_enough(
    database: Database[Document], campaigns: MongoCampaigns
) -> None:
    campaign = created(database, a_campaign())
    counted = [campaigns.count_setback(campaign.id, reason="a test").spread for _ in range(MANY)]
    assert counted[-1] == 1
    campaigns.set_state(campaign.id, PAUSED, sources=[RUNNING])
    campaigns.set_state(campaign.id, RUNNING, sources=[PAUSED])
    again = [campaigns.count_setback(campaign.id, reason="a test").spread is not None for _ in range(PROBATION)]
    assert again == [False] * (PROBATION - 1) + [True]


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
