"""How many calls may start, and when: pure arithmetic over the campaign's limits."""

import math
from datetime import datetime, timedelta


def open_lines(*, limit: int, booked: int) -> int:
    """Lines that may still be given away."""
    return max(0, limit - booked)


def queue_delay(*, slot_at: datetime, now: datetime) -> int:
    """Whole seconds a message waits in the queue: never early, at most SQS's 900."""
    return min(900, max(0, math.ceil((slot_at - now).total_seconds())))


def backoff(
    *, setbacks: int, first: timedelta = timedelta(seconds=5), longest: timedelta = timedelta(minutes=15)
) -> timedelta:
    """How long to wait after a number of setbacks in a row: doubling, bounded."""
    return min(longest, first * float(2 ** min(setbacks, 16)))
