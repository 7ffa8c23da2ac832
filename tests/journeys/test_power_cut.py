"""The database is killed in the middle of everything, and comes back with what it had promised to keep."""

from contextlib import suppress

from local.world import FunctionFailed
from tests.journeys.conftest import Numbers
from tests.journeys.journey import Journey, until


def test_a_power_cut_of_the_database_loses_and_doubles_nothing(journey: Journey, numbers: Numbers) -> None:
    people = numbers(30)
    campaign = journey.campaign(people, pacing={"call_delay_s": 0.1, "max_concurrent": 8})
    until(lambda: len(journey.requests()) >= 5, what=lambda: journey.show(campaign))
    journey.world.restart_mongod()
    assert len(journey.requests()) < len(people)
    with suppress(FunctionFailed):  # the first to come may find their connections broken
        journey.pass_time(campaign)
    journey.finish(campaign)
    assert journey.states(campaign) == dict.fromkeys(people, "done")
    journey.assert_kept(campaign, requests=len(people))
