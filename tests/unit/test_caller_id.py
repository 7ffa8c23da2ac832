"""The number that a person sees: always the same, another one each time, or one from next door."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialer.caller_id import callers, day_of, next_day
from dialer.model import CallerChoice, CallerPolicy

NUMBERS = ("+12015550100", "+12025550101", "+12015550102", "+442079460000")
FIXED, ROTATE, LOCAL = (CallerPolicy(choice=choice) for choice in CallerChoice)
ID = "00000000000000000000000"


@pytest.mark.parametrize("policy", [FIXED, ROTATE, LOCAL])
@given(contact=st.integers(0, 2**24 - 1), used=st.integers(0, 20), phone=st.sampled_from(NUMBERS))
def test_every_number_may_be_used_once_whatever_the_choice(
    policy: CallerPolicy, contact: int, used: int, phone: str
) -> None:
    order = callers(NUMBERS, policy, contact_id=f"{contact:024x}", phone=phone, used=used)
    assert sorted(order) == sorted(NUMBERS)


def test_a_fixed_number_does_not_change_with_the_attempts_and_the_list_is_spread() -> None:
    first = [callers(NUMBERS, FIXED, contact_id=f"{ID}{n}", used=n % 3)[0] for n in range(8)]
    assert first == [*NUMBERS, *NUMBERS]


def test_a_rotating_number_is_another_one_at_each_attempt() -> None:
    assert [callers(NUMBERS, ROTATE, contact_id=f"{ID}1", used=used)[0] for used in range(5)] == [
        *NUMBERS[1:], *NUMBERS[:2],
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("phone", "near"),
    [
        ("+12015559999", {"+12015550100", "+12015550102"}),
        ("+12025559999", {"+12025550101"}),
        ("+12125559999", set(NUMBERS)),
        ("+442079460999", set(NUMBERS)),
        ("", set(NUMBERS)),
    ],
)
def test_a_local_number_is_of_the_persons_own_area_where_there_is_one(phone: str, near: set[str]) -> None:
    first = {callers(NUMBERS, LOCAL, contact_id=f"{ID}{n}", phone=phone)[0] for n in range(8)}
    assert first == near


@pytest.mark.parametrize("policy", [FIXED, ROTATE, LOCAL])
@given(contact=st.integers(0, 2**24 - 1), used=st.integers(0, 20), own=st.sampled_from(NUMBERS))
def test_the_number_that_a_row_asks_for_is_the_only_one(
    policy: CallerPolicy, contact: int, used: int, own: str
) -> None:
    order = callers(NUMBERS, policy, contact_id=f"{contact:024x}", phone="+12025559999", used=used, own=own)
    assert order == (own,)


@pytest.mark.parametrize("policy", [FIXED, ROTATE, LOCAL])
@pytest.mark.parametrize("own", ["+12125550199", "12015550100", ""])
def test_a_number_that_is_not_the_campaigns_is_asked_for_in_vain(policy: CallerPolicy, own: str) -> None:
    usual = callers(NUMBERS, policy, contact_id=f"{ID}1", phone="+12025559999")
    assert callers(NUMBERS, policy, contact_id=f"{ID}1", phone="+12025559999", own=own) == usual


@pytest.mark.parametrize(
    ("zone", "day", "left"),
    [
        ("UTC", "2026-03-08", timedelta(hours=20)),
        ("America/New_York", "2026-03-07", timedelta(hours=1)),
        ("Asia/Tokyo", "2026-03-08", timedelta(hours=11)),
    ],
)
def test_days_are_the_zones_own(zone: str, day: str, left: timedelta) -> None:
    now = datetime(2026, 3, 8, 4, tzinfo=UTC)
    policy = CallerPolicy(zone=zone)
    assert (day_of(policy, now), next_day(policy, now)) == (day, left)


def test_a_day_on_which_clocks_are_set_has_its_own_length() -> None:
    policy = CallerPolicy(zone="America/New_York")
    midnight = datetime(2026, 3, 8, 5, tzinfo=UTC)
    assert next_day(policy, midnight) == timedelta(hours=23)
