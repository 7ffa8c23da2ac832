"""When a campaign had better stop: many setbacks in a row, or many among its last dials."""

import pytest

from dialer.breaker import AMONG, MANY, STREAK, Setbacks, tripped


@pytest.mark.parametrize(
    ("streak", "spread", "why"),
    [
        (0, None, ""),
        (STREAK - 1, None, ""),
        (STREAK, STREAK, "20 in a row"),
        (1, AMONG, "20 of the last 40 dials"),
        (1, AMONG + 1, ""),
        (1, MANY + 3, "20 of the last 23 dials"),
    ],
)
def test_a_streak_or_every_other_dial_trips_it(streak: int, spread: int | None, why: str) -> None:
    assert tripped(Setbacks(streak=streak, spread=spread)) == why
