"""A list without faults: everybody is called as the campaign and their own fate say."""

from tests.journeys.conftest import Numbers
from tests.journeys.journey import HUMAN, Journey, until


def test_everybody_is_called_as_often_as_their_fate_demands(journey: Journey, numbers: Numbers) -> None:
    human, busy, silent, machine, refused, *others = numbers(16)
    journey.carrier.set_fates(
        {
            human: HUMAN,
            busy: ["busy", HUMAN],
            silent: "no-answer",
            machine: {"kind": "machine", "ring": 4, "talk": 5},
            refused: {"kind": "refuse", "code": 21211},
        },
        mix=[{"weight": 1, **HUMAN}],
    )
    campaign = journey.campaign([human, busy, silent, machine, refused, *others])
    journey.finish(campaign)
    journey.assert_kept(campaign)
    counted = [len(journey.requests(number)) for number in (human, busy, silent, machine, refused)]
    assert counted == [1, 2, 3, 1, 1]
    states = journey.states(campaign)
    assert (states[human], states[busy], states[silent], states[refused]) == ("done", "done", "failed", "failed")


def test_an_account_error_pauses_the_campaign_and_costs_nobody_an_attempt(journey: Journey, numbers: Numbers) -> None:
    people = numbers(6)
    journey.carrier.set_fates({person: [{"kind": "refuse", "code": 20003}, HUMAN] for person in people})
    campaign = journey.campaign(people, max_concurrent=1)
    journey.tick(campaign)
    until(lambda: journey.show(campaign)["state"] == "paused", what="the pause")
    shown = journey.show(campaign)
    assert "20003" in shown["reason"]
    assert set(shown["counts"]) <= {"pending", "claimed"}
    assert all(contact["used"] == 0 for contact in shown["contacts"])
