"""How many calls may start, and when."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialer.model import Slots
from dialer.pacing import backoff, open_lines, queue_delay

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("limit", "booked", "open_"), [(10, 0, 10), (10, 9, 1), (10, 10, 0), (10, 25, 0), (1, 0, 1), (0, 0, 0)]
)
def test_open_lines_are_what_the_limit_leaves_and_never_less_than_none(limit: int, booked: int, open_: int) -> None:
    assert open_lines(limit=limit, booked=booked) == open_


@pytest.mark.parametrize(
    ("ahead", "delay"),
    [
        (timedelta(0), 0),
        (timedelta(seconds=-30), 0),
        (timedelta(milliseconds=1), 1),
        (timedelta(seconds=59), 59),
        (timedelta(seconds=59, microseconds=1), 60),
        (timedelta(seconds=900), 900),
        (timedelta(hours=3), 900),
    ],
)
def test_a_message_waits_whole_seconds_up_to_what_the_queue_can(ahead: timedelta, delay: int) -> None:
    assert queue_delay(slot_at=NOW + ahead, now=NOW) == delay


@given(ahead=st.timedeltas(min_value=timedelta(0), max_value=timedelta(seconds=900)))
def test_a_message_never_arrives_before_its_slot(ahead: timedelta) -> None:
    delay = queue_delay(slot_at=NOW + ahead, now=NOW)
    assert timedelta(seconds=delay) >= ahead
    assert timedelta(seconds=delay) < ahead + SECOND


def test_waits_after_setbacks_double_and_end_at_the_longest() -> None:
    waits = [backoff(setbacks=count) for count in range(10)]
    assert waits[:4] == [5 * SECOND, 10 * SECOND, 20 * SECOND, 40 * SECOND]
    assert waits == sorted(waits)
    assert waits[-1] == backoff(setbacks=10**9) == timedelta(minutes=15)


def test_slots_are_a_spacing_apart_and_end_where_the_next_run_begins() -> None:
    slots = Slots(start=NOW, count=3, spacing=5 * SECOND, now=NOW)
    assert [slots.at(index) for index in range(3)] == [NOW, NOW + 5 * SECOND, NOW + 10 * SECOND]
    assert slots.end == slots.at(3) == NOW + 15 * SECOND
