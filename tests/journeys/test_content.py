"""What is said, on the whole world: opting out, menus, transfers, machines and agents, judged by the ledger."""

import hashlib
import hmac
import time
from base64 import urlsafe_b64encode
from typing import Any

from local.carrier.control import Json
from tests.carrier.test_conversation import Agent
from tests.journeys.conftest import Numbers
from tests.journeys.journey import HUMAN, Journey, Number

LONG = {"ring_timeout_s": 15, "talk_limit_s": 600}
SURVEY = [
    {"say": "Hello {name}."},
    {
        "menu": {
            "name": "coming",
            "say": "Are you coming?",
            "keys": {
                "1": {"outcome": "yes", "then": [{"say": "Good."}]},
                "2": {
                    "outcome": "no",
                    "words": ["no"],
                    "then": [
                        {"menu": {"name": "why", "say": "Why?", "keys": {"1": {"outcome": "ill"}}}},
                        {"say": "Thank you."},
                    ],
                },
                "3": {
                    "outcome": "agent",
                    "then": [
                        {
                            "transfer": {
                                "to": "+13105550142",
                                "whisper": "{name} calls.",
                                "timeout_s": 20,
                                "otherwise": [{"say": "Nobody is here."}],
                            }
                        }
                    ],
                },
            },
        }
    },
]


def talking(**inputs: Any) -> dict[str, Any]:
    return {**HUMAN, "talk": 500, **inputs}


def heard(journey: Journey, *people: Number) -> dict[Number, list[str]]:
    return {call["to"]: call["heard"] for call in journey.carrier.calls() if call["to"] in people}


def answers(journey: Journey, campaign: str) -> dict[Number, dict[str, str]]:
    return {phone: one["attempts"][-1]["answers"] for phone, one in journey.contacts(campaign).items()}


def test_every_answer_of_a_call_is_kept_and_a_transfer_reaches_somebody(journey: Journey, numbers: Numbers) -> None:
    yes, nested, spoken, moved, alone, silent = people = numbers(6)
    journey.fates(
        {
            yes: talking(digits=["", "1"]),
            nested: talking(digits=["", "2", "1"]),
            spoken: talking(says=["well, no"]),
            moved: talking(digits=["", "3"]),
            alone: talking(digits=["", "3"], transfers=["no-answer"]),
            silent: talking(),
        }
    )
    campaign = journey.campaign(people, call={"script": SURVEY, **LONG})
    journey.finish(campaign)
    assert answers(journey, campaign) == {
        yes: {"coming": "yes"},
        nested: {"coming": "no", "why": "ill"},
        spoken: {"coming": "no"},
        moved: {"coming": "agent", "transfer": "completed"},
        alone: {"coming": "agent", "transfer": "no-answer"},
        silent: {},
    }
    said = heard(journey, *people)
    assert said[nested][-1] == said[spoken][-1] == "Thank you."
    assert (said[yes][-1], said[alone][-1]) == ("Good.", "Nobody is here.")
    whispers = [one for one in journey.ledger() if one["kind"] == "callback" and one["event"] == "whisper"]
    assert [one["status"] for one in whispers] == [200]
    journey.assert_kept(campaign, requests=len(people))


def test_who_opts_out_by_key_or_by_word_is_never_called_again_though_a_message_is_queued(
    journey: Journey, numbers: Numbers
) -> None:
    """Their second campaign has claimed them and sent its messages before they opt out of the first one's call."""
    by_key, by_word, stays = people = numbers(3)
    journey.fates({by_key: talking(digits=["9"]), by_word: talking(says=["please stop"]), stays: talking()})
    second = journey.campaign([])
    journey.add(second, people)
    with journey.messages_kept():
        assert journey.tick(second)["sent"] == len(people)
        queued = journey.take_messages(second, count=len(people))
    first = journey.campaign(people, call={"script": SURVEY, **LONG})
    journey.finish(first)
    assert [answers(journey, first)[person] for person in people] == [
        {"opt_out": "keypress"}, {"opt_out": "speech"}, {},
    ]  # fmt: skip
    for person in (by_key, by_word):
        assert heard(journey, person)[person][-1] == "You will not be called again. Goodbye."
    journey.send_messages(queued)
    journey.drain()
    journey.finish(second)
    assert [len(journey.requests(person)) for person in people] == [1, 1, 2]
    assert journey.states(second) == {by_key: "suppressed", by_word: "suppressed", stays: "done"}
    assert journey.verdict(first)["duplicates"] == 0


def test_a_machine_is_told_the_voicemail_and_a_person_hears_nothing_of_it(journey: Journey, numbers: Numbers) -> None:
    machine, person = people = numbers(2)
    journey.fates({machine: {"kind": "machine", "ring": 2, "talk": 500}, person: talking()})
    call = {"say": "Hello {name}.", "detect_machine": True, "voicemail": "Call us, {name}.", **LONG}
    with journey.slow_calls():
        campaign = journey.campaign(people, call=call)
        journey.finish(campaign)
    said = heard(journey, *people)
    assert (said[machine][-1], said[person]) == ("Call us, Ada.", ["Hello Ada."])
    outcomes = {phone: one["attempts"][-1]["outcome"] for phone, one in journey.contacts(campaign).items()}
    assert outcomes == {machine: "voicemail", person: "answered"}
    journey.assert_kept(campaign, requests=len(people))


def signed(auth_token: str, claim: str) -> str:
    """As an agent checks it, which has read only how."""
    key = hmac.new(auth_token.encode(), b"dialer media stream v1", hashlib.sha256).hexdigest()
    return urlsafe_b64encode(hmac.new(key.encode(), claim.encode(), hashlib.sha256).digest()).decode().rstrip("=")


def test_an_agent_gets_the_call_with_a_token_that_it_can_check(journey: Journey, numbers: Numbers) -> None:
    (person,) = numbers(1)
    journey.fates({person: talking()})
    agent = Agent()
    agent.open()
    try:
        script = [{"stream": {"url": agent.url, "parameters": {"who": "{name}"}}}, {"say": "Goodbye."}]
        campaign = journey.campaign([person], call={"script": script, **LONG})
        journey.finish(campaign)
    finally:
        agent.close()
    (start,) = [one["start"] for one in agent.told if one["event"] == "start"]
    told: Json = start["customParameters"]
    (request,) = journey.requests(person)
    claim, _, signature = told["token"].rpartition(".")
    version, expires, *whose = claim.split(".")
    assert (version, whose) == ("v1", [request["contact_id"], request["attempt_id"]])
    assert 0 < int(expires) - time.time() <= 120
    assert signature == signed(journey.world.auth_token, claim)
    assert (told["who"], told["campaign_id"]) == ("Ada", campaign)
    assert heard(journey, person) == {person: ["Goodbye."]}
    journey.assert_kept(campaign, requests=1)


def test_a_test_call_reaches_only_the_number_it_was_asked_for(journey: Journey, numbers: Numbers) -> None:
    listed, own = numbers(2)
    campaign = journey.campaign([listed])
    journey.finish(campaign)
    made = journey.test_call(campaign, own)
    journey.finish(made)
    journey.tick(made)
    assert (len(journey.requests(listed)), len(journey.requests(own))) == (1, 1)
    assert (journey.show(made)["state"], journey.states(made)) == ("stopped", {own: "done"})
    assert journey.show(campaign)["state"] == "running"
