"""A campaign that is paused or stopped takes back what waits in the carrier's own queue: nobody of it rings later."""

import pytest

from tests.journeys.conftest import Numbers
from tests.journeys.journey import Journey, until

ONCE = {"max_attempts": 1, "delays_s": {"canceled": 0}}
LONG_S = 1000.0


@pytest.mark.parametrize("verb", ["pause", "stop"])
def test_calls_in_the_carrier_s_queue_are_taken_back_at_once(journey: Journey, numbers: Numbers, verb: str) -> None:
    people = numbers(5)
    with journey.slow_carrier(seconds_between=LONG_S):
        campaign = journey.campaign(people, retry=ONCE)
        until(lambda: journey.in_state("placed", campaign) + journey.in_state("done", campaign) == 5)
        journey.ask(campaign, verb)
        until(lambda: journey.in_state("pending", campaign) == 4, what=lambda: journey.show(campaign))
        journey.carrier.wait_idle()
    (called,) = journey.rang()
    waiting = set(people) - {called}
    found = journey.contacts(campaign)
    assert {(found[phone]["state"], found[phone]["used"]) for phone in waiting} == {("pending", 0)}
    assert [found[phone]["attempts"][0]["outcome"] for phone in waiting] == ["canceled"] * 4
    if verb == "pause":
        journey.ask(campaign, "resume")
        journey.finish(campaign)
        assert journey.rang() == set(people)
        journey.assert_kept(campaign, requests=9)


def test_what_is_taken_back_without_word_of_the_pause_is_found_by_the_next_reconcile(
    journey: Journey, numbers: Numbers
) -> None:
    """The announcement of a pause may be lost: a run of the schedule needs no announcement."""
    people = numbers(3)
    with journey.slow_carrier(seconds_between=LONG_S):
        campaign = journey.campaign(people, retry=ONCE)
        until(lambda: journey.in_state("placed", campaign) + journey.in_state("done", campaign) == 3)
        journey.paused_without_a_word(campaign)
        journey.reconcile()  # the schedule may have begun one of its own
        until(lambda: journey.in_state("pending", campaign) == 2, what=lambda: journey.show(campaign))
        journey.carrier.wait_idle()
    assert len(journey.rang()) == 1
