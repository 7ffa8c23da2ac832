"""A carrier that takes no calls: the campaign stops by itself after a few, and it costs nobody an attempt or a call."""

from dialer.breaker import STREAK
from tests.journeys.conftest import Numbers
from tests.journeys.journey import CALL_FUNCTIONS, Journey, until

PEOPLE = STREAK + 10


def test_a_campaign_whose_carrier_refuses_everything_pauses_itself_and_after_a_resume_calls_everybody_once(
    journey: Journey, numbers: Numbers
) -> None:
    people = numbers(PEOPLE)
    journey.carrier.set_faults([{"kind": "429", "op": "create", "match": people}])
    campaign = journey.campaign(people, max_concurrent=PEOPLE)
    until(
        lambda: journey.tick(campaign)["outcome"] == "not running",
        every=0.5,
        what=lambda: journey.show(campaign),
    )
    journey.drain()
    refused = len(journey.requests())
    assert STREAK <= refused <= STREAK + CALL_FUNCTIONS  # those whose permits are older than the pause
    paused = journey.document(campaign)
    assert paused["state"] == "paused"
    assert paused["reason"].startswith(f"{STREAK} in a row: the carrier takes no calls: ")
    assert {one["used"] for one in journey.contacts(campaign).values()} == {0}
    journey.carrier.set_faults()
    journey.ask(campaign, "resume")
    journey.finish(campaign)
    found = journey.contacts(campaign)
    assert {(found[phone]["state"], found[phone]["used"]) for phone in people} == {("done", 1)}
    assert journey.struck() == {"429": refused}
    journey.assert_kept(campaign, requests=refused + PEOPLE)
