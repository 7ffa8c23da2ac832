"""A carrier that works: everybody is called as often as their own fate demands, and our own faults cost nobody."""

from tests.journeys.conftest import Numbers
from tests.journeys.journey import CALL_FUNCTIONS, HUMAN, Journey, until


def test_everybody_is_called_as_often_as_their_fate_demands(journey: Journey, numbers: Numbers) -> None:
    human, machine, fax, busy, silent, broken, wrong, *others = numbers(16)
    journey.fates(
        {
            machine: {"kind": "machine", "ring": 2},
            fax: {"kind": "fax", "ring": 2},
            busy: ["busy", HUMAN],
            silent: "no-answer",
            broken: ["failed", HUMAN],
            wrong: {"kind": "refuse", "code": 21211},
        }
    )
    call = {"say": "Hello {name}.", "ring_timeout_s": 15, "talk_limit_s": 30, "detect_machine": True}
    campaign = journey.campaign([human, machine, fax, busy, silent, broken, wrong, *others], call=call)
    journey.finish(campaign)
    found = journey.contacts(campaign)
    stories = {phone: (one["state"], [past["outcome"] for past in one["attempts"]]) for phone, one in found.items()}
    assert stories == {
        human: ("done", ["answered"]),
        machine: ("done", ["machine"]),
        fax: ("done", ["machine"]),
        busy: ("done", ["busy", "answered"]),
        silent: ("failed", ["no-answer"] * 3),
        broken: ("done", ["failed", "answered"]),
        wrong: ("failed", ["refused"]),
        **{other: ("done", ["answered"]) for other in others},
    }
    assert "21211" in found[wrong]["reason"]
    journey.assert_kept(campaign, requests=(1 + 1 + 1 + 2 + 3 + 2 + 1) + len(others))


def test_a_country_that_is_closed_to_us_is_left_out_and_the_others_are_called(
    journey: Journey, numbers: Numbers
) -> None:
    first, second = "+14165550101", "+14165550102"  # Toronto
    journey.fates({canadian: {"kind": "refuse", "code": 21215} for canadian in (first, second)})
    campaign = journey.campaign([first])
    until(lambda: "21215" in journey.reason_of(first, campaign), what=lambda: journey.show(campaign))
    americans = numbers(6)
    journey.add(campaign, [second, *americans])

    def all_reached() -> bool:
        journey.pass_time(campaign)
        states = journey.states(campaign)
        return {states[phone] for phone in americans} == {"done"} and states[second] == "pending"

    until(all_reached, what=lambda: journey.show(campaign))
    found = journey.contacts(campaign)
    assert journey.show(campaign)["state"] == "running"
    assert {(found[phone]["state"], found[phone]["used"]) for phone in (first, second)} == {("pending", 0)}
    assert (len(journey.requests(first)), len(journey.requests(second))) == (1, 0)
    verdict = journey.verdict(campaign)
    assert (verdict["duplicates"], verdict["unasked"], verdict["summary"]["requests"]) == (0, [], 1 + len(americans))
    assert {owed["phone"] for owed in verdict["lost"]} <= {first, second}  # they wait for their country


def test_an_account_error_pauses_the_campaign_and_costs_nobody_an_attempt(journey: Journey, numbers: Numbers) -> None:
    people = numbers(12)
    journey.fates({person: {"kind": "refuse", "code": 20003, "status": 401} for person in people})
    campaign = journey.campaign(people)
    until(lambda: journey.show(campaign)["state"] == "paused", what=lambda: journey.show(campaign))
    journey.drain()
    assert "20003" in journey.show(campaign)["reason"]
    assert {(one["state"], one["used"]) for one in journey.contacts(campaign).values()} == {("pending", 0)}
    refused = len(journey.requests())
    assert 1 <= refused <= CALL_FUNCTIONS  # those that had their permits already
    journey.fates({})  # the account is in order again
    journey.ask(campaign, "resume")
    journey.finish(campaign)
    assert set(journey.states(campaign).values()) == {"done"}
    journey.assert_kept(campaign, requests=refused + len(people))
