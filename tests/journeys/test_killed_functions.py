"""Call functions killed at work, before and after their one request: nobody is called twice, nobody is forgotten."""

import time

from tests.journeys.conftest import Numbers
from tests.journeys.journey import HORIZON_S, Journey, until
from tests.journeys.test_doubt import NOWHERE


def test_a_function_killed_while_the_carrier_answers_leaves_one_call_which_is_adopted(
    journey: Journey, numbers: Numbers
) -> None:
    (person,) = numbers(1)
    journey.carrier.set_faults([{"kind": "accepted_slow", "op": "create", "seconds": 4}])
    journey.carrier.set_routes(NOWHERE)
    campaign = journey.campaign([person])
    until(journey.requests, every=0.02)
    journey.kill_call_functions()
    assert journey.states(campaign) == {person: "dialing"}
    journey.finish(campaign)
    journey.drain()  # its message came again, and was dropped
    (call,) = [call for call in journey.carrier.calls() if call["to"] == person]
    contact = journey.contacts(campaign)[person]
    assert (contact["state"], [past["sid"] for past in contact["attempts"]]) == ("done", [call["sid"]])
    journey.assert_kept(campaign, requests=1)


def test_a_function_killed_before_its_request_leaves_nobody_called_until_the_doubt_is_over(
    journey: Journey, numbers: Numbers
) -> None:
    """The permit, the last write before the request, cannot be written: all functions stand right before it."""
    people = numbers(4)
    held, redialed = people[:2], people[2:]
    with journey.messages_kept():
        holding = journey.campaign(held)
        redialing = journey.campaign(redialed, doubt="redial")
        messages = journey.take_messages(holding, redialing, count=4)
    began = time.time()
    with journey.written_elsewhere(holding, redialing):
        journey.send_messages(messages)
        until(
            lambda: {**journey.states(holding), **journey.states(redialing)} == dict.fromkeys(people, "dialing"),
            what=lambda: (journey.show(holding), journey.show(redialing)),
        )
        journey.kill_call_functions()
    assert journey.requests() == []
    journey.finish(holding, redialing)
    journey.drain()
    assert journey.states(holding) == dict.fromkeys(held, "held")
    assert {one["reason"] for one in journey.contacts(holding).values()} == {
        "the carrier lists no call for this attempt"
    }
    assert journey.states(redialing) == dict.fromkeys(redialed, "done")
    assert sorted(request["to"] for request in journey.requests()) == redialed
    assert all(request["at"] - began >= HORIZON_S for request in journey.requests())
    journey.assert_kept(holding, redialing, requests=2, held=2)
