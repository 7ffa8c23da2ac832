"""Functions frozen at the worst moments and thawed as if nothing had happened: what they meant to do is out of date."""

import time
from contextlib import ExitStack

from tests.journeys.conftest import Numbers
from tests.journeys.journey import DIAL_GUARD_S, Journey, until
from tests.journeys.test_doubt import NOWHERE


def test_who_is_frozen_between_the_last_look_and_the_request_looks_at_the_clock_and_steps_back(
    journey: Journey, numbers: Numbers
) -> None:
    """Its permit was granted while it was frozen, and then the campaign was paused: the permit is worth nothing."""
    people = numbers(3)
    with journey.messages_kept():
        campaign = journey.campaign(people)
        messages = journey.take_messages(campaign, count=3)
    with ExitStack() as frozen:
        with journey.written_elsewhere(campaign):
            journey.send_messages(messages)
            until(
                lambda: journey.states(campaign) == dict.fromkeys(people, "dialing"),
                what=lambda: journey.show(campaign),
            )
            frozen.enter_context(journey.call_functions_frozen())
        time.sleep(0.5)  # each gets the permit it asked for, and cannot read it
        journey.ask(campaign, "pause")
        time.sleep(2 * DIAL_GUARD_S)
    journey.drain()
    assert journey.requests() == []
    found = journey.contacts(campaign).values()
    assert {(contact["state"], contact["used"]) for contact in found} == {("pending", 0)}
    journey.ask(campaign, "resume")
    journey.finish(campaign)
    assert journey.states(campaign) == dict.fromkeys(people, "done")
    journey.assert_kept(campaign, requests=3)


def test_who_is_frozen_before_the_answer_is_read_finds_the_call_settled_and_changes_nothing(
    journey: Journey, numbers: Numbers
) -> None:
    (person,) = numbers(1)
    journey.carrier.set_faults([{"kind": "accepted_slow", "op": "create", "seconds": 0.5}])
    campaign = journey.campaign([person])
    until(journey.requests, every=0.02)
    with journey.call_functions_frozen():
        until(lambda: journey.states(campaign) == {person: "done"}, what=lambda: journey.show(campaign))
        settled = journey.contacts(campaign)
    journey.drain()
    journey.reconcile()
    assert journey.contacts(campaign) == settled
    journey.assert_kept(campaign, requests=1)


def test_who_is_frozen_until_it_is_killed_leaves_a_call_that_is_adopted(journey: Journey, numbers: Numbers) -> None:
    (person,) = numbers(1)
    journey.carrier.set_routes(NOWHERE)
    journey.carrier.set_faults([{"kind": "accepted_slow", "op": "create", "seconds": 0.5}])
    campaign = journey.campaign([person])
    until(journey.requests, every=0.02)
    with journey.call_functions_frozen():
        journey.finish(campaign)
    journey.drain()
    assert journey.states(campaign) == {person: "done"}
    journey.assert_kept(campaign, requests=1)
