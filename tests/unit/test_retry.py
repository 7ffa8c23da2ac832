"""What follows the end of an attempt: whether there is another, and at which lawful moment."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialer.calling.lawful import first_open
from dialer.lifecycle import State
from dialer.model import (
    Campaign,
    CampaignState,
    Contact,
    FinishedAttempt,
    Number,
    Outcome,
    Purpose,
    RetryPolicy,
    RetrySchedule,
)
from dialer.retry import RetryDecision, after_end, at_next_number, decide, redialed, taken_back
from dialer.retry_presets import SCHEDULES, preset
from tests.builders import a_campaign, a_contact, a_phone, an_attempt

POLICY = RetryPolicy()
TRIED_AGAIN = {
    Outcome.BUSY: timedelta(minutes=5),
    Outcome.NO_ANSWER: timedelta(minutes=30),
    Outcome.FAILED: timedelta(minutes=30),
    Outcome.MACHINE: timedelta(hours=2),
    Outcome.CANCELED: timedelta(minutes=30),
}


def test_the_default_policy_is_three_attempts_with_a_wait_for_each_end_worth_another() -> None:
    assert POLICY.max_attempts == 3
    assert POLICY.delays == TRIED_AGAIN


@pytest.mark.parametrize(("outcome", "wait"), TRIED_AGAIN.items())
def test_with_an_attempt_left_a_contact_waits_as_the_policy_says(outcome: Outcome, wait: timedelta) -> None:
    decision = decide(policy=POLICY, outcome=outcome, used=2, max_attempts=3)
    assert decision == RetryDecision(state=State.PENDING, after=wait)


@pytest.mark.parametrize("used", [3, 4])
@pytest.mark.parametrize(
    ("outcome", "end"),
    [
        (Outcome.BUSY, State.FAILED),
        (Outcome.NO_ANSWER, State.FAILED),
        (Outcome.FAILED, State.FAILED),
        (Outcome.CANCELED, State.FAILED),
        (Outcome.MACHINE, State.DONE),  # somebody's machine was reached
    ],
)
def test_with_no_attempt_left_the_contact_is_settled(outcome: Outcome, end: State, used: int) -> None:
    assert decide(policy=POLICY, outcome=outcome, used=used, max_attempts=3) == RetryDecision(state=end)


@pytest.mark.parametrize("used", [1, 3])
def test_who_answered_is_never_called_again(used: int) -> None:
    assert decide(policy=POLICY, outcome=Outcome.ANSWERED, used=used, max_attempts=3) == RetryDecision(state=State.DONE)


def test_a_voicemail_without_a_wait_of_its_own_waits_as_a_machine_does() -> None:
    for policy in (POLICY, replace(PRESET, schedules={Outcome.MACHINE: PRESET.schedules[Outcome.MACHINE]})):
        machine = decide(policy=policy, outcome=Outcome.MACHINE, used=1, max_attempts=3)
        assert machine.waits
        assert decide(policy=policy, outcome=Outcome.VOICEMAIL, used=1, max_attempts=3) == machine
    spent = decide(policy=POLICY, outcome=Outcome.VOICEMAIL, used=3, max_attempts=3)
    assert spent == RetryDecision(state=State.DONE)


WAITING = {*TRIED_AGAIN, Outcome.VOICEMAIL}


@pytest.mark.parametrize("outcome", sorted(set(Outcome) - WAITING - {Outcome.ANSWERED}))
def test_an_end_without_a_wait_is_not_tried_again(outcome: Outcome) -> None:
    assert decide(policy=POLICY, outcome=outcome, used=1, max_attempts=3) == RetryDecision(state=State.FAILED)


def test_the_contacts_own_limit_counts_and_not_the_policys() -> None:
    decision = decide(policy=RetryPolicy(max_attempts=9), outcome=Outcome.BUSY, used=1, max_attempts=1)
    assert decision.state is State.FAILED


MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
NEW_YORK = ZoneInfo("America/New_York")
REGION = "US-NY New_York"
MORNING = datetime(2026, 11, 17, 9, 30, tzinfo=NEW_YORK).astimezone(UTC)  # a Tuesday
PRESET = preset(Purpose.INFORMATIONAL)
STORY = [
    (Outcome.BUSY, (10 * MINUTE, 20 * MINUTE, HOUR, HOUR), 4),
    (Outcome.NO_ANSWER, (3 * HOUR, DAY, 2 * DAY, 2 * DAY, 2 * DAY), 5),
    (Outcome.MACHINE, (DAY, 2 * DAY, 3 * DAY), 3),
    (Outcome.VOICEMAIL, (2 * DAY, 4 * DAY), 2),
    (Outcome.REJECTED, (DAY,), 1),
    (Outcome.FAILED, (5 * MINUTE, 15 * MINUTE, HOUR), 3),
    (Outcome.CANCELED, (5 * MINUTE, 15 * MINUTE, HOUR), 3),
]


def a_caller(**policy: Any) -> Campaign:
    return a_campaign(any_hour_because="", retry=replace(PRESET, **policy))


def called(at: datetime = MORNING, *before: tuple[Outcome, datetime], **overrides: Any) -> Contact:
    """A contact whose attempt was dialed at a moment, with what came before it."""
    contact_id = overrides.pop("id", "0123456789abcdef01234567")
    history = tuple(
        FinishedAttempt(
            id=f"{contact_id}-{n}",
            n=n,
            from_number="+12015550199",
            dial_at=dialed,
            ended_at=dialed + MINUTE,
            sid=f"CA{n}",
            outcome=outcome,
        )
        for n, (outcome, dialed) in enumerate(before)
    )
    attempt = replace(an_attempt(contact_id), id=f"{contact_id}-now", dial_at=at)
    usual = a_contact(id=contact_id, state=State.PLACED, region=REGION, max=6, used=len(before) + 1)
    return replace(usual, attempt=attempt, history=history, **overrides)


@pytest.mark.parametrize(("outcome", "waits", "most"), STORY)
def test_the_preset_waits_longer_each_time_and_ends(outcome: Outcome, waits: tuple[timedelta, ...], most: int) -> None:
    for before, wait in enumerate(waits):
        decision = decide(policy=PRESET, outcome=outcome, used=1, max_attempts=6, before=before)
        assert (decision.state, decision.after) == (State.PENDING, wait)
    assert not decide(policy=PRESET, outcome=outcome, used=1, max_attempts=6, before=most).waits


def test_every_purpose_has_a_preset_of_the_same_schedules() -> None:
    for purpose in Purpose:
        policy = preset(purpose)
        assert policy.schedules == SCHEDULES
        assert (policy.max_attempts, policy.max_per_day) == (6, 2 if purpose is Purpose.COLLECTIONS else 3)


def test_what_the_carrier_could_not_do_uses_no_attempt_up_and_still_ends() -> None:
    for outcome in (Outcome.FAILED, Outcome.CANCELED):
        decision = decide(policy=PRESET, outcome=outcome, used=6, max_attempts=6, before=0)
        assert (decision.waits, decision.counts) == (True, False)
        assert decide(policy=PRESET, outcome=outcome, used=6, max_attempts=6, before=3).state is State.FAILED


def test_only_earlier_ends_of_the_same_kind_are_counted() -> None:
    before = [(Outcome.BUSY, MORNING - 3 * DAY), (Outcome.NO_ANSWER, MORNING - 2 * DAY)]
    decision = after_end(a_caller(spread=False), called(MORNING, *before), Outcome.NO_ANSWER, now=MORNING)
    assert decision.after == DAY
    assert decision.due_at == MORNING + DAY


def test_a_wait_that_ends_at_night_goes_on_until_the_contacts_own_morning() -> None:
    late = datetime(2026, 11, 17, 20, 30, tzinfo=NEW_YORK).astimezone(UTC)
    decision = after_end(a_caller(spread=False), called(late), Outcome.NO_ANSWER, now=late)
    assert decision.due_at == datetime(2026, 11, 18, 8, tzinfo=NEW_YORK).astimezone(UTC)


def test_nobody_is_called_more_often_in_a_day_than_the_policy_says() -> None:
    dials = [(Outcome.NO_ANSWER, MORNING - HOUR), (Outcome.BUSY, MORNING - HOUR / 2)]
    decision = after_end(a_caller(spread=False), called(MORNING, *dials), Outcome.BUSY, now=MORNING)
    assert decision.due_at == MORNING - HOUR + DAY
    twice = after_end(a_caller(spread=False, max_per_day=2), called(MORNING, *dials), Outcome.BUSY, now=MORNING)
    assert twice.due_at == MORNING - HOUR / 2 + DAY


def _part(moment: datetime) -> str:
    hour = moment.astimezone(NEW_YORK).hour
    return "morning" if hour < 12 else "afternoon" if hour < 16 else "evening"


def test_each_retry_comes_at_a_part_of_the_day_that_was_not_tried_yet() -> None:
    campaign, contact, parts = a_caller(max_per_day=0), called(MORNING), ["morning"]
    moment = MORNING
    for _ in range(2):
        due_at = after_end(campaign, contact, Outcome.NO_ANSWER, now=moment).due_at
        assert due_at is not None
        parts.append(_part(due_at))
        before = [(past.outcome, past.dial_at or moment) for past in contact.history]
        contact, moment = called(due_at, *before, (Outcome.NO_ANSWER, moment)), due_at
    assert sorted(parts) == ["afternoon", "evening", "morning"]
    after_all = after_end(campaign, contact, Outcome.NO_ANSWER, now=moment).due_at
    assert after_all is not None
    assert _part(after_all) != parts[-1]


def test_a_short_wait_for_a_busy_line_needs_no_other_part_of_the_day() -> None:
    due_at = after_end(a_caller(), called(MORNING), Outcome.BUSY, now=MORNING).due_at
    assert due_at is not None
    assert MORNING + 10 * MINUTE <= due_at <= MORNING + 20 * MINUTE


def test_the_same_end_always_leads_to_the_same_moment_and_different_ones_spread_over_ten_minutes() -> None:
    def due(contact_id: str) -> datetime:
        due_at = after_end(a_caller(), called(MORNING, id=contact_id), Outcome.BUSY, now=MORNING).due_at
        assert due_at is not None
        return due_at

    moments = [due(f"{n:024x}") for n in range(200)]
    assert moments == [due(f"{n:024x}") for n in range(200)]
    spread = [moment - MORNING - 10 * MINUTE for moment in moments]
    assert timedelta(0) <= min(spread) < MINUTE
    assert 9 * MINUTE < max(spread) <= 10 * MINUTE
    assert max(later - earlier for earlier, later in pairwise(sorted(spread))) < MINUTE


def test_who_asked_to_be_called_at_a_time_is_called_then_whatever_the_schedule_says() -> None:
    asked = MORNING + 5 * HOUR
    for outcome in (Outcome.ANSWERED, Outcome.BUSY, Outcome.MACHINE):
        decision = after_end(a_caller(), called(MORNING, callback_at=asked), outcome, now=MORNING)
        assert decision == RetryDecision(state=State.PENDING, due_at=asked)
    night = datetime(2026, 11, 17, 23, tzinfo=NEW_YORK).astimezone(UTC)
    decision = after_end(a_caller(), called(MORNING, callback_at=night), Outcome.ANSWERED, now=MORNING)
    assert decision.due_at == datetime(2026, 11, 18, 8, tzinfo=NEW_YORK).astimezone(UTC)


def test_a_callback_that_is_past_or_has_no_attempt_left_is_none() -> None:
    past = called(MORNING, callback_at=MORNING - MINUTE)
    assert after_end(a_caller(), past, Outcome.ANSWERED, now=MORNING).state is State.DONE
    spent = called(MORNING, callback_at=MORNING + HOUR, used=6)
    assert after_end(a_caller(), spent, Outcome.ANSWERED, now=MORNING).state is State.DONE


@pytest.mark.parametrize("outcome", [Outcome.NO_ANSWER, Outcome.BUSY])
def test_who_misses_the_call_that_they_asked_for_is_called_twice_more_before_the_schedule_goes_on(
    outcome: Outcome,
) -> None:
    home, office = a_number("US-NY New_York"), a_number("US-NY New_York")
    asked, campaign = MORNING, a_caller(spread=False, max_per_day=0)
    waits, before = [], [(Outcome.ANSWERED, MORNING - 2 * HOUR)]
    for moment in (asked, asked + 16 * MINUTE, asked + 80 * MINUTE):
        contact = called(moment, *before, callback_at=asked, phone=home.phone, numbers=(home, office))
        decision = after_end(campaign, contact, outcome, now=moment)
        assert decision.due_at is not None
        waits.append((decision.due_at - moment, decision.number))
        before.append((outcome, moment))
    assert waits[:2] == [(15 * MINUTE, None), (HOUR, None)]
    assert waits[2][0] > HOUR - MINUTE
    assert waits[2][1] == office
    spent = called(asked, (Outcome.ANSWERED, MORNING - 2 * HOUR), callback_at=asked, used=6)
    assert after_end(campaign, spent, outcome, now=asked).state is State.FAILED


def test_of_a_call_back_that_was_reached_or_has_exact_waits_nothing_more_follows() -> None:
    reached = called(MORNING, callback_at=MORNING)
    assert after_end(a_caller(), reached, Outcome.ANSWERED, now=MORNING).state is State.DONE
    machine = after_end(a_caller(spread=False), reached, Outcome.MACHINE, now=MORNING)
    assert machine.due_at == MORNING + DAY
    exact = a_campaign(any_hour_because="a test", retry=RetryPolicy(delays={Outcome.BUSY: 7 * MINUTE}))
    assert after_end(exact, reached, Outcome.BUSY, now=MORNING).due_at == MORNING + 7 * MINUTE


def test_who_turned_a_call_away_is_called_once_more_the_next_day() -> None:
    once = called(MORNING)
    assert after_end(a_caller(spread=False), once, Outcome.REJECTED, now=MORNING).due_at == MORNING + DAY
    twice = called(MORNING + DAY, (Outcome.REJECTED, MORNING))
    assert after_end(a_caller(), twice, Outcome.REJECTED, now=MORNING + DAY).state is State.FAILED


def test_the_next_attempt_is_at_the_persons_next_number_and_within_its_own_hours() -> None:
    home, office = a_number("US-NY New_York"), a_number("US-CA Los_Angeles")
    contact = called(MORNING, phone=home.phone, region=home.region, numbers=(home, office))
    decision = after_end(a_caller(spread=False), contact, Outcome.BUSY, now=MORNING)
    assert decision.number == office
    assert decision.due_at == datetime(2026, 11, 17, 9, tzinfo=ZoneInfo("America/Los_Angeles")).astimezone(UTC)
    again = replace(contact, phone=office.phone, region=office.region)
    assert after_end(a_caller(spread=False), again, Outcome.BUSY, now=MORNING).number == home


def test_who_asked_for_a_callback_is_called_at_the_number_at_which_they_asked() -> None:
    home, office = a_number("US-NY New_York"), a_number("US-NY New_York")
    contact = called(MORNING, phone=home.phone, numbers=(home, office), callback_at=MORNING + HOUR)
    assert after_end(a_caller(), contact, Outcome.ANSWERED, now=MORNING).number is None
    assert redialed(a_caller(), contact, now=MORNING) == RetryDecision(state=State.PENDING, due_at=MORNING + HOUR)


def test_a_call_that_never_rang_is_made_again_at_the_same_number() -> None:
    home, office = a_number("US-NY New_York"), a_number("US-CA Los_Angeles")
    contact = called(MORNING, phone=home.phone, region=home.region, numbers=(home, office))
    campaign = a_campaign(retry=RetryPolicy(delays={Outcome.CANCELED: HOUR}))
    assert taken_back(campaign, contact, now=MORNING) == RetryDecision(
        state=State.PENDING, after=HOUR, due_at=MORNING + HOUR, counts=False
    )


def test_behind_a_number_that_does_not_exist_comes_the_next_at_once_and_no_attempt_is_spent() -> None:
    home, office = a_number("US-NY New_York"), a_number("US-NY New_York")
    contact = called(MORNING, phone=home.phone, numbers=(home, office), used=6)
    decision = at_next_number(a_caller(), contact, Outcome.REFUSED, now=MORNING)
    assert decision == RetryDecision(state=State.PENDING, due_at=MORNING, counts=False, number=office)


def test_behind_a_fax_comes_the_next_number_while_an_attempt_is_left_and_the_day_is_not_full() -> None:
    home, office = a_number("US-NY New_York"), a_number("US-CA Los_Angeles")
    contact = called(MORNING, phone=home.phone, numbers=(home, office))
    decision = at_next_number(a_caller(), contact, Outcome.MACHINE, now=MORNING)
    assert (decision.state, decision.counts, decision.number) == (State.PENDING, True, office)
    assert decision.due_at == first_open(a_caller(), office.region, MORNING)
    assert decision.due_at > MORNING  # it is half past six in the morning there
    full = at_next_number(a_caller(max_per_day=1), contact, Outcome.MACHINE, now=MORNING)
    assert full.due_at
    assert full.due_at >= MORNING + DAY
    spent = replace(contact, used=6)
    assert at_next_number(a_caller(), spent, Outcome.MACHINE, now=MORNING) == RetryDecision(state=State.DONE)


def test_a_redial_comes_once_the_next_number_may_ring_and_the_day_is_not_full_while_an_attempt_is_left() -> None:
    home, office = a_number("US-NY New_York"), a_number("US-CA Los_Angeles")
    contact = called(MORNING, (Outcome.BUSY, MORNING - HOUR), phone=home.phone, numbers=(home, office))
    later = MORNING + 31 * MINUTE
    decision = redialed(a_caller(), contact, now=later)
    assert (decision.state, decision.counts, decision.number) == (State.PENDING, True, office)
    assert decision.due_at == first_open(a_caller(), office.region, later)
    assert decision.due_at > later  # it is seven in the morning there
    alone = replace(contact, numbers=())
    assert redialed(a_caller(), alone, now=later) == RetryDecision(state=State.PENDING, due_at=later)
    assert redialed(a_caller(max_per_day=2), alone, now=later).due_at == MORNING - HOUR + DAY
    spent = replace(alone, used=6, callback_at=MORNING + HOUR)
    assert redialed(a_caller(), spent, now=later) == RetryDecision(state=State.FAILED)


@pytest.mark.parametrize(("outcome", "end"), [(Outcome.REFUSED, State.FAILED), (Outcome.MACHINE, State.DONE)])
def test_where_the_only_number_is_ruled_out_nobody_is_called_again(outcome: Outcome, end: State) -> None:
    assert at_next_number(a_caller(), called(), outcome, now=MORNING) == RetryDecision(state=end)


def a_number(region: str) -> Number:
    return Number(phone=a_phone(), region=region)


def test_the_short_way_waits_exactly_so_long_where_no_hours_forbid_it() -> None:
    campaign = a_campaign(retry=RetryPolicy(delays={Outcome.BUSY: timedelta(seconds=1)}))
    decision = after_end(campaign, called(MORNING, max=3), Outcome.BUSY, now=MORNING)
    assert decision.due_at == MORNING + timedelta(seconds=1)


@pytest.mark.parametrize("delays", [{Outcome.CANCELED: HOUR}, {}])
def test_a_call_that_was_cancelled_before_it_rang_spends_no_attempt_and_waits(
    delays: dict[Outcome, timedelta],
) -> None:
    campaign = a_campaign(retry=RetryPolicy(max_attempts=1, delays=delays))
    decision = taken_back(campaign, called(max=1), now=MORNING)
    assert (decision.state, decision.counts) == (State.PENDING, False)
    assert decision.after == (HOUR if delays else RetryPolicy().delays[Outcome.CANCELED])


@pytest.mark.parametrize("state", [CampaignState.PAUSED, CampaignState.STOPPED])
def test_where_the_campaign_does_not_run_it_waits_for_nothing_else(state: CampaignState) -> None:
    decision = taken_back(a_campaign(state=state), called(max=1), now=MORNING)
    assert decision == RetryDecision(state=State.PENDING, after=timedelta(0), counts=False)


def test_a_schedule_without_an_end_repeats_its_last_wait() -> None:
    schedule = RetrySchedule(waits=(MINUTE, HOUR))
    assert [schedule.wait(before) for before in range(4)] == [MINUTE, HOUR, HOUR, HOUR]


@given(
    outcome=st.sampled_from(sorted(SCHEDULES)),
    region=st.sampled_from([REGION, "US-ME New_York", "US-? Adak,New_York", "GB Europe/London", "AU Australia/Sydney"]),
    minutes=st.integers(0, 366 * 24 * 60),
    digits=st.integers(0, 2**32),
)
def test_a_retry_is_always_due_within_the_contacts_hours_and_never_before_its_wait(
    outcome: Outcome, region: str, minutes: int, digits: int
) -> None:
    campaign, moment = a_caller(), datetime(2026, 1, 1, tzinfo=UTC) + minutes * MINUTE
    contact = called(moment, id=f"{digits:024x}", region=region)
    decision = after_end(campaign, contact, outcome, now=moment)
    assert decision.due_at is not None
    assert decision.after is not None
    assert decision.due_at >= moment + decision.after
    assert first_open(campaign, region, decision.due_at) == decision.due_at
