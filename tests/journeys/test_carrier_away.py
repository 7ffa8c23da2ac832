"""The carrier refuses every connection for longer than any bound of the dialer, and comes back."""

import time

from tests.journeys.conftest import Numbers
from tests.journeys.journey import BOUNDS, Journey, until
from tests.journeys.test_doubt import NOWHERE, answers

LONGER_THAN_ANY_BOUND_S = 1 + max(
    2 * int(BOUNDS["QueueVisibilitySeconds"]), int(BOUNDS["SettleHorizonSeconds"]), int(BOUNDS["LockLeaseSeconds"])
)
OTHERS_COME_AFTER_S = 9


def test_a_carrier_that_is_away_for_minutes_costs_nobody_an_attempt_and_calls_nobody_twice(
    journey: Journey, numbers: Numbers
) -> None:
    """One is in doubt when it goes and one is on the phone; the others come while it is away."""
    doubtful, talking, *others = numbers(5)
    journey.carrier.set_faults([{"kind": "accepted_then_cut", "op": "create", "match": doubtful}])
    journey.carrier.set_routes(NOWHERE)
    campaign = journey.campaign([doubtful, talking])
    until(
        lambda: journey.states(campaign) == {doubtful: "uncertain", talking: "placed"},
        what=lambda: journey.show(campaign),
    )
    began = time.monotonic()
    journey.carrier.refuse(LONGER_THAN_ANY_BOUND_S)
    added = False
    while not answers(journey):
        journey.pass_time(campaign)
        known = journey.contacts(campaign)
        if answers(journey):
            break  # it may have been back when they were looked at
        assert {known[doubtful]["state"], known[talking]["state"]} == {"uncertain", "placed"}
        assert {(known[one]["state"], known[one]["used"]) for one in others if one in known} <= WAITING
        if not added and time.monotonic() - began > OTHERS_COME_AFTER_S:
            journey.add(campaign, others)
            added = True
    assert time.monotonic() - began >= LONGER_THAN_ANY_BOUND_S
    assert "no connection" in {one["reason"] for one in journey.contacts(campaign).values()}
    journey.finish(campaign)
    found = journey.contacts(campaign).values()
    assert {(one["state"], one["used"]) for one in found} == {("done", 1)}
    journey.assert_kept(campaign, requests=5)


WAITING = {("pending", 0), ("claimed", 0), ("dialing", 1)}
