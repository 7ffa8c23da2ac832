"""Everything that AWS keeps is lost at once: queues, locks, functions. What MongoDB knows is enough to go on."""

from tests.journeys.conftest import Numbers
from tests.journeys.journey import Journey, until
from tests.journeys.test_doubt import NOWHERE


def test_when_aws_loses_all_it_keeps_the_fence_is_raised_and_nobody_is_forgotten_or_called_twice(
    journey: Journey, numbers: Numbers
) -> None:
    """Some have been called, one is on the phone, and the messages about others lie in the queue."""
    called, talking, queued, later = numbers(9)[:2], numbers(9)[2], numbers(9)[3:6], numbers(9)[6:]
    campaign = journey.campaign(called[:1])
    journey.finish(campaign)
    journey.add(campaign, called[1:])
    journey.finish(campaign)
    journey.carrier.set_routes(NOWHERE)
    journey.add(campaign, [talking])
    journey.tick(campaign)
    until(lambda: journey.states(campaign)[talking] == "placed", what=lambda: journey.show(campaign))
    fence = journey.document(campaign)["fence"]
    assert fence > 1
    with journey.messages_kept():
        journey.add(campaign, queued)
        until(lambda: journey.tick(campaign) and journey.in_state("claimed", campaign) == len(queued))
        journey.world.restart_aws()
    journey.carrier.set_routes({})
    locks = journey.world.client("dynamodb").scan(TableName=journey.world.tables["LockTable"])["Items"]
    assert locks == []
    journey.add(campaign, later)
    assert "fence was raised" in journey.tick(campaign)["alarm"]
    assert journey.document(campaign)["fence"] > fence
    journey.finish(campaign)
    assert set(journey.states(campaign).values()) == {"done"}
    assert journey.tick(campaign)["alarm"] == ""
    journey.assert_kept(campaign, requests=9)
