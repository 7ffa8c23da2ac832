"""Campaigns run through the deployed API alone: at the carrier's ledger nothing leaves once a halt is confirmed."""

import time
from dataclasses import replace

import pytest

from local.world import World
from tests.journeys.conftest import Numbers
from tests.journeys.journey import DIAL_GUARD_S, FROM, Journey, until
from tests.journeys.office import Office

FORM = {
    "name": "by the API",
    "from_numbers": [FROM],
    "call": {"say": "Hello {name}.", "ring_timeout_s": 15, "talk_limit_s": 5},
    "pacing": {"call_delay_s": 0.1, "max_concurrent": 20},
    "any_hour_because": "a test runs at any hour",
}


@pytest.fixture
def office(world: World) -> Office:
    return Office(url=world.api_url, token=world.operator_token)


def a_running_campaign(office: Office, people: list[str]) -> str:
    campaign_id: str = office.do("POST", "/campaigns", FORM)["id"]
    rows = [{"phone": phone, "name": "Ada"} for phone in people]
    added = office.do("POST", f"/campaigns/{campaign_id}/contacts", {"rows": rows})
    assert added["added"] == len(people)
    office.do("POST", f"/campaigns/{campaign_id}/start")
    return campaign_id


def test_a_campaign_runs_from_its_form_to_its_end(journey: Journey, office: Office, numbers: Numbers) -> None:
    people = numbers(4)
    campaign_id = a_running_campaign(office, people)
    journey.finish(campaign_id)
    assert {request["to"] for request in journey.requests()} == set(people)
    told = office.do("GET", f"/campaigns/{campaign_id}/stats")
    assert (told["counts"], told["outcomes"], told["dials"]) == ({"done": 4}, {"answered": 4}, 4)
    (found,) = office.do("POST", "/contacts/find", {"phone": people[0]})["items"]
    assert [attempt["outcome"] for attempt in found["attempts"]] == ["answered"]
    office.do("POST", f"/campaigns/{campaign_id}/stop")


def test_no_request_leaves_after_a_pause_or_a_stop_all_is_confirmed(
    journey: Journey, office: Office, numbers: Numbers
) -> None:
    """With messages in the queue and functions at work; and what was halted goes on when it is resumed."""
    people = numbers(40)
    campaigns = [a_running_campaign(office, people[:20]), a_running_campaign(office, people[20:])]
    until(lambda: len(journey.requests()) >= 3, what=lambda: journey.show(campaigns[0]))
    office.do("POST", f"/campaigns/{campaigns[0]}/pause", {"reason": "a look first"})
    confirmed = time.time()
    asked = time.time()
    halted = office.do("POST", "/stop-all", {"reason": "wrong text"})
    all_confirmed = time.time()
    assert halted["paused"] == [campaigns[1]]
    for campaign_id in campaigns:
        journey.tick(campaign_id)
    journey.drain()
    requests = journey.requests()
    assert 3 <= len(requests) < 40
    first = {request["to"] for request in requests if request["at"] > confirmed} & set(people[:20])
    assert first == set()
    assert [request for request in requests if request["at"] > all_confirmed] == []
    last = max(request["at"] for request in requests)
    assert last - asked <= 2 * DIAL_GUARD_S
    for campaign_id in campaigns:
        office.do("POST", f"/campaigns/{campaign_id}/resume")
    journey.finish(*campaigns)
    assert sorted(request["to"] for request in journey.requests()) == sorted(people)
    for campaign_id in campaigns:
        office.do("POST", f"/campaigns/{campaign_id}/stop")


def test_who_is_suppressed_by_the_api_is_not_called_though_their_message_is_in_the_queue(
    journey: Journey, office: Office, numbers: Numbers
) -> None:
    refusing, other = numbers(2)
    with journey.messages_kept():
        campaign_id = a_running_campaign(office, [refusing, other])
        messages = journey.take_messages(campaign_id, count=2)
    office.do("POST", "/suppressions", {"phone": refusing, "reason": "asked by mail"})
    journey.send_messages(messages)
    journey.finish(campaign_id)
    assert [request["to"] for request in journey.requests()] == [other]
    assert journey.states(campaign_id) == {refusing: "suppressed", other: "done"}
    office.do("POST", f"/campaigns/{campaign_id}/stop")


def test_strangers_and_viewers_change_nothing_and_a_repeated_post_makes_one(office: Office) -> None:
    stranger = replace(office, token=office.token[:-1] + ("A" if office.token[-1] != "A" else "B"))
    assert stranger.ask("POST", "/stop-all").status == 401
    made = office.do("POST", "/tokens", {"name": "a viewer", "role": "viewer", "days": 1})
    viewer = replace(office, token=made["token"])
    assert viewer.ask("GET", "/campaigns").status == 200
    assert viewer.ask("POST", "/campaigns", FORM).status == 403
    first, again = (office.do("POST", "/campaigns", FORM, Idempotency_Key="the-first-of-march") for _ in range(2))
    assert first == again
    office.do("DELETE", f"/tokens/{made['id']}")
    assert viewer.ask("GET", "/campaigns").status == 401
    office.do("POST", f"/campaigns/{first['id']}/archive")
