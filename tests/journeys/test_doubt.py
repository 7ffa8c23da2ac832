"""Replies that are lost and functions that die: what the carrier has is adopted; the rest is held, or redialed."""

import os
import signal

import pytest

from tests.journeys.conftest import Numbers
from tests.journeys.journey import Journey, until

EVERY_WEBHOOK_LOST = [{"kind": "lost", "every": 1}]


@pytest.mark.parametrize("kind", ["accepted_then_cut", "accepted_500", "accepted_empty", "accepted_truncated"])
def test_a_lost_yes_is_found_in_the_carriers_list(journey: Journey, numbers: Numbers, kind: str) -> None:
    journey.carrier.set_faults([{"kind": kind, "op": "create", "every": 1}], EVERY_WEBHOOK_LOST)
    campaign = journey.campaign(numbers(4))
    journey.finish(campaign)
    journey.assert_kept(campaign)
    assert len(journey.requests()) == 4
    assert set(journey.states(campaign).values()) == {"done"}


@pytest.mark.parametrize("kind", ["reset", "500_before"])
def test_a_request_that_came_to_nothing_is_held_never_repeated(journey: Journey, numbers: Numbers, kind: str) -> None:
    journey.carrier.set_faults([{"kind": kind, "op": "create", "every": 1}])
    campaign = journey.campaign(numbers(3))
    journey.finish(campaign)
    journey.assert_kept(campaign, held=3)
    assert len(journey.requests()) == 3


def test_where_the_campaign_redials_the_second_request_comes_after_the_horizon(
    journey: Journey, numbers: Numbers
) -> None:
    journey.carrier.set_faults([{"kind": "reset", "op": "create", "nth": [1]}])
    campaign = journey.campaign(numbers(1), doubt="redial")
    journey.finish(campaign)
    journey.assert_kept(campaign)
    first, second = journey.requests()
    assert second["at"] - first["at"] >= 13


def test_too_many_requests_cost_no_attempt(journey: Journey, numbers: Numbers) -> None:
    journey.carrier.set_faults([{"kind": "429", "op": "create", "nth": [1, 2]}])
    campaign = journey.campaign(numbers(4))
    journey.finish(campaign)
    journey.assert_kept(campaign)
    assert all(contact["used"] == 1 for contact in journey.show(campaign)["contacts"])


def test_a_function_killed_while_the_carrier_answers_leaves_one_call(journey: Journey, numbers: Numbers) -> None:
    journey.carrier.set_faults(
        [{"kind": "accepted_slow", "op": "create", "every": 1, "seconds": 4}], EVERY_WEBHOOK_LOST
    )
    campaign = journey.campaign(numbers(2))
    journey.tick(campaign)
    until(lambda: len(journey.requests()) == 2, what="both requests")
    _kill_calls(journey)
    journey.finish(campaign)
    journey.assert_kept(campaign)
    assert len(journey.requests()) == 2


def test_a_function_killed_before_its_request_leaves_its_contact_held(journey: Journey, numbers: Numbers) -> None:
    journey.carrier.set_faults([{"kind": "hang", "op": "create", "every": 1}])
    campaign = journey.campaign(numbers(1))
    journey.tick(campaign)
    until(lambda: "dialing" in journey.states(campaign).values(), what="the line")
    _kill_calls(journey)
    journey.carrier.set_faults()
    journey.finish(campaign)
    journey.assert_kept(campaign, held=1)


def _kill_calls(journey: Journey) -> None:
    pids = journey.world.worker_pids("CallFunction")
    assert pids
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
