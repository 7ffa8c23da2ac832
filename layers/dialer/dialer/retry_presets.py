"""How often people are tried when a campaign does not say: one table, and what each purpose narrows of it."""

from datetime import timedelta

from dialer.model import Outcome, Purpose, RetryPolicy, RetrySchedule

_MINUTE, _HOUR, _DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
_CARRIER = RetrySchedule(waits=(5 * _MINUTE, 15 * _MINUTE, 60 * _MINUTE), most=3, counts=False)
SCHEDULES = {
    Outcome.BUSY: RetrySchedule(waits=(10 * _MINUTE, 20 * _MINUTE, 60 * _MINUTE), most=4),
    Outcome.NO_ANSWER: RetrySchedule(waits=(3 * _HOUR, _DAY, 2 * _DAY), most=5),
    Outcome.MACHINE: RetrySchedule(waits=(_DAY, 2 * _DAY, 3 * _DAY), most=3),
    Outcome.VOICEMAIL: RetrySchedule(waits=(2 * _DAY, 4 * _DAY), most=2),
    Outcome.REJECTED: RetrySchedule(waits=(_DAY,), most=1),
    Outcome.FAILED: _CARRIER,
    Outcome.CANCELED: _CARRIER,
}
_MOST, _MOST_A_DAY, _COLLECTIONS_A_DAY = 6, 3, 2


def preset(purpose: Purpose) -> RetryPolicy:
    """The retry policy of campaigns of this purpose."""
    a_day = _COLLECTIONS_A_DAY if purpose is Purpose.COLLECTIONS else _MOST_A_DAY
    return RetryPolicy(max_attempts=_MOST, max_per_day=a_day, spread=True, schedules=SCHEDULES, delays={})
