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
    """The permit, the last write before the request, cannot be written: each function is killed right before it."""
    held, redialed = numbers(2)
    with journey.messages_kept():
        holding = journey.campaign([held])
        redialing = journey.campaign([redialed], doubt="redial")
        messages = journey.take_messages(holding, redialing, count=2)
    began = time.time()
    with journey.written_elsewhere(holding, redialing):
        for killed, message in enumerate(messages, start=1):
            journey.send_messages([message])
            until(
                lambda killed=killed: journey.in_state("dialing", holding, redialing) == killed,  # type: ignore[misc]
                what=lambda: (journey.show(holding), journey.show(redialing)),
            )
            journey.kill_call_functions()
    assert journey.requests() == []
    journey.finish(holding, redialing)
    journey.drain()
    (contact,) = journey.contacts(holding).values()
    assert (contact["state"], contact["reason"]) == ("held", "the carrier lists no call for this attempt")
    assert journey.states(redialing) == {redialed: "done"}
    (request,) = journey.requests()
    assert request["to"] == redialed
    assert request["at"] - began >= HORIZON_S
    journey.assert_kept(holding, redialing, requests=1, held=1)
