"""Other numbers of a person: called in turn, one at a time even where two people share one, and no attempt too many."""

from tests.journeys.conftest import Numbers
from tests.journeys.journey import Journey


def test_a_person_is_called_at_another_number_when_their_own_does_not_exist_or_is_busy(
    journey: Journey, numbers: Numbers
) -> None:
    gone, busy, office, home = numbers(4)
    journey.fates({gone: {"kind": "refuse", "code": 21211}, busy: {"kind": "busy", "ring": 1}})
    campaign = journey.campaign([gone, busy], others={gone: office, busy: home})
    journey.finish(campaign)
    journey.assert_kept(campaign, requests=4)
    stories = journey.contacts(campaign)
    assert [past["to"] for past in stories[gone]["attempts"]] == [gone, office]
    assert [past["to"] for past in stories[busy]["attempts"]] == [busy, home]
    assert (stories[gone]["used"], stories[busy]["used"]) == (1, 2)


def test_nobody_is_called_at_a_number_of_somebody_else_s_who_is_on_the_line(journey: Journey, numbers: Numbers) -> None:
    """One's first number is another's second."""
    first, second = numbers(2)
    journey.fates({first: {"kind": "human", "ring": 10, "talk": 60}, second: {"kind": "busy", "ring": 1}})
    campaigns = journey.campaign([first]), journey.campaign([second], others={second: first})
    journey.finish(*campaigns)
    journey.assert_kept(*campaigns, requests=3)
    assert len(journey.requests(first)) == 2
