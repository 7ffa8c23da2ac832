"""What becomes of an attempt in doubt, given what the carrier lists and what the contacts know."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from dialer.lifecycle import State
from dialer.model import CallRecord, Contact, FinishedAttempt, Outcome
from dialer.settling import Adopt, NoCall, Several, Wait, candidates, dialed_at, judge, needs_proof
from tests.builders import a_contact, an_attempt

DIALED = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
MARGIN = timedelta(seconds=120)
HORIZON = timedelta(minutes=30)


def in_doubt() -> Contact:
    contact = a_contact(state=State.UNCERTAIN)
    return replace(contact, attempt=an_attempt(contact.id, State.UNCERTAIN, dial_at=DIALED))


def a_call(sid: str = "CA1", *, after: timedelta = timedelta(seconds=1)) -> CallRecord:
    return CallRecord(
        sid=sid, to="+12015550100", from_number="+12015550199", status="ringing", created_at=DIALED + after
    )


def a_past(sid: str = "", outcome: Outcome = Outcome.BUSY) -> FinishedAttempt:
    return FinishedAttempt(
        id="c-past", n=1, from_number="+12015550199", dial_at=DIALED, ended_at=DIALED, sid=sid, outcome=outcome
    )


def possible(*listed: CallRecord, sharing: list[Contact] | None = None) -> list[str]:
    contact = in_doubt()
    found = candidates(listed, contact=contact, sharing=sharing or [contact], margin=MARGIN)
    return [call.sid for call in found]


@pytest.mark.parametrize(
    ("after", "ours"),
    [
        (timedelta(seconds=1), True),
        (-MARGIN, True),
        (-MARGIN - timedelta(seconds=1), False),
        (timedelta(hours=2), True),
    ],
)
def test_a_call_made_since_the_dial_can_be_ours_with_a_margin_for_the_carriers_clock(
    after: timedelta, *, ours: bool
) -> None:
    assert possible(a_call(after=after)) == (["CA1"] if ours else [])


def test_a_call_that_a_contact_with_this_phone_already_has_is_not_ours() -> None:
    other = a_contact(state=State.PLACED)
    other = replace(other, attempt=an_attempt(other.id, State.PLACED, sid="CA1"))
    assert possible(a_call("CA1"), a_call("CA2"), sharing=[in_doubt(), other]) == ["CA2"]


def test_a_call_in_anybodys_story_is_not_ours() -> None:
    past = a_contact(state=State.DONE, history=(a_past("CA1"), a_past("CA3")))
    assert possible(a_call("CA1"), a_call("CA2"), a_call("CA3"), sharing=[past]) == ["CA2"]


@pytest.mark.parametrize("waited", [timedelta(0), HORIZON * 2])
def test_one_possible_call_is_adopted_at_once(waited: timedelta) -> None:
    call = a_call()
    assert judge([call], dialed=DIALED, now=DIALED + waited, horizon=HORIZON) == Adopt(call=call)


@pytest.mark.parametrize("waited", [timedelta(0), HORIZON * 2])
def test_several_possible_calls_are_a_persons_matter(waited: timedelta) -> None:
    found = judge([a_call("CA1"), a_call("CA2")], dialed=DIALED, now=DIALED + waited, horizon=HORIZON)
    assert found == Several(sids=("CA1", "CA2"))


@pytest.mark.parametrize(
    ("waited", "finding"),
    [(timedelta(0), Wait()), (HORIZON - timedelta(seconds=1), Wait()), (HORIZON, NoCall()), (HORIZON * 9, NoCall())],
)
def test_no_call_is_believed_only_after_the_horizon(waited: timedelta, finding: Wait | NoCall) -> None:
    assert judge([], dialed=DIALED, now=DIALED + waited, horizon=HORIZON) == finding


def test_an_older_attempt_that_was_given_up_without_its_call_asks_for_proof() -> None:
    """Its call may be the one that is listed."""
    given_up = a_contact(state=State.FAILED, history=(a_past(outcome=Outcome.UNKNOWN),))
    assert needs_proof([in_doubt(), given_up])


@pytest.mark.parametrize(
    "history", [(), (a_past("CA1", Outcome.UNKNOWN),), (a_past(outcome=Outcome.REFUSED),), (a_past("CA1"),)]
)
def test_attempts_whose_call_is_known_or_never_was_ask_for_none(history: tuple[FinishedAttempt, ...]) -> None:
    assert not needs_proof([in_doubt(), a_contact(state=State.FAILED, history=history)])


@pytest.mark.parametrize("state", [State.PENDING, State.CLAIMED])
def test_doubt_without_a_dial_is_a_bug_and_said_so(state: State) -> None:
    with pytest.raises(ValueError, match="in doubt without a dial"):
        dialed_at(a_contact(state=state))
