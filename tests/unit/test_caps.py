"""How often may a person be called? A rule over the stories of all contacts that have the phone."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialer.caps import PRESETS, in_bulk, within_caps
from dialer.last_look import Go, NotNow
from dialer.lifecycle import State
from dialer.model import Cap, Contact, Counted, FinishedAttempt, Outcome
from tests.builders import a_contact, an_attempt

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
THREE_A_DAY = Cap(name="three", most=3, within=DAY)
LOCK_OUT = Cap(name="lock-out", most=1, within=7 * DAY, counts=Counted.CONVERSATIONS)
PHONE = "+12015550101"


def a_call(ended_at: datetime, outcome: Outcome = Outcome.NO_ANSWER, *, lasted: timedelta = MINUTE) -> FinishedAttempt:
    return FinishedAttempt(
        id="x-y", n=1, from_number="", dial_at=ended_at - lasted, ended_at=ended_at, sid="", outcome=outcome
    )


def somebody(*calls: FinishedAttempt, campaign: str = "one", **overrides: object) -> Contact:
    return a_contact(campaign, phone=PHONE, history=calls, **overrides)


def said(cap: Cap, contact: Contact, *others: Contact, now: datetime = NOON) -> Go | NotNow:
    return within_caps(caps=[cap], contact=contact, sharing=[contact, *others], now=now)


def until(cap: Cap, contact: Contact, *others: Contact) -> datetime | None:
    verdict = said(cap, contact, *others)
    return verdict.until if isinstance(verdict, NotNow) else None


def test_while_fewer_than_the_most_lie_within_the_span_a_call_is_allowed() -> None:
    assert said(THREE_A_DAY, somebody()) == Go()
    assert said(THREE_A_DAY, somebody(a_call(NOON - HOUR), a_call(NOON - 2 * HOUR))) == Go()
    assert said(THREE_A_DAY, somebody(*[a_call(NOON - DAY)] * 3)) == Go()


def test_a_call_under_way_counts_as_a_call_from_now_on() -> None:
    elsewhere = somebody(state=State.PLACED, campaign="two")
    assert until(replace(THREE_A_DAY, most=1), somebody(), elsewhere) == NOON + DAY
    calls = [a_call(NOON - HOUR), a_call(NOON - 3 * HOUR)]
    assert until(THREE_A_DAY, somebody(*calls), elsewhere) == NOON - 3 * HOUR + DAY


def test_a_call_under_way_may_become_a_conversation_and_is_asked_about_again_soon() -> None:
    elsewhere = somebody(state=State.PLACED, campaign="two")
    assert until(LOCK_OUT, somebody(), elsewhere) == NOON + 10 * MINUTE
    talked = somebody(a_call(NOON - DAY, Outcome.ANSWERED))
    assert until(LOCK_OUT, talked, elsewhere) == NOON + 6 * DAY
    assert until(replace(LOCK_OUT, within=MINUTE), somebody(), elsewhere) == NOON + MINUTE


def test_a_full_cap_waits_until_the_earliest_of_the_last_has_left_the_span() -> None:
    calls = [a_call(NOON - hours * HOUR) for hours in (1, 5, 3, 2, 30)]
    assert said(THREE_A_DAY, somebody(*calls)) == NotNow(
        until=NOON - 3 * HOUR + DAY, reason="cap three: 3 calls within 24 hours"
    )


def test_a_call_counts_until_the_span_after_its_end_has_passed_since_it_may_have_rung_late() -> None:
    calls = [a_call(NOON - 23 * HOUR, lasted=3 * HOUR)] * 3
    assert until(THREE_A_DAY, somebody(*calls)) == NOON + HOUR


def test_calls_of_every_campaign_are_counted_together() -> None:
    others = [somebody(a_call(NOON - HOUR), campaign=name) for name in ("two", "three", "four")]
    assert until(THREE_A_DAY, somebody(), *others) == NOON - HOUR + DAY


def test_a_cap_of_the_campaign_s_own_counts_its_own_calls_alone() -> None:
    own = replace(THREE_A_DAY, campaign_only=True)
    others = [somebody(a_call(NOON - HOUR), campaign=name) for name in ("two", "three", "four")]
    assert said(own, somebody(a_call(NOON - HOUR)), *others) == Go()
    assert until(own, somebody(*[a_call(NOON - HOUR)] * 3), *others) == NOON - HOUR + DAY


@pytest.mark.parametrize("outcome", sorted(set(Outcome) - {Outcome.REFUSED}))
def test_every_attempt_that_may_have_been_a_call_is_counted(outcome: Outcome) -> None:
    assert until(THREE_A_DAY, somebody(*[a_call(NOON - HOUR, outcome)] * 3)) == NOON - HOUR + DAY


def test_what_the_carrier_refused_is_no_call() -> None:
    assert said(THREE_A_DAY, somebody(*[a_call(NOON - HOUR, Outcome.REFUSED)] * 9)) == Go()


def test_an_attempt_of_another_contact_that_is_still_on_counts_and_its_own_does_not() -> None:
    cap = replace(THREE_A_DAY, most=1)
    contact = somebody(state=State.DIALING)
    assert said(cap, contact) == Go()
    assert until(cap, contact, somebody(campaign="two", state=State.PLACED)) == NOON + DAY
    assert said(cap, contact, somebody(campaign="two", state=State.CLAIMED)) == Go()


def test_a_conversation_locks_the_person_out_and_other_ends_do_not() -> None:
    assert until(LOCK_OUT, somebody(a_call(NOON - DAY, Outcome.ANSWERED))) == NOON + 6 * DAY
    for outcome in set(Outcome) - {Outcome.ANSWERED}:
        assert said(LOCK_OUT, somebody(a_call(NOON - DAY, outcome))) == Go()
    assert said(LOCK_OUT, somebody(a_call(NOON - 7 * DAY, Outcome.ANSWERED))) == Go()


def test_calls_about_another_account_are_not_counted_but_those_about_none_are() -> None:
    by_account = replace(THREE_A_DAY, by="account_id", most=1)
    other, same, none = (
        somebody(a_call(NOON - HOUR), campaign="two", vars={"Account ID": account} if account else {})
        for account in ("B", "A", "")
    )
    ours = somebody(vars={"account_id": "A"})
    assert said(by_account, ours, other) == Go()
    assert until(by_account, ours, same) == NOON - HOUR + DAY
    assert until(by_account, ours, none) == NOON - HOUR + DAY
    assert until(by_account, somebody(), other) == NOON - HOUR + DAY


def test_of_several_caps_the_longest_wait_is_said() -> None:
    contact = somebody(*[a_call(NOON - HOUR, Outcome.ANSWERED)] * 3)
    verdict = within_caps(caps=[THREE_A_DAY, LOCK_OUT], contact=contact, sharing=[contact], now=NOON)
    assert verdict == NotNow(until=NOON - HOUR + 7 * DAY, reason="cap lock-out: 1 conversation within 7 days")


@pytest.mark.parametrize(
    ("preset", "calls", "days", "waits"),
    [
        ("reg-f", 7, 7, True),
        ("reg-f", 6, 7, False),
        ("three-a-day", 3, 1, True),
        ("three-a-day", 2, 1, False),
        ("residential-prerecorded", 3, 30, True),
        ("residential-prerecorded", 2, 30, False),
        ("health", 1, 1, True),
        ("massachusetts-collections", 2, 7, True),
        ("massachusetts-collections", 1, 7, False),
        ("france", 4, 30, True),
        ("france", 3, 30, False),
    ],
)
def test_the_presets_are_what_the_rules_say(preset: str, calls: int, days: int, *, waits: bool) -> None:
    for ago in (HOUR, days * DAY - HOUR):
        contact = somebody(*[a_call(NOON - ago)] * calls)
        verdict = within_caps(caps=PRESETS[preset], contact=contact, sharing=[contact], now=NOON)
        assert isinstance(verdict, NotNow) is waits
    long_ago = somebody(*[a_call(NOON - days * DAY)] * calls)
    assert within_caps(caps=PRESETS[preset], contact=long_ago, sharing=[long_ago], now=NOON) == Go()


def test_after_a_conversation_reg_f_calls_again_on_the_eighth_day() -> None:
    talked = somebody(a_call(NOON, Outcome.ANSWERED))
    for day, allowed in ((1, False), (6, False), (7, True)):
        verdict = within_caps(caps=PRESETS["reg-f"], contact=talked, sharing=[talked], now=NOON + day * DAY)
        assert isinstance(verdict, Go) is allowed


@pytest.mark.parametrize("campaign", ["one", "two"])
def test_after_an_answer_nobody_calls_for_72_hours_whichever_campaign_it_was(campaign: str) -> None:
    """That nobody was there to talk is an answer, too."""
    ours, theirs = somebody(), somebody(a_call(NOON, Outcome.ANSWERED), campaign=campaign)
    for hours, allowed in ((0, False), (71, False), (72, True)):
        verdict = within_caps(
            caps=PRESETS["after-an-answer"], contact=ours, sharing=[ours, theirs], now=NOON + hours * HOUR
        )
        assert isinstance(verdict, Go) is allowed
    rang = somebody(*[a_call(NOON, Outcome.NO_ANSWER)] * 9)
    assert within_caps(caps=PRESETS["after-an-answer"], contact=rang, sharing=[rang], now=NOON) == Go()


SECONDS = st.integers(0, 400)
CAPS = st.builds(
    Cap,
    name=st.just("any"),
    most=st.integers(1, 4),
    within=st.integers(1, 120).map(lambda seconds: timedelta(seconds=seconds)),
    counts=st.sampled_from(Counted),
)


@given(
    cap=CAPS,
    tries=st.lists(st.tuples(SECONDS, st.integers(0, 20), st.booleans(), st.booleans()), max_size=40),
)
def test_who_asks_before_every_call_is_never_over_a_cap(cap: Cap, tries: list[tuple[int, int, bool, bool]]) -> None:
    """Two contacts with one phone, tried at any moments; each call takes a while, and rings anywhere within it."""
    moment, sharing = NOON, [somebody(), somebody(campaign="two")]
    dialed: list[datetime] = []
    talked: list[datetime] = []
    for wait, lasts, second, answered in sorted(tries):
        moment += timedelta(seconds=wait % 40)
        if isinstance(said(cap, sharing[second], sharing[not second], now=moment), NotNow):
            continue
        assert allowed(cap, dialed if cap.counts is Counted.CALLS else talked, moment)
        dialed.append(moment)
        moment += timedelta(seconds=lasts)
        talked += [moment] if answered else []
        ended = a_call(moment, Outcome.ANSWERED if answered else Outcome.BUSY, lasted=timedelta(seconds=lasts))
        sharing[second] = replace(sharing[second], history=(*sharing[second].history, ended))


def allowed(cap: Cap, counted: Sequence[datetime], moment: datetime) -> bool:
    return sum(moment - cap.within < one for one in counted) < cap.most


@given(cap=CAPS, ago=st.lists(SECONDS, min_size=1, max_size=9))
def test_the_moment_that_is_said_is_the_first_one_that_is_lawful(cap: Cap, ago: list[int]) -> None:
    contact = somebody(*[a_call(NOON - timedelta(seconds=one), Outcome.ANSWERED) for one in ago])
    verdict = said(cap, contact)
    if isinstance(verdict, NotNow):
        assert isinstance(said(cap, contact, now=verdict.until - timedelta(milliseconds=1)), NotNow)
        assert said(cap, contact, now=verdict.until) == Go()


@given(wait=st.integers(1, 40 * 24 * 3600))
def test_in_bulk_nobody_waits_less_and_nobody_much_longer(wait: int) -> None:
    exact = NotNow(until=NOON + timedelta(seconds=wait), reason="cap")
    rounded = in_bulk(exact, now=NOON)
    assert isinstance(rounded, NotNow)
    assert exact.until <= rounded.until <= exact.until + timedelta(seconds=max(1, wait / 25))


def test_in_bulk_a_thousand_who_wait_for_about_a_day_are_sifted_in_a_few_goes() -> None:
    waits = [NotNow(until=NOON + 20 * HOUR + timedelta(seconds=12 * n), reason="cap") for n in range(1000)]
    assert len({in_bulk(wait, now=NOON) for wait in waits}) <= 10
    assert in_bulk(Go(), now=NOON) == Go()


def test_an_attempt_is_built_as_the_database_has_it() -> None:
    """What the tests above rest on: an attempt in flight has been dialed, a claimed one has not."""
    assert an_attempt("c", State.PLACED).dial_at is not None
    assert an_attempt("c", State.CLAIMED).dial_at is None
