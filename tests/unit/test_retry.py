"""What follows the end of an attempt."""

from datetime import timedelta

import pytest

from dialer.lifecycle import State
from dialer.model import Outcome, RetryPolicy
from dialer.retry import RetryDecision, decide

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


@pytest.mark.parametrize("outcome", sorted(set(Outcome) - set(TRIED_AGAIN) - {Outcome.ANSWERED}))
def test_an_end_without_a_wait_is_not_tried_again(outcome: Outcome) -> None:
    assert decide(policy=POLICY, outcome=outcome, used=1, max_attempts=3) == RetryDecision(state=State.FAILED)


def test_the_contacts_own_limit_counts_and_not_the_policys() -> None:
    decision = decide(policy=RetryPolicy(max_attempts=9), outcome=Outcome.BUSY, used=1, max_attempts=1)
    assert decision.state is State.FAILED
