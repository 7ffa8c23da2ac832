"""Replies that are lost: what the carrier has is adopted and settled; what it cannot tell is held, or redialed late."""

from tests.journeys.conftest import Numbers
from tests.journeys.journey import HORIZON_S, Journey, until

LOST_YES = (
    "accepted_then_cut",
    "accepted_slow",
    "accepted_empty",
    "accepted_truncated",
    "accepted_html_502",
    "accepted_500",
)
LOST_NO = ("reset", "hang", "html_502", "500_before", "503_before")
NOWHERE = {"127.0.0.1": "127.0.0.1:9"}  # where no webhook, and no question for what to say, arrives


def test_every_lost_yes_is_found_in_the_carriers_list_even_without_any_webhook(
    journey: Journey, numbers: Numbers
) -> None:
    answering, busy = numbers(12)[:6], numbers(12)[6:]
    journey.fates(dict.fromkeys(busy, "busy"))
    journey.carrier.set_faults(
        [
            {"kind": kind, "op": "create", "match": [one, other], "seconds": 4}
            for kind, one, other in zip(LOST_YES, answering, busy, strict=True)
        ]
    )
    journey.carrier.set_routes(NOWHERE)
    campaign = journey.campaign([*answering, *busy], retry={"max_attempts": 3, "delays_s": {}})
    journey.finish(campaign)
    assert journey.struck() == dict.fromkeys(LOST_YES, 2)
    calls = {call["to"]: call["sid"] for call in journey.carrier.calls()}
    found = journey.contacts(campaign)
    stories = {phone: [(past["outcome"], past["sid"]) for past in one["attempts"]] for phone, one in found.items()}
    assert stories == {
        **{phone: [("answered", calls[phone])] for phone in answering},
        **{phone: [("busy", calls[phone])] for phone in busy},
    }
    assert {found[phone]["state"] for phone in answering} == {"done"}
    assert {found[phone]["state"] for phone in busy} == {"failed"}
    journey.assert_kept(campaign, requests=12)


def test_calls_whose_webhooks_are_all_lost_are_settled_by_asking(journey: Journey, numbers: Numbers) -> None:
    journey.carrier.set_routes(NOWHERE)
    campaign = journey.campaign(numbers(4))
    journey.finish(campaign)
    assert set(journey.states(campaign).values()) == {"done"}
    assert not [record for record in journey.ledger() if record["kind"] == "callback" and record["status"]]
    journey.assert_kept(campaign, requests=4)


def test_a_request_that_may_have_come_to_nothing_is_held_with_its_reason_and_never_repeated(
    journey: Journey, numbers: Numbers
) -> None:
    doubtful, well = numbers(14)[:10], numbers(14)[10:]
    journey.carrier.set_faults(
        [
            {"kind": kind, "op": "create", "match": doubtful[2 * index : 2 * index + 2]}
            for index, kind in enumerate(LOST_NO)
        ]
    )
    campaign = journey.campaign([*doubtful, *well])
    journey.finish(campaign)
    assert journey.struck() == dict.fromkeys(LOST_NO, 2)
    found = journey.contacts(campaign)
    assert {(found[phone]["state"], found[phone]["used"]) for phone in doubtful} == {("held", 1)}
    assert all("lists no call" in found[phone]["reason"] for phone in doubtful)
    assert {found[phone]["state"] for phone in well} == {"done"}
    journey.assert_kept(campaign, requests=14, held=10)


def test_where_the_campaign_redials_the_second_request_comes_after_the_horizon(
    journey: Journey, numbers: Numbers
) -> None:
    journey.carrier.set_faults([{"kind": "reset", "op": "create", "nth": [1]}])
    campaign = journey.campaign(numbers(1), doubt="redial")
    journey.finish(campaign)
    first, second = journey.requests()
    assert second["at"] - first["at"] >= HORIZON_S
    journey.assert_kept(campaign, requests=2)


def test_a_carrier_that_refuses_connections_or_is_too_busy_costs_no_attempt(journey: Journey, numbers: Numbers) -> None:
    unconnected, throttled = numbers(8)[:4], numbers(8)[4:]
    with journey.messages_kept():
        campaign = journey.campaign(unconnected)
        journey.send_messages(journey.take_messages(campaign, count=4))
        journey.carrier.refuse(4)
    until(
        lambda: {one["reason"] for one in journey.contacts(campaign).values()} == {"no connection"},
        what=lambda: journey.show(campaign),
    )
    assert {(one["state"], one["used"]) for one in journey.contacts(campaign).values()} == {("pending", 0)}
    until(lambda: answers(journey), what=lambda: "the carrier is still away")
    assert journey.requests() == []
    journey.carrier.set_faults([{"kind": "429", "op": "create", "match": phone, "nth": [1]} for phone in throttled])
    journey.add(campaign, throttled)
    journey.finish(campaign)
    assert journey.struck() == {"429": 4}
    assert {(one["state"], one["used"]) for one in journey.contacts(campaign).values()} == {("done", 1)}
    journey.assert_kept(campaign, requests=4 + 2 * 4)


def answers(journey: Journey) -> bool:
    try:
        return bool(journey.carrier.state())
    except OSError:
        return False
