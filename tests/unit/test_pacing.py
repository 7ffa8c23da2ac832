"""How many calls may start, and when."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialer.model import Slots
from dialer.pacing import backoff, fair_delay, open_lines, queue_delay, rest_for

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


@pytest.mark.parametrize(("queued_s", "rest_s"), [(0, 0), (1, 0), (2, 0), (2.5, 0.5), (12, 10), (62, 60), (86_400, 60)])
def test_a_campaign_rests_until_the_carrier_s_queue_is_short_again_and_a_minute_at_most(
    queued_s: float, rest_s: float
) -> None:
    assert rest_for(queued_s * SECOND) == rest_s * SECOND


def test_slots_are_a_spacing_apart_and_end_where_the_next_run_begins() -> None:
    slots = Slots(start=NOW, count=3, spacing=5 * SECOND, now=NOW)
    assert [slots.at(index) for index in range(3)] == [NOW, NOW + 5 * SECOND, NOW + 10 * SECOND]
    assert slots.end == slots.at(3) == NOW + 15 * SECOND


def shared(spacing: float, **wishes: float) -> dict[str, float]:
    """Seconds between dials: what each wishes for, and what each gets."""
    spans = {name: timedelta(seconds=wish) for name, wish in wishes.items()}
    return {name: fair_delay(name, wishes=spans, spacing=timedelta(seconds=spacing)).total_seconds() for name in wishes}


def test_who_is_alone_gets_what_it_wishes_or_all_there_is() -> None:
    assert shared(1, a=5) == {"a": 5}
    assert shared(1, a=0.001) == {"a": 1}


def test_who_wishes_for_the_same_gets_the_same() -> None:
    assert shared(1, a=0.001, b=0.001, c=0.001, d=0.001) == {"a": 4, "b": 4, "c": 4, "d": 4}


def test_what_a_slow_campaign_leaves_goes_to_the_others() -> None:
    assert shared(1, slow=10, a=0.001, b=0.001) == pytest.approx({"slow": 10, "a": 1 / 0.45, "b": 1 / 0.45})


WISHES = st.dictionaries(st.sampled_from("abcdefgh"), st.floats(0.001, 3600), min_size=1)


@given(spacing=st.floats(0.002, 60), wishes=WISHES)
def test_shares_fill_the_account_and_no_more_and_nobody_starves(spacing: float, wishes: dict[str, float]) -> None:
    rates = {name: 1 / delay for name, delay in shared(spacing, **wishes).items()}
    wanted = {name: 1 / delay for name, delay in wishes.items()}
    whole, near = 1 / spacing, 1.001  # spans have microseconds
    assert sum(rates.values()) <= min(whole, sum(wanted.values())) * near
    assert sum(rates.values()) * near >= min(whole, sum(wanted.values()))
    assert all(rate * near >= min(wanted[name], whole / len(wishes)) for name, rate in rates.items())
    assert all(rate <= wanted[name] * near for name, rate in rates.items())
