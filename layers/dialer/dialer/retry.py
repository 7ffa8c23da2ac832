"""What follows the end of an attempt: a pure decision over the campaign's retry policy."""

from dataclasses import dataclass
from datetime import timedelta

from dialer.lifecycle import State
from dialer.model import Outcome, RetryPolicy

_REACHED = frozenset({Outcome.ANSWERED, Outcome.MACHINE})


@dataclass(frozen=True, kw_only=True)
class RetryDecision:
    """Where a contact goes when an attempt has ended; `after` only when it waits for another."""

    state: State
    after: timedelta | None = None


def decide(*, policy: RetryPolicy, outcome: Outcome, used: int, max_attempts: int) -> RetryDecision:
    """Another attempt while one is left and the policy names a delay for this outcome; else done or failed.

    A machine counts as reached once no attempt is left.
    """
    delay = policy.delays.get(outcome)
    if delay is not None and used < max_attempts:
        return RetryDecision(state=State.PENDING, after=delay)
    return RetryDecision(state=State.DONE if outcome in _REACHED else State.FAILED)
