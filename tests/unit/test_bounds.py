"""The time bounds: production values pinned one by one, and every relation refused with its sentence."""

from dataclasses import fields
from datetime import timedelta

import pytest

from dialer.bounds import Bounds, bounds_from, setting
from dialer.errors import BadSettings

PRODUCTION = {
    "slot_horizon": 60,
    "lock_lease": 90,
    "call_timeout": 30,
    "queue_visibility": 180,
    "dial_guard": 1,
    "post_timeout": 10,
    "early_wait": 3,
    "dial_silence": 90,
    "queue_time": 600,
    "settle_poll": 60,
    "settle_horizon": 1800,
    "list_margin": 120,
    "hold_limit": 90000,
    "intake_timeout": 120,
    "intake_visibility": 150,
}


@pytest.mark.parametrize(("bound", "seconds"), PRODUCTION.items())
def test_the_production_value_is(bound: str, seconds: int) -> None:
    assert getattr(Bounds(), bound) == timedelta(seconds=seconds)


def test_every_bound_is_pinned_here() -> None:
    assert {field.name for field in fields(Bounds)} == set(PRODUCTION)


@pytest.mark.parametrize("seconds", [0, -1])
@pytest.mark.parametrize("bound", PRODUCTION)
def test_a_bound_that_is_not_positive_is_refused_by_name(bound: str, seconds: int) -> None:
    with pytest.raises(BadSettings, match=f"^{setting(bound)} must be greater than 0.$"):
        bounds_from({bound: seconds})


@pytest.mark.parametrize(
    ("longer", "shorter", "why"),
    [
        ("queue_visibility", "call_timeout", "or a message returns while its function still runs"),
        ("dial_silence", "call_timeout", "or a live function's attempt is put in doubt"),
        ("call_timeout", "post_timeout", "or the function dies before the carrier's reply can be judged"),
        ("settle_horizon", "dial_silence", "or a doubt is resolved before it exists"),
        ("hold_limit", "settle_horizon", "or an attempt is given up before the carrier was asked"),
        ("intake_visibility", "intake_timeout", "or a run's message returns while it is still reading"),
    ],
)
def test_a_relation_that_does_not_hold_is_refused_with_its_reason(longer: str, shorter: str, why: str) -> None:
    sentence = f"^{setting(longer)} must be greater than {setting(shorter)}, {why}.$"
    quick = {"early_wait": 0.0001, "dial_guard": 0.0001}
    with pytest.raises(BadSettings, match=sentence):
        bounds_from({longer: PRODUCTION[shorter], **quick})
    bounds_from({longer: PRODUCTION[shorter] + 0.001, **quick})


def test_a_function_that_waited_for_its_slot_still_has_time_to_dial() -> None:
    parts = f"{setting('early_wait')} . {setting('dial_guard')} . {setting('post_timeout')}"
    with pytest.raises(
        BadSettings, match=f"^{setting('call_timeout')} must be greater than {parts}, or a function that"
    ):
        bounds_from({"early_wait": 19})
    bounds_from({"early_wait": 18.999})


def test_a_claim_outlives_two_deliveries_of_its_message() -> None:
    assert Bounds().claim_grace == timedelta(seconds=360)
    assert bounds_from({"queue_visibility": 40}).claim_grace == timedelta(seconds=80)


def test_bounds_that_are_not_named_keep_their_production_value() -> None:
    assert bounds_from({}) == Bounds()
    assert bounds_from({"dial_guard": 0.25}).dial_guard == timedelta(milliseconds=250)
    assert bounds_from({"dial_guard": 0.25}).early_wait == Bounds().early_wait
