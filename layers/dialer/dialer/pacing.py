"""How many calls may start, and when: pure arithmetic over the campaign's limits."""

import math
from collections.abc import Mapping
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


def rest_for(
    queue_time: timedelta, *, short: timedelta = timedelta(seconds=2), longest: timedelta = timedelta(seconds=60)
) -> timedelta:
    """How long to dial nobody when the carrier keeps a call queued for `queue_time`: until its queue is short again.

    No longer than `longest`, a tick's period: the next call says how the queue is then.
    """
    return min(longest, max(timedelta(0), queue_time - short))


def fair_delay(campaign_id: str, *, wishes: Mapping[str, timedelta], spacing: timedelta) -> timedelta:
    """The least time between a campaign's dials, when all of them share the account's one dial each `spacing`.

    Max-min fair: whoever wishes for less than an equal part gets it, and the others share equally what that leaves.
    """
    left, share = timedelta(seconds=1) / spacing, 0.0
    slowest_first = sorted(wishes, key=lambda one: (wishes[one], one), reverse=True)
    for count, one in enumerate(slowest_first):
        share = min(timedelta(seconds=1) / wishes[one], left / (len(slowest_first) - count))
        if one == campaign_id:
            break
        left -= share
    return max(wishes[campaign_id], timedelta(seconds=1 / share))
