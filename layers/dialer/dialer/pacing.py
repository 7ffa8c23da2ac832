"""How many calls may start, and when: pure arithmetic over the campaign's limits."""

import math
from datetime import datetime, timedelta

from dialer.model import Slots


def open_lines(*, limit: int, booked: int) -> int:
    """Lines that may still be given away."""
    return max(0, limit - booked)


def slots_within(*, horizon: timedelta, lead: timedelta, spacing: timedelta) -> int:
    """How many slots, `spacing` apart and starting `lead` from now, lie within the horizon."""
    return max(0, math.ceil((horizon - lead) / spacing))


def queue_delay(*, slot_at: datetime, now: datetime) -> int:
    """Whole seconds a message waits in the queue: never early, at most SQS's 900."""
    return min(900, max(0, math.ceil((slot_at - now).total_seconds())))


def unused(slots: Slots, used: int) -> datetime:
    """Where the next slot is when only the first `used` of a run were given away."""
    return slots.at(used)


def backoff(
    *, setbacks: int, first: timedelta = timedelta(seconds=5), longest: timedelta = timedelta(minutes=15)
) -> timedelta:
    """How long to wait after a number of setbacks in a row: doubling, bounded."""
    return min(longest, first * float(2 ** min(setbacks, 16)))
